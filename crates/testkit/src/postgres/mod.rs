//! Real PostgreSQL for tests: a database of its own for each, on a server that the test process shares or that is its own.
//! Nothing here outlives the test process, and no test is skipped for want of a server.
//!
//! Where the shared server comes from:
//! 1. `DATABASE_URL`, when it is set: the databases are created through it, and dropped when the test is done with them;
//! 2. the binaries that [`Binaries::find`] finds or fetches, started in a temporary folder.

mod account;
mod archive;
mod binaries;
mod database;
mod processes;
mod server;

use tokio::sync::OnceCell;

pub use binaries::Binaries;
pub use database::Database;
pub use server::Server;

use crate::environment;

enum Shared {
    Given(String),
    Own(Server),
}

/// One for all tests of the process: each of them has a runtime of its own, so nothing in it is bound to a runtime.
static SHARED: OnceCell<Shared> = OnceCell::const_new();

/// A fresh, empty database with a name of its own, on the server that this test process shares.
pub async fn database() -> Database {
    let shared = SHARED.get_or_init(async || match environment::variable("DATABASE_URL") {
        Some(url) => Shared::Given(url.into_string().expect("DATABASE_URL is not UTF-8")),
        None => Shared::Own(Server::start().await),
    });
    match shared.await {
        Shared::Given(url) => Database::on(url).await,
        Shared::Own(server) => server.database().await,
    }
}
