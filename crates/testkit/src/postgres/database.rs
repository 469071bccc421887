//! A database of a test's own.

use std::{
    hash::{BuildHasher, RandomState},
    thread,
};

use reqwest::Url;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgPoolOptions};

/// Enough for a test, and few enough for many tests at once.
const CONNECTIONS: u32 = 5;

/// Empty when the test gets it; no other test knows its name.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
    dropped_through: Option<String>,
}

impl Database {
    /// A new database on the server that `admin_url` reaches with the right to create one. It is dropped with this value,
    /// as far as the server lets it, for the server goes on.
    pub async fn on(admin_url: &str) -> Self {
        let mut database = Self::on_scratch(admin_url).await;
        database.dropped_through = Some(admin_url.to_owned());
        database
    }

    /// A new database on a server that ends with the tests: there is nothing to drop.
    pub(super) async fn on_scratch(admin_url: &str) -> Self {
        let name = format!("test_{:016x}", RandomState::new().hash_one(()));
        // template0: nobody can be connected to it, which would make the copy fail.
        execute(
            admin_url,
            format!("create database {name} template template0 encoding 'UTF8'"),
        )
        .await
        .unwrap_or_else(|error| panic!("no database can be created through {admin_url}: {error}"));
        let mut url = Url::parse(admin_url).expect("a connection has just been made with it");
        url.set_path(&name);
        Self {
            name,
            url: url.into(),
            dropped_through: None,
        }
    }

    /// `postgres://…/test_…`, as a service takes it in `DATABASE_URL`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The database's name on its server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A small pool of connections to it.
    pub async fn connect(&self) -> PgPool {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect(&self.url)
            .await;
        pool.unwrap_or_else(|error| panic!("no connection to {}: {error}", self.url))
    }
}

impl Drop for Database {
    /// In a thread with a runtime of its own, because a drop cannot wait in the test's.
    fn drop(&mut self) {
        let Some(admin_url) = self.dropped_through.take() else {
            return;
        };
        let statement = format!("drop database if exists {} with (force)", self.name);
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(execute(&admin_url, statement))
        });
        drop(dropping.join());
    }
}

async fn execute(url: &str, statement: String) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await?;
    connection.close().await
}
