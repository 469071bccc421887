//! Where the catalogue is kept. The only place that speaks SQL.

mod postgres;
mod row;
mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use market::{Sector, Symbol};
use service_kit::database::{Database, OpenError, StoreError};
use sqlx::migrate;

use crate::stock::{ChangeTooLarge, Listed, Quote};

/// What the catalogue needs of a database.
#[async_trait]
pub(crate) trait Store: Send + Sync {
    /// A page of stocks by symbol.
    async fn list(&self, page: &Page) -> Result<Vec<Listed>, StoreError>;

    /// How many stocks there are, of one sector or in all.
    async fn count(&self, sector: Option<&Sector>) -> Result<u64, StoreError>;

    /// One stock.
    async fn find(&self, symbol: &Symbol) -> Result<Option<Listed>, StoreError>;

    /// Adds a stock; `false` when its symbol is taken.
    async fn insert(&self, listed: &Listed) -> Result<bool, StoreError>;

    /// Gives a stock a new price: lock, read, decide, write, commit.
    async fn quote(&self, symbol: &Symbol, quote: Quote) -> Result<Quoted, StoreError>;
}

/// Which stocks to list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// Of this sector alone.
    pub(crate) sector: Option<Sector>,
    /// Those after this symbol.
    pub(crate) after: Option<Symbol>,
    /// How many to leave out first.
    pub(crate) skip: u32,
    /// How many at the most.
    pub(crate) limit: u32,
}

/// What came of a new price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Quoted {
    /// The stock as it is now.
    Changed(Box<Listed>),
    /// There is no such stock.
    Unknown,
    /// The stock is as it was.
    Refused(ChangeTooLarge),
}

/// The seed of a first boot, which both databases understand.
const SEED: &str = include_str!("../../../../db/init.sql");

/// The store in this database.
pub(crate) fn open(database: &Database) -> Arc<dyn Store> {
    match database {
        Database::Postgres(pool) => Arc::new(postgres::PostgresStore::new(pool.clone())),
        Database::Sqlite(sqlite) => Arc::new(sqlite::SqliteStore::new(sqlite.clone())),
    }
}

/// Brings the schema up to date, waiting for the database where it must.
pub(crate) async fn migrate(
    database: Database,
    service: &str,
    seeds_stocks: bool,
) -> Result<(), OpenError> {
    let (postgres, sqlite) = (
        migrate!("./migrations/postgres"),
        migrate!("./migrations/sqlite"),
    );
    database.migrate(service, postgres, sqlite).await?;
    if seeds_stocks {
        database.run_script(SEED).await?;
    }
    Ok(())
}

#[cfg(test)]
mod contract;
