//! The trading service as its users meet it: the real binary, over HTTP, on a real database of its own.
#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml lets tests unwrap; their helpers are part of them"
)]

mod access;
mod api;
mod bad_input;
mod binary;
mod catalogue;
mod concurrency;
mod credentials;
mod faults;
mod market_prices;
mod rates;
mod schema;
mod support;
mod tokens;
