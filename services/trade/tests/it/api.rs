//! What the trading service answers when it is asked properly.

mod history;
mod idempotency;
mod openapi;
mod orders;
mod portfolio;
mod probes;
mod reference;
mod trades_csv;
