//! testkit on real servers, processes and sockets.
#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml lets tests unwrap; their helpers are part of them"
)]

mod answers;
mod disk;
mod http;
mod postgres;
mod process;
mod waiting;
