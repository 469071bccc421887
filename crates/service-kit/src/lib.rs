//! What every service shares: settings, problem documents, telemetry, health and graceful serving.
//!
//! This crate knows no stock and no trade. It never reads the process's environment by itself:
//! settings come from the texts that a binary's `main` hands over.

pub mod app;
pub mod auth;
pub mod cli;
pub mod clock;
mod complaint;
mod connection;
pub mod database;
pub mod extract;
pub mod healthcheck;
pub mod http;
pub mod ids;
pub mod lifecycle;
pub mod log;
pub mod metrics;
mod patience;
pub mod problem;
mod rates;
pub mod serve;
pub mod settings;
