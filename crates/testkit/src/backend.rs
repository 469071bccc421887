//! The two databases that a service can keep its data in.

use tempfile::TempDir;

use crate::postgres::{Database, database};

/// Where a service keeps its data; it ends with this value.
pub enum Backend {
    /// A folder for the embedded database.
    Sqlite(TempDir),
    /// A database on the server that the tests share.
    Postgres(Database),
}

impl Backend {
    /// Both of them, fresh and empty: every test runs on each.
    pub async fn both() -> [Self; 2] {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        [Self::Sqlite(folder), Self::Postgres(database().await)]
    }

    /// The setting that names it.
    pub fn setting(&self) -> (&'static str, String) {
        match self {
            Self::Sqlite(folder) => ("DATA_DIR", folder.path().display().to_string()),
            Self::Postgres(database) => ("DATABASE_URL", database.url()),
        }
    }
}
