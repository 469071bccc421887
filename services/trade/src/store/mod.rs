//! Where orders are kept. The only place that speaks SQL.

mod postgres;
mod row;
mod sqlite;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use market::{Side, Symbol, Timestamp, UserId};
use service_kit::database::{Database, OpenError, StoreError};
use sqlx::migrate;
use uuid::Uuid;

use crate::book::{Book, Changes, Held, Holding};
use crate::order::KeyName;
use crate::portfolio::Portfolio;
use crate::trade::Trade;

/// What trading needs of a database.
#[async_trait]
pub(crate) trait Store: Send + Sync {
    /// Executes batches, for one lane.
    fn writer(&self) -> Box<dyn Writer>;

    /// A page of a user's trades, newest first.
    async fn trades(&self, filter: &TradeFilter) -> Result<Vec<Trade>, StoreError>;

    /// One trade.
    async fn trade(&self, id: Uuid) -> Result<Option<Trade>, StoreError>;

    /// What a user has, at one moment.
    async fn portfolio(&self, user_id: &UserId) -> Result<Portfolio, StoreError>;

    /// Forgets at most `limit` answers that were kept before `moment`; how many it forgot.
    async fn forget_answers(&self, moment: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

/// What one lane needs of a database.
#[async_trait]
pub(crate) trait Writer: Send {
    /// What is stored of these holdings now.
    async fn read(&mut self, holdings: &BTreeSet<Holding>) -> Result<Held, StoreError>;

    /// Writes a batch and commits it, unless somebody else has changed its users' accounts or used its keys meanwhile.
    async fn write_if_current(&mut self, changes: &Changes) -> Result<Verdict, WriteError>;

    /// Holds nothing while there is nothing to do: a connection would outlive the credentials that it was made with.
    fn rest(&mut self) {}

    /// Begins a transaction in which nobody else changes what these users have.
    async fn lock(&mut self, users: &BTreeSet<UserId>) -> Result<Box<dyn Transaction>, StoreError>;
}

/// A transaction that holds its users' locks. Dropped without a commit, it leaves nothing.
#[async_trait]
pub(crate) trait Transaction: Send {
    /// Reads the positions and the kept answers that a batch of orders needs.
    async fn read(
        &mut self,
        holdings: &BTreeSet<Holding>,
        keys: &[KeyName],
    ) -> Result<Book, StoreError>;

    /// Writes what the batch changed.
    async fn write(&mut self, changes: &Changes) -> Result<(), StoreError>;

    /// Makes it last.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// What became of a batch that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is stored for good.
    Written,
    /// An account is at another version than the batch was decided on: nothing was written.
    Overtaken,
    /// A key has an answer already: nothing was written.
    KeyTaken,
}

/// Where a batch failed.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// Before its commit: nothing of it happened.
    Before(StoreError),
    /// At its commit: it may have happened.
    AtCommit(StoreError),
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Before(error)
    }
}

/// Which trades to list.
#[derive(Clone, Debug)]
pub(crate) struct TradeFilter {
    /// Of this user.
    pub(crate) user_id: UserId,
    /// In this stock alone.
    pub(crate) symbol: Option<Symbol>,
    /// Of this side alone.
    pub(crate) side: Option<Side>,
    /// Executed at this moment or after it.
    pub(crate) from: Option<Timestamp>,
    /// Executed before this moment.
    pub(crate) to: Option<Timestamp>,
    /// Those made before this one.
    pub(crate) before: Option<Uuid>,
    /// How many at the most.
    pub(crate) limit: u32,
}

/// The store in this database.
pub(crate) fn open(database: &Database) -> Arc<dyn Store> {
    match database {
        Database::Postgres(postgres) => Arc::new(postgres::PostgresStore::new(postgres.clone())),
        Database::Sqlite(sqlite) => Arc::new(sqlite::SqliteStore::new(sqlite.clone())),
    }
}

/// Brings the schema up to date, waiting for the database where it must.
pub(crate) async fn migrate(database: Database, service: &str) -> Result<(), OpenError> {
    let (postgres, sqlite) = (
        migrate!("./migrations/postgres"),
        migrate!("./migrations/sqlite"),
    );
    database.migrate(service, postgres, sqlite).await
}

#[cfg(test)]
mod contract;
