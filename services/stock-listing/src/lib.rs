//! The catalogue service: stocks and their live prices.

mod app;
mod candle;
mod changes;
mod error;
mod feed;
mod forming;
mod history;
mod http;
mod interval;
mod live;
mod retention;
mod settings;
mod snapshot;
mod stock;
mod store;
mod ticker;

pub use app::{SERVICE, build};
pub use retention::Retention;
pub use settings::Settings;
