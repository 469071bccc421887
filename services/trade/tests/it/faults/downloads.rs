//! A file of trades that takes long: nothing cuts it but a failure, and then it is seen to be cut.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection, SqliteConnection};
use testkit::{
    eventually,
    http::{Client, Method},
    postgres::Server,
    wire::Download,
};

use super::wire;
use crate::{
    concurrency::load,
    support::{Backend, Trade},
};

/// More than the service sends to a reader who does not read, with its own buffers.
const TRADES: usize = 6_000;
/// As long as an id may be, for the sake of those buffers.
const USER: &str = "a-user-whose-id-is-as-long-as-the-id-of-any-user-is-allowed-to-b";
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_file_that_is_read_slowly_outlasts_the_time_of_a_request_and_a_stop() {
    for backend in Backend::both().await {
        let (service, api) = Trade::start(&backend, &[]).await;
        load::buy_many(&api, USER, TRADES).await;
        drop(service);

        let limit = [("REQUEST_TIMEOUT_SECONDS", "1")];
        let (service, api) = Trade::start(&backend, &limit).await;
        let started = Instant::now();
        let (slow, draining) = (start(&api).await, start(&api).await);
        let is_over = async || started.elapsed() > Duration::from_secs(2);
        eventually(DEADLINE, "the time of a request is over", is_over).await;
        assert_eq!(slow.rest().await.map(lines), Ok(1 + TRADES));

        let address = wire::address_of(&service).await;
        service.terminate();
        wire::listener_closed(address).await;
        assert_eq!(draining.rest().await.map(lines), Ok(1 + TRADES));
        let status = service.wait(DEADLINE).await;
        assert!(status.success(), "{status}\n{}", service.log());

        // A stop waits for its reader no longer than the drain may take.
        let limit = [("DRAIN_TIMEOUT_SECONDS", "1")];
        let (service, api) = Trade::start(&backend, &limit).await;
        let stuck = start(&api).await;
        service.terminate();
        let status = service.wait(DEADLINE).await;
        assert!(!status.success(), "{status}\n{}", service.log());
        assert_broken_off(stuck).await;
    }
}

#[tokio::test]
async fn a_file_whose_database_goes_away_breaks_off() {
    let mut server = Server::start().await;
    let backend = Backend::Postgres(server.database().await);
    let (_service, api) = Trade::start(&backend, &[]).await;
    load::buy_many(&api, USER, TRADES).await;
    let file = start(&api).await;
    server.stop().await;
    assert_broken_off(file).await;
    let file = api.get("/trades.csv?user_id=ann").await;
    file.problem(503, "database_unavailable");
}

#[tokio::test]
async fn a_file_that_cannot_be_completed_breaks_its_connection_over_http_1_too() {
    for backend in Backend::both().await {
        let (_service, api) = Trade::start(&backend, &[]).await;
        load::buy_many(&api, USER, 1_001).await;
        spoil_the_first_trade(&backend).await;

        let request = api.builder(Method::GET, &format!("/trades.csv?user_id={USER}"));
        let mut response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let mut file = Vec::new();
        let ended = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => file.extend(chunk),
                ended => break ended,
            }
        };
        assert!(ended.is_err(), "a part looks like the whole");
        assert_eq!(lines(file), 1 + 1_000);
    }
}

/// Makes it one that cannot be read.
async fn spoil_the_first_trade(backend: &Backend) {
    let statement =
        "update trades set symbol = '?' where id = (select id from trades order by id limit 1)";
    match backend {
        Backend::Sqlite(folder) => {
            let file = folder.path().join("trade.db");
            let url = format!("sqlite:{}", file.display());
            let mut database = SqliteConnection::connect(&url).await.unwrap();
            sqlx::query(statement).execute(&mut database).await.unwrap();
        }
        Backend::Postgres(database) => {
            let mut database = PgConnection::connect(&database.url()).await.unwrap();
            sqlx::query(statement).execute(&mut database).await.unwrap();
        }
    }
}

async fn start(api: &Client) -> Download {
    Download::start(api, &format!("/trades.csv?user_id={USER}")).await
}

async fn assert_broken_off(file: Download) {
    let part = file.rest().await.unwrap_err();
    assert!(lines(part) < 1 + TRADES, "all of it was sent");
}

fn lines(file: Vec<u8>) -> usize {
    file.into_iter().filter(|byte| *byte == b'\n').count()
}
