//! The two databases a service can keep its data in, opened the same way by every service.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use sqlx::error::DatabaseError;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, PgPool, SqlitePool};
use tracing::warn;

use crate::problem::Problem;
use crate::settings::DatabaseSettings;

/// How long a request waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a writer of the embedded database waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle time after which a connection is asked whether it lives before it is used; asking each time would cost every
/// transaction a round trip.
const TRUSTED_IDLE_TIME: Duration = Duration::from_secs(1);
/// Pause between two attempts to reach a database at start.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
/// What each session of PostgreSQL is set to.
///
/// A statement and a transaction that was left open have bounds. Every statement finds its rows by a key, so plans that
/// read whole tables are ruled out: a plan that is made while a table is empty is kept, and would go on reading all of it.
/// With that, the plan does not depend on the values, and is made once.
const SESSION: [(&str, &str); 6] = [
    ("statement_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("plan_cache_mode", "force_generic_plan"),
];

/// An open database.
#[derive(Clone)]
pub enum Database {
    /// A PostgreSQL server; connections are made when they are needed.
    Postgres(PgPool),
    /// An embedded SQLite file.
    Sqlite(Sqlite),
}

/// The pools of an embedded database: SQLite has one writer at a time.
#[derive(Clone)]
pub struct Sqlite {
    /// The one connection that writes.
    pub writer: SqlitePool,
    /// Connections that only read.
    pub readers: SqlitePool,
    /// Holds the file that keeps other processes out.
    _lock: Arc<File>,
}

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is of no database that is served here; it is not shown, as it may hold a password.
    #[error("DATABASE_URL must be postgres://user:password@host:port/name")]
    Url,
    /// The folder of the embedded database cannot be made.
    #[error("cannot make the data folder {0}: {1}")]
    Folder(PathBuf, #[source] std::io::Error),
    /// The embedded database cannot be opened.
    #[error("cannot open the database {0}: {1}")]
    File(PathBuf, #[source] sqlx::Error),
    /// Another process has the embedded database open.
    #[error("the database {0} is in use by another process")]
    InUse(PathBuf),
    /// The schema cannot be brought up to date.
    #[error("cannot migrate the database: {0}")]
    Migrate(#[from] MigrateError),
    /// What is stored cannot be read.
    #[error("cannot read the database: {0}")]
    Read(#[from] StoreError),
}

/// Why a store cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or has no room: the same may work later.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The transaction lost against another one: the same works when it is tried again.
    #[error("the transaction lost against another: {0}")]
    Conflict(#[source] sqlx::Error),
    /// A statement failed for its own sake.
    #[error("the database refused a statement: {0}")]
    Refused(#[source] sqlx::Error),
    /// What is stored cannot be read.
    #[error("the database holds what cannot be read: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// Whether the database said so itself, so that the statement is known to have had no effect.
    pub fn is_told(&self) -> bool {
        match self {
            Self::Unavailable(error) | Self::Conflict(error) | Self::Refused(error) => {
                error.as_database_error().is_some()
            }
            Self::Corrupt(_) => false,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if is_conflict(&error) {
            Self::Conflict(error)
        } else if is_transient(&error) {
            Self::Unavailable(error)
        } else {
            Self::Refused(error)
        }
    }
}

/// Classes of PostgreSQL's error codes (appendix A of its manual) that pass by themselves: connection,
/// insufficient resources, operator intervention, system error; and writing to a standby.
const TRANSIENT_SQLSTATES: [&str; 5] = ["08", "53", "57", "58", "25006"];
/// Serialization failure and deadlock.
const CONFLICT_SQLSTATES: [&str; 1] = ["40"];
/// Primary result codes of SQLite: `SQLITE_READONLY`, `SQLITE_IOERR`, `SQLITE_FULL`, `SQLITE_CANTOPEN`.
const TRANSIENT_SQLITE_CODES: [u32; 4] = [8, 10, 13, 14];
/// `SQLITE_BUSY` and `SQLITE_LOCKED`.
const CONFLICT_SQLITE_CODES: [u32; 2] = [5, 6];

fn is_conflict(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| has_code(error, &CONFLICT_SQLSTATES, &CONFLICT_SQLITE_CODES))
}

fn has_code(error: &dyn DatabaseError, sqlstates: &[&str], sqlite_codes: &[u32]) -> bool {
    let Some(code) = error.code() else {
        return false;
    };
    if error.try_downcast_ref::<PgDatabaseError>().is_some() {
        return sqlstates.iter().any(|class| code.starts_with(class));
    }
    // The low byte of an extended result code is its primary one.
    code.parse::<u32>()
        .is_ok_and(|code| sqlite_codes.contains(&(code & 0xff)))
}

fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => has_code(
            error.as_ref(),
            &TRANSIENT_SQLSTATES,
            &TRANSIENT_SQLITE_CODES,
        ),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

impl Database {
    /// Opens the database of the named service: the one of `settings.url`, else a file of its own.
    pub async fn open(settings: &DatabaseSettings, service: &str) -> Result<Self, OpenError> {
        if let Some(url) = &settings.url {
            return open_postgres(url.expose_secret(), settings.max_connections, service)
                .map(Self::Postgres);
        }
        let file = settings.data_dir.join(format!("{service}.db"));
        open_sqlite(&file, settings.max_connections)
            .await
            .map(Self::Sqlite)
    }

    /// Asks the database for an answer.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(pool) => sqlx::query("select 1").execute(pool).await.map(|_| ()),
            Self::Sqlite(sqlite) => sqlx::query("select 1")
                .execute(&sqlite.readers)
                .await
                .map(|_| ()),
        }
    }

    /// Brings the schema up to date, under a lock, so that many replicas may start at once. Waits for
    /// as long as a PostgreSQL server cannot be reached.
    pub async fn migrate(
        &self,
        service: &str,
        postgres: Migrator,
        sqlite: Migrator,
    ) -> Result<(), OpenError> {
        match self {
            Self::Postgres(pool) => migrate_postgres(pool, own_table(postgres, service)).await,
            Self::Sqlite(database) => Ok(own_table(sqlite, service).run(&database.writer).await?),
        }
    }

    /// Runs the statements of a script that both databases understand.
    pub async fn run_script(&self, script: &'static str) -> Result<(), OpenError> {
        let result = match self {
            Self::Postgres(pool) => sqlx::raw_sql(script).execute(pool).await.map(|_| ()),
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
            Self::Postgres(pool) => pool.close().await,
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

async fn migrate_postgres(pool: &PgPool, migrator: Migrator) -> Result<(), OpenError> {
    loop {
        match migrator.run(pool).await {
            Ok(()) => return Ok(()),
            Err(MigrateError::Execute(error)) if is_transient(&error) => {
                warn!(%error, "waiting for the database");
                tokio::time::sleep(RECONNECT_PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn open_postgres(url: &str, max_connections: u32, service: &str) -> Result<PgPool, OpenError> {
    let is_postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let options = PgConnectOptions::from_str(url)
        .ok()
        .filter(|_| is_postgres)
        .ok_or(OpenError::Url)?;
    let options = options
        .application_name(service)
        .disable_statement_logging()
        .options(SESSION);
    Ok(PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TRUSTED_IDLE_TIME {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options))
}

async fn open_sqlite(file: &Path, max_connections: u32) -> Result<Sqlite, OpenError> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|error| OpenError::Folder(folder.to_owned(), error))?;
    }
    let lock = lock_file(file)?;
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // The log is synced at each commit: an acknowledged order survives a loss of power.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    let failed = |error| OpenError::File(file.to_owned(), error);
    let pool = |size| {
        SqlitePoolOptions::new()
            .max_connections(size)
            .acquire_timeout(ACQUIRE_TIMEOUT)
    };
    let writer = pool(1)
        // SQLite ends a transaction by itself when its disk is full. The connection still counts it as open, and would
        // refuse every other one.
        .before_acquire(|connection, _| {
            Box::pin(async move { Ok(!connection.is_in_transaction()) })
        })
        .connect_with(options.clone())
        .await
        .map_err(failed)?;
    let readers = pool(max_connections)
        .connect_with(options.read_only(true))
        .await
        .map_err(failed)?;
    Ok(Sqlite {
        writer,
        readers,
        _lock: lock,
    })
}

/// Keeps a second process out: what a service holds in memory would not know of the other's changes.
fn lock_file(database: &Path) -> Result<Arc<File>, OpenError> {
    let path = database.with_extension("lock");
    let failed = |error: std::io::Error| OpenError::File(path.clone(), error.into());
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Arc::new(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(database.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
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

impl From<StoreError> for Problem {
    /// 503 when it may pass, 500 when it is our fault; what went wrong is logged, not told.
    fn from(error: StoreError) -> Self {
        let problem = match error {
            StoreError::Unavailable(_) | StoreError::Conflict(_) => {
                Self::unavailable("database_unavailable", "the database does not answer")
            }
            StoreError::Refused(_) | StoreError::Corrupt(_) => Self::internal(),
        };
        problem.because(error)
    }
}
