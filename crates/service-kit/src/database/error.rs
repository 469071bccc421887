//! Why a database cannot be opened, or not do what it was asked; which of it may pass by itself.

use std::path::PathBuf;

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;

use crate::problem::Problem;

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is of no database that is served here; it is not shown, as it may hold a password.
    #[error("DATABASE_URL must be postgres://user:password@host:port/name")]
    Url,
    /// The URL has the password of an example; it is not shown, as it may hold another.
    #[error("DATABASE_URL has the placeholder CHANGE_ME in the place of a password")]
    Placeholder,
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

/// Whether the server does not take the credentials: invalid authorization specification.
pub(super) fn is_refusal(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code.starts_with("28"))
}

pub(super) fn is_transient(error: &sqlx::Error) -> bool {
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
