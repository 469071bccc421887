//! Extractors whose every rejection is a problem document.

mod body;
mod idempotency;
mod items;
mod path;
mod query;

pub use body::{BODY_LIMIT_BYTES, Json};
pub use idempotency::IdempotencyKey;
pub use items::Items;
pub use path::Path;
pub use query::{FromQuery, Parameters, Query};
