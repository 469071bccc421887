//! Wire types of the catalogue, and the client that follows it.
//!
//! The client never makes a price up: what it has not heard of lately, it does not tell.

mod board;
mod client;
mod events;
mod follow;
mod stream;
mod wire;

pub use client::{CatalogueClient, ConnectError, Listing};
pub use events::{Event, Events};
pub use wire::{NewStock, Stock, StockPrice};
