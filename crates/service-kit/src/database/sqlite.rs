//! The embedded database: a file, one writer, many readers, one process.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlitePool};

use super::{ACQUIRE_TIMEOUT, OpenError};

/// How long a writer of the embedded database waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

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

pub(super) async fn open(file: &Path, max_connections: u32) -> Result<Sqlite, OpenError> {
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
