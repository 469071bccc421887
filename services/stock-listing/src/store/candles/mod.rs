//! Where candles are kept, in parts: each run of each replica has its own of what it took.

mod postgres;
mod row;
mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use market::{Symbol, Timestamp};
use service_kit::database::{Database, StoreError};

use crate::candle::Candle;
use crate::forming::Part;
use crate::interval::Grain;

/// What the history needs of a database.
#[async_trait]
pub(crate) trait CandleStore: Send + Sync {
    /// Writes parts whole, each in the place of what was written of it before.
    async fn write(&self, parts: &[Part]) -> Result<(), StoreError>;

    /// The parts that the newest candles are made of, by their start.
    async fn find(&self, filter: &Filter) -> Result<Vec<Candle>, StoreError>;

    /// Forgets at most `limit` parts that start before a moment, the oldest first; how many.
    async fn forget(&self, grain: Grain, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

/// Which candles to find.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter {
    /// Of this stock.
    pub(crate) symbol: Symbol,
    /// Of this length.
    pub(crate) grain: Grain,
    /// That start at this time or after it.
    pub(crate) from: Option<Timestamp>,
    /// That start before this time.
    pub(crate) to: Option<Timestamp>,
    /// The newest so many candles, each with all its parts.
    pub(crate) limit: u32,
}

impl Filter {
    /// Whether a candle of this stock and length is in its time.
    pub(crate) fn covers(&self, candle: &Candle) -> bool {
        self.from.is_none_or(|from| candle.start >= from)
            && self.to.is_none_or(|to| candle.start < to)
    }
}

/// The candles in this database.
pub(crate) fn open(database: &Database) -> Arc<dyn CandleStore> {
    match database {
        Database::Postgres(postgres) => Arc::new(postgres::PostgresCandles::new(postgres.clone())),
        Database::Sqlite(sqlite) => Arc::new(sqlite::SqliteCandles::new(sqlite.clone())),
    }
}
