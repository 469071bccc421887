//! Databases and servers, and that nothing of them is left behind.

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection, PgConnection, PgPool};
use testkit::postgres::{Binaries, Database, Server, database};
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn two_databases_are_separate() {
    let (first, second) = (tokio::spawn(database()), tokio::spawn(database()));
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    let (here, there) = (first.connect().await, second.connect().await);

    note(&here, "here").await;

    assert_ne!(first.name(), second.name());
    assert_eq!(notes(&here).await, ["here"]);
    let tables: i64 =
        sqlx::query_scalar("select count(*) from pg_tables where schemaname = 'public'")
            .fetch_one(&there)
            .await
            .unwrap();
    assert_eq!(tables, 0);
}

#[tokio::test]
async fn commits_are_synced() {
    let pool = database().await.connect().await;

    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let value: String = sqlx::query_scalar("select current_setting($1)")
            .bind(setting)
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(value, "on", "{setting}");
    }
}

#[tokio::test]
async fn a_server_keeps_its_data_and_port_when_it_is_stopped_killed_and_restarted() {
    let mut server = Server::start().await;
    let database = server.database().await;
    note(&database.connect().await, "before the stop").await;

    server.stop().await;
    assert!(PgConnection::connect(&database.url()).await.is_err());
    server.restart().await;
    note(&database.connect().await, "before the kill").await;
    server.kill().await;
    assert!(PgConnection::connect(&database.url()).await.is_err());
    server.restart().await;

    assert_eq!(
        notes(&database.connect().await).await,
        ["before the stop", "before the kill"]
    );
    let log = server.log();
    assert!(log.contains("received fast shutdown request"), "{log}");
    assert!(
        log.contains("database system was not properly shut down"),
        "{log}"
    );
}

#[tokio::test]
async fn a_killed_server_leaves_no_statement_running() {
    let mut server = Server::start().await;
    let mut connection = PgConnection::connect(&server.url("postgres"))
        .await
        .unwrap();
    let mut observer = PgConnection::connect(&server.url("postgres"))
        .await
        .unwrap();
    // Busy, so that it would not notice by itself for hours that its postmaster is gone.
    let busy = "select count(*) from generate_series(1, 1000000000000)";
    let statement = tokio::spawn(async move { sqlx::query(busy).execute(&mut connection).await });
    let mut runs = false;
    while !runs {
        runs = sqlx::query_scalar("select exists (select from pg_stat_activity where query = $1)")
            .bind(busy)
            .fetch_one(&mut observer)
            .await
            .unwrap();
    }

    let again = tokio::spawn(async move {
        server.kill().await;
        server.restart().await;
        server
    });

    let ended = timeout(DEADLINE, statement)
        .await
        .expect("the connection is closed");
    assert!(ended.unwrap().is_err());
    // The old children would have held the data folder's memory.
    PgConnection::connect(&again.await.unwrap().url("postgres"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_database_on_a_given_server_is_dropped_at_the_end() {
    let server = Server::start().await;
    let admin_url = server.url("postgres");

    let given = Database::on(&admin_url).await;
    let _still_open = given.connect().await;
    let name = given.name().to_owned();
    assert!(exists(&admin_url, &name).await);
    drop(given);

    assert!(!exists(&admin_url, &name).await);
}

#[tokio::test]
async fn a_dropped_server_leaves_nothing() {
    let folders = Folders::new();
    let mut holder = folders.holder(&[]);

    let id = Pid::from_child(&holder.process);
    kill_process(id, Signal::INT).unwrap();

    assert!(holder.process.wait().unwrap().success());
    assert!(folders.is_empty());
    assert!(PgConnection::connect(&holder.url).await.is_err());
}

#[tokio::test]
async fn a_server_does_not_outlive_a_process_that_is_killed() {
    let folders = Folders::new();
    let mut holder = folders.holder(&[]);
    PgConnection::connect(&holder.url).await.expect("it runs");
    assert!(!folders.is_empty());

    holder.process.kill().unwrap();
    holder.process.wait().unwrap();

    testkit::eventually(DEADLINE, "the server is gone", async || {
        folders.is_empty() && PgConnection::connect(&holder.url).await.is_err()
    })
    .await;
}

#[tokio::test]
async fn a_machine_without_postgresql_fetches_it() {
    let server = Server::start_with(Binaries::fetch().await).await;
    assert_eq!(version(&server.url("postgres")).await, "15.19");

    let folders = Folders::new();
    let holder = folders.holder(&[("TESTKIT_POSTGRES", "fetch")]);
    assert_eq!(version(&holder.url).await, "15.19");
}

#[tokio::test]
async fn a_given_server_is_used_and_left_as_it_was() {
    // Only the environment tells: so see what another process does that has it.
    let server = Server::start().await;
    let test = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "postgres::two_databases_are_separate"])
        .env("DATABASE_URL", server.url("postgres"))
        .env("TESTKIT_POSTGRES", "/nowhere")
        .output()
        .unwrap();

    let output = String::from_utf8_lossy(&test.stdout);
    assert!(output.contains("1 passed"), "{output}");
    let mut connection = PgConnection::connect(&server.url("postgres"))
        .await
        .unwrap();
    let left: i64 =
        sqlx::query_scalar("select count(*) from pg_database where datname like 'test%'")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_folder_without_postgresql_is_refused_by_name() {
    let holder = Command::new(env!("CARGO_BIN_EXE_scratch-postgres"))
        .env("TESTKIT_POSTGRES", "/nowhere")
        .output()
        .unwrap();

    let error = String::from_utf8_lossy(&holder.stderr);
    assert!(!holder.status.success());
    assert!(
        error.contains("TESTKIT_POSTGRES: there is no initdb in /nowhere"),
        "{error}"
    );
}

/// A temporary folder that servers of other accounts can reach.
struct Folders(tempfile::TempDir);

impl Folders {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(self.0.path()).unwrap().count() == 0
    }

    /// Another process, with a server in this folder.
    fn holder(&self, env: &[(&str, &str)]) -> Holder {
        let mut process = Command::new(env!("CARGO_BIN_EXE_scratch-postgres"))
            .env("TMPDIR", self.0.path())
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut url).unwrap();
        Holder {
            process,
            url: url.trim().to_owned(),
        }
    }
}

struct Holder {
    process: Child,
    url: String,
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

async fn note(pool: &PgPool, text: &str) {
    sqlx::query("create table if not exists notes (id bigserial, text text)")
        .execute(pool)
        .await
        .unwrap();
    sqlx::query("insert into notes (text) values ($1)")
        .bind(text)
        .execute(pool)
        .await
        .unwrap();
}

async fn notes(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar("select text from notes order by id")
        .fetch_all(pool)
        .await
        .unwrap()
}

async fn exists(admin_url: &str, name: &str) -> bool {
    let mut connection = PgConnection::connect(admin_url).await.unwrap();
    sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

async fn version(url: &str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar("show server_version")
        .fetch_one(&mut connection)
        .await
        .unwrap()
}
