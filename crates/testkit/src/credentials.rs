//! Database credentials that change: the file that an agent renders, and two roles that are used in turns.

use std::{fs, time::Duration};

use sqlx::{AssertSqlSafe, PgPool};
use tempfile::TempDir;

use crate::{eventually, postgres::Database};

const DEADLINE: Duration = Duration::from_secs(20);

/// The folder in which an agent renders `db.env`.
pub struct Rendered {
    folder: TempDir,
    file: String,
}

impl Rendered {
    /// An empty one.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("db.env").display().to_string();
        Self { folder, file }
    }

    /// The setting that names the file.
    pub fn setting(&self) -> (&str, &str) {
        ("SECRETS_FILE", &self.file)
    }

    /// Renders this URL; a rename takes the new file into place.
    pub fn render(&self, url: &str) {
        let draft = self.folder.path().join("draft");
        fs::write(&draft, format!("export DATABASE_URL=\"{url}\"\n")).expect("it can be written");
        fs::rename(draft, &self.file).expect("it can be moved within its folder");
    }

    /// Says that all is rendered.
    pub fn complete(&self) {
        fs::write(self.folder.path().join(".ready"), "").expect("it can be written");
    }

    /// Takes the file away.
    pub fn remove(&self) {
        fs::remove_file(&self.file).expect("it has been rendered");
    }
}

/// Two login roles that act as one owner, each alone enough for a service.
pub struct Roles {
    prefix: String,
    url: String,
    admin: PgPool,
}

impl Roles {
    /// New ones for this database, `a` and `b`.
    pub async fn new(database: &Database) -> Self {
        let admin = database.connect().await;
        let name = database.name();
        let script = format!(
            "
            create role {name}_owner;
            grant all on schema public to {name}_owner;
            create role {name}_a login in role {name}_owner;
            create role {name}_b login in role {name}_owner;
            alter role {name}_a set role {name}_owner;
            alter role {name}_b set role {name}_owner;
            "
        );
        let created = sqlx::raw_sql(AssertSqlSafe(script)).execute(&admin).await;
        created.expect("roles can be created");
        Self {
            prefix: name.to_owned(),
            url: database.url(),
            admin,
        }
    }

    /// The URL for one of them, with the password `secret-{role}`.
    pub fn url(&self, role: &str) -> String {
        let (_, host) = self.url.split_once('@').expect("it names a user");
        format!("postgresql://{}:secret-{role}@{host}", self.full_name(role))
    }

    /// How many sessions the role has.
    pub async fn sessions(&self, role: &str) -> i64 {
        let query = "select count(*) from pg_stat_activity where usename = $1";
        let query = sqlx::query_scalar(query).bind(self.full_name(role));
        let sessions = query.fetch_one(&self.admin).await;
        sessions.expect("sessions can be counted")
    }

    /// Waits until all sessions are of the one role and none of the other.
    pub async fn moved(&self, from: &str, to: &str) {
        let moved = async || self.sessions(from).await == 0 && self.sessions(to).await > 0;
        eventually(DEADLINE, "only the new role has sessions", moved).await;
    }

    fn full_name(&self, role: &str) -> String {
        format!("{}_{role}", self.prefix)
    }
}
