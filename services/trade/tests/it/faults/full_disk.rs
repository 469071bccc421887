//! The disk of the database is full: orders are put off, nothing acknowledged is lost, and once there is room all goes on.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use testkit::{SmallDisk, eventually, http::Client, postgres::Server};
use tokio::sync::Mutex;

use crate::{
    concurrency::load::{Load, Plan},
    support::{Backend, Trade, order},
};

const ROUNDS: usize = 2;
const CLIENTS: usize = 8;
/// Orders put off in each round, at the least: every client has met it.
const PUT_OFF: usize = 24;
const DEADLINE: Duration = Duration::from_secs(30);
/// A new server takes 40 of them, the log that it writes ahead grows in steps of 16.
const POSTGRES_MEBIBYTES: u32 = 160;
const SQLITE_MEBIBYTES: u32 = 8;

fn plan(seed: u64) -> Plan {
    Plan {
        clients: CLIENTS,
        users: 6,
        seed,
        answers_within: Some(Duration::from_secs(8)),
    }
}

#[tokio::test]
async fn while_the_disk_of_sqlite_is_full_orders_are_put_off_and_afterwards_all_goes_on() {
    let disk = SmallDisk::mount(SQLITE_MEBIBYTES);
    let folder = tempfile::tempdir_in(disk.path()).unwrap();
    let backend = Backend::Sqlite(folder);
    let (_service, api) = Trade::start(&backend, &[]).await;
    let load = Load::start(plan(11), vec![api.clone()]);
    for _ in 0..ROUNDS {
        load.progress(100).await;
        fill_under(&load, &disk, &api).await;
        disk.free();
        load.progress(100).await;
    }
    load.check(&api).await;
}

#[tokio::test]
async fn while_the_disk_of_postgresql_is_full_orders_are_put_off_and_afterwards_all_goes_on() {
    let disk = SmallDisk::mount(POSTGRES_MEBIBYTES);
    let server = Server::start_on(&disk).await;
    let backend = Backend::Postgres(server.database().await);
    let url = server.url("postgres");
    let server = Mutex::new(server);
    let (_service, api) = Trade::start(&backend, &[]).await;
    let load = Load::start(plan(12), vec![api.clone()]);
    for round in 0..ROUNDS {
        load.progress(100).await;
        fill_under(&load, &disk, &api).await;
        if round > 0 {
            // Without room for a table it refuses statements; without room for its log it gives up.
            let is_down = async || fill_log(&url).await.is_err();
            eventually(DEADLINE, "PostgreSQL gives up", is_down).await;
            fill_under(&load, &disk, &api).await;
        }
        disk.free();
        eventually(DEADLINE, "orders are executed again", async || {
            server.lock().await.restart_if_ended().await;
            order(&api, "buy", "after", "AAPL", ["1", "1"]).await.status == 201
        })
        .await;
        load.progress(100).await;
    }
    load.check(&api).await;
    let log = server.lock().await.log();
    for expected in ["ERROR:  could not extend file", "PANIC:  "] {
        assert!(log.contains(expected), "no {expected:?} in\n{log}");
    }
}

/// Writes a mebibyte to the log that PostgreSQL writes ahead, and to no table.
async fn fill_log(url: &str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query("select pg_logical_emit_message(false, 'full', repeat('x', 1048576))")
        .execute(&mut connection)
        .await?;
    connection.close().await
}

/// Fills the disk until every client of the load was put off.
async fn fill_under(load: &Load, disk: &SmallDisk, api: &Client) {
    let before = load.put_off();
    eventually(DEADLINE, "every client is put off", async || {
        // What the database gives back is taken too.
        disk.fill();
        load.put_off() >= before + PUT_OFF
    })
    .await;
    api.get("/livez").await.expect(200);
}
