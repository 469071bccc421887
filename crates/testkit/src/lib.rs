//! Development only: what a test needs from the world, for real. It knows no service of ours and never skips a test: what
//! is missing ends it with a message that says what to install.
//!
//! ```no_run
//! # async fn example() {
//! use std::{path::Path, time::Duration};
//! use testkit::{Service, http::Method, postgres::Server};
//!
//! // A fresh database on the server that this test process shares.
//! let database = testkit::postgres::database().await;
//! let pool = database.connect().await;
//!
//! // A server of the test's own, to stop, to kill and to start again on the same port and data.
//! let mut server = Server::start().await;
//! let url = server.database().await.url();
//! server.kill().await;
//! server.restart().await;
//! assert!(!server.log().contains("deadlock detected"));
//!
//! // A real binary, with PORT=0, LOG_FORMAT=json and an otherwise clean environment.
//! let service = Service::spawn(Path::new("target/debug/trade"), &[], &[("DATABASE_URL", &url)]);
//! let api = service.wait_ready().await;
//!
//! // Failures show the request, the status, the headers and the body.
//! let trade = api.get("/trades/1").await.expect(200).json();
//! api.get("/trades/0").await.problem(404, "trade_not_found");
//! api.request(api.builder(Method::DELETE, "/trades/1")).await.expect(405);
//!
//! testkit::eventually(Duration::from_secs(5), "the trade is stored", async || {
//!     sqlx::query("select 1 from trades").fetch_optional(&pool).await.expect("select").is_some()
//! })
//! .await;
//!
//! service.terminate();
//! assert!(service.wait(Duration::from_secs(30)).await.success());
//! # }
//! ```
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test ends with a panic that says what went wrong: here that is the way to report a failure"
)]

mod backend;
pub mod credentials;
pub mod digits;
mod disk;
mod environment;
mod eventually;
pub mod http;
pub mod issuer;
pub mod keys;
mod open_files;
pub mod openapi;
pub mod postgres;
pub mod process;
mod watchdog;
pub mod wire;

pub use backend::Backend;
pub use disk::SmallDisk;
pub use eventually::{Outcome, eventually};
pub use open_files::open_files;
pub use process::Service;
