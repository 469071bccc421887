//! A PostgreSQL for an afternoon: starts an empty server, prints its URL, and removes it at Ctrl-C.

use std::io::{self, Write};

use testkit::postgres::Server;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let server = Server::start().await;
    // In place before the URL is out: who reads it may end us at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    writeln!(io::stdout(), "{}", server.url("postgres"))?;
    interrupt.recv().await;
    drop(server);
    Ok(())
}
