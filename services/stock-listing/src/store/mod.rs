//! Where the catalogue is kept. The only place that speaks SQL.

pub(crate) mod candles;
mod postgres;
mod row;
mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use market::Symbol;
use service_kit::database::{Database, OpenError, StoreError};
use sqlx::migrate;

use crate::stock::{Listed, Version};

/// What the catalogue needs of a database.
#[async_trait]
pub(crate) trait Store: Send + Sync {
    /// Every stock that changed after `since`, by symbol; all of them since `None`.
    async fn changed_since(&self, since: Option<Version>) -> Result<Changed, StoreError>;

    /// Begins a change: until it ends nobody else changes the catalogue.
    async fn begin(&self) -> Result<Box<dyn Change>, StoreError>;

    /// Listens for changes that others make.
    async fn listen(&self) -> Result<Box<dyn Listener>, StoreError>;
}

/// What changed, and the version that this leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    /// The catalogue's version.
    pub(crate) version: Version,
    /// The stocks as they are at that version.
    pub(crate) stocks: Vec<Listed>,
}

/// A change under way. Dropped without a commit, it leaves nothing.
#[async_trait]
pub(crate) trait Change: Send {
    /// The version that it leads to.
    fn version(&self) -> Version;

    /// Those of these stocks that there are.
    async fn find(&mut self, symbols: &[Symbol]) -> Result<Vec<Listed>, StoreError>;

    /// Adds stocks whose symbols are free.
    async fn insert(&mut self, stocks: &[&Listed]) -> Result<(), StoreError>;

    /// Gives stocks that there are their new prices.
    async fn update(&mut self, stocks: &[&Listed]) -> Result<(), StoreError>;

    /// Makes it last, and tells who listens.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// Hears of changes from the moment it was made.
#[async_trait]
pub(crate) trait Listener: Send {
    /// Waits for a change; an error means that changes may have been missed.
    async fn changed(&mut self) -> Result<Version, StoreError>;
}

/// The seed of a first boot, which both databases understand.
const SEED: &str = include_str!("../../../../db/init.sql");

/// The store in this database.
pub(crate) fn open(database: &Database) -> Arc<dyn Store> {
    match database {
        Database::Postgres(postgres) => Arc::new(postgres::PostgresStore::new(postgres.clone())),
        Database::Sqlite(sqlite) => Arc::new(sqlite::SqliteStore::new(sqlite.clone())),
    }
}

/// Brings the schema up to date, waiting for the database where it must.
pub(crate) async fn migrate(
    database: &Database,
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
