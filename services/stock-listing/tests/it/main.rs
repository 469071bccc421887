//! The catalogue service as its users meet it: the real binary, over HTTP, on a real database of its own.
#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml lets tests unwrap; their helpers are part of them"
)]

mod access;
mod api;
mod bad_input;
mod binary;
mod live;
mod schema;
mod support;
