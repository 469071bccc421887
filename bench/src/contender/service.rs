//! Our services, as they are shipped: release binaries with default settings.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::process::{Process, Program};
use crate::{http, session::Session};

const READY_DEADLINE: Duration = Duration::from_mins(1);

/// A service that is ready.
pub(crate) struct Service {
    process: Process,
    pub(crate) address: SocketAddr,
    /// Its own process.
    pub(crate) id: u32,
}

impl Service {
    /// `trade` by itself, without a catalogue.
    pub(crate) fn trade(session: &Session, database: &str) -> Result<Self> {
        Self::start(session, "trade", database)
    }

    /// `stock-listing`, with the stocks of a first boot.
    pub(crate) fn stock_listing(session: &Session, database: &str) -> Result<Self> {
        Self::start(session, "stock-listing", database)
    }

    fn start(session: &Session, name: &str, database: &str) -> Result<Self> {
        let program = Program::new(&session.surroundings, name, &session.program(name))?
            .environment("PORT", "0")
            .environment("LOG_FORMAT", "json")
            .environment("SEED_STOCKS", "true")
            .environment("DATABASE_URL", database);
        let mut process = program.start()?;
        let address = process.address()?;
        http::first_ok(address, "/readyz", Instant::now(), READY_DEADLINE)?;
        let id = process.program_id()?;
        Ok(Self {
            process,
            address,
            id,
        })
    }

    /// An error when it has ended.
    pub(crate) fn ensure_running(&mut self) -> Result<()> {
        self.process.ensure_running()
    }
}

/// Makes the tables of trade in a database, by letting the service migrate it.
pub(crate) fn migrate_trade(session: &Session, database: &str) -> Result<()> {
    Service::trade(session, database).map(drop)
}

/// Makes the tables of stock-listing in a database, and the ten stocks.
pub(crate) fn migrate_stock_listing(session: &Session, database: &str) -> Result<()> {
    Service::stock_listing(session, database).map(drop)
}
