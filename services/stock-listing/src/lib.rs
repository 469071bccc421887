//! The catalogue service: stocks and their live prices.

mod app;
mod changes;
mod error;
mod feed;
mod http;
mod live;
mod settings;
mod snapshot;
mod stock;
mod store;
mod ticker;

pub use app::{SERVICE, build};
pub use settings::Settings;
