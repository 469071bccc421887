//! Exact value types of the market: symbols, users, prices, quantities, money.
//!
//! A value of one of these types is valid: it was parsed from its digits and checked against its
//! limits. Numbers are whole counts of a fixed decimal unit, so that adding, multiplying and sharing
//! out never round unseen. This crate does no I/O, reads no clock and knows no float.

mod decimal;
mod error;
mod money;
mod name;
mod percent;
mod quantities;
mod side;
mod timestamp;

pub use error::Invalid;
pub use money::Money;
pub use name::{Sector, StockName, Symbol, UserId};
pub use percent::Percent;
pub use quantities::{MarketCap, Price, Quantity, Volume};
pub use side::Side;
pub use timestamp::Timestamp;
