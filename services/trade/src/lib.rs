//! The trading service: orders, trades and portfolios.

mod app;
mod book;
mod engine;
mod error;
mod http;
mod known;
mod order;
mod portfolio;
mod position;
mod settings;
mod store;
mod trade;

pub use app::{SERVICE, build};
pub use settings::Settings;
