//! The two databases a service can keep its data in, opened the same way by every service.

mod credentials;
mod error;
mod postgres;
mod sqlite;

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;

pub use self::error::{OpenError, StoreError};
pub use self::postgres::Postgres;
pub use self::sqlite::Sqlite;
use crate::settings::DatabaseSettings;

/// How long a request waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

/// An open database.
#[derive(Clone)]
pub enum Database {
    /// A PostgreSQL server; connections are made when they are needed.
    Postgres(Postgres),
    /// An embedded SQLite file.
    Sqlite(Sqlite),
}

impl Database {
    /// Opens the database of the named service: the one of `settings.url`, else a file of its own.
    pub async fn open(settings: &DatabaseSettings, service: &str) -> Result<Self, OpenError> {
        if let Some(url) = settings.url.clone() {
            return Postgres::open(url, settings.max_connections, service).map(Self::Postgres);
        }
        let file = settings.data_dir.join(format!("{service}.db"));
        sqlite::open(&file, settings.max_connections)
            .await
            .map(Self::Sqlite)
    }

    /// Asks the database for an answer.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(postgres) => sqlx::query("select 1")
                .execute(&postgres.pool())
                .await
                .map(|_| ()),
            Self::Sqlite(sqlite) => sqlx::query("select 1")
                .execute(&sqlite.readers)
                .await
                .map(|_| ()),
        }
    }

    /// Brings the schema up to date, under a lock, so that many replicas may start at once. Waits for
    /// as long as there are no credentials or the server cannot be reached.
    pub async fn migrate(
        &self,
        service: &str,
        postgres: Migrator,
        sqlite: Migrator,
    ) -> Result<(), OpenError> {
        match self {
            Self::Postgres(database) => database.migrate(own_table(postgres, service)).await,
            Self::Sqlite(database) => Ok(own_table(sqlite, service).run(&database.writer).await?),
        }
    }

    /// Takes up credentials as they come; never ends.
    pub async fn follow_credentials(self) {
        match self {
            Self::Postgres(postgres) => postgres.follow_credentials().await,
            Self::Sqlite(_) => std::future::pending().await,
        }
    }

    /// Why there are no credentials yet, when there are none.
    pub fn missing_credentials(&self) -> Option<String> {
        match self {
            Self::Postgres(postgres) => postgres.missing_credentials(),
            Self::Sqlite(_) => None,
        }
    }

    /// Runs the statements of a script that both databases understand.
    pub async fn run_script(&self, script: &'static str) -> Result<(), OpenError> {
        let result = match self {
            Self::Postgres(postgres) => sqlx::raw_sql(script)
                .execute(&postgres.pool())
                .await
                .map(|_| ()),
            Self::Sqlite(sqlite) => sqlx::raw_sql(script)
                .execute(&sqlite.writer)
                .await
                .map(|_| ()),
        };
        result.map_err(|error| OpenError::Migrate(error.into()))
    }

    /// Closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Postgres(postgres) => postgres.pool().close().await,
            Self::Sqlite(sqlite) => {
                sqlite.readers.close().await;
                sqlite.writer.close().await;
            }
        }
    }
}

/// Services share a PostgreSQL database, so each keeps its migrations in a table of its own; the
/// release before must still start on the schema of the one after, so that a rollback works.
fn own_table(mut migrator: Migrator, service: &str) -> Migrator {
    migrator.dangerous_set_table_name(format!("_migrations_{}", service.replace('-', "_")));
    migrator.set_ignore_missing(true);
    migrator
}

/// Reads a column's text back into its type; `name` is `table.column`.
pub fn column<T: FromStr>(name: &str, text: &str) -> Result<T, StoreError> {
    text.parse()
        .map_err(|_| StoreError::Corrupt(format!("{text:?} in {name}")))
}

/// Fails when a statement did not touch as many rows as it must.
pub fn expect_rows(what: &str, touched: u64, expected: usize) -> Result<(), StoreError> {
    if touched == expected as u64 {
        return Ok(());
    }
    Err(StoreError::Corrupt(format!(
        "{what}: {touched} rows instead of {expected}"
    )))
}
