//! The catalogue service: stocks and their live prices.

mod app;
mod error;
mod http;
mod settings;
mod stock;
mod store;

pub use app::{SERVICE, build};
pub use settings::Settings;
