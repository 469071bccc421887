//! What cannot be finished: PostgreSQL hangs, an order waits for a lock, a body never comes. Answers come by their deadline;
//! the second SIGTERM ends a stop at once and its deadline ends it too, with a failure and a word of why.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use sqlx::{Connection as _, PgConnection};
use testkit::{Service, eventually, http::Reply, postgres::Server};

use super::wire::{self, Connection};
use crate::{
    concurrency::books,
    support::{Backend, Trade, buy, order_body, post_text},
};

/// At once, on a machine that is busy.
const AT_ONCE: Duration = Duration::from_secs(3);
const ONE_SECOND: [(&str, &str); 1] = [("DRAIN_TIMEOUT_SECONDS", "1")];
const DEADLINE: Duration = Duration::from_secs(20);
const ORDERS: usize = 20;

#[tokio::test]
async fn a_second_sigterm_ends_a_service_that_waits_for_a_body() {
    for backend in Backend::both().await {
        let (service, _api) = Trade::start(&backend, &[]).await;
        let _stuck = send_half_an_order(&service).await;
        assert_second_sigterm_ends(&service).await;
    }
}

#[tokio::test]
async fn the_drain_timeout_ends_a_service_that_waits_for_a_body() {
    for backend in Backend::both().await {
        let (service, _api) = Trade::start(&backend, &ONE_SECOND).await;
        let _stuck = send_half_an_order(&service).await;
        assert_deadline_ends(&service).await;
    }
}

#[tokio::test]
async fn a_second_sigterm_ends_a_service_whose_order_waits_for_a_lock() {
    let server = Server::start().await;
    let stuck = Stuck::in_a_statement(&server, &[]).await;
    assert_second_sigterm_ends(&stuck.service).await;

    // Whatever became of the order, under its key it happens once.
    stuck.lock.release().await;
    let (service, api) = Trade::start(&stuck.backend, &[]).await;
    let again = send(&service, &stuck.order).await.answer().await.unwrap();
    assert_eq!(again.status, 201, "{again:?}");
    assert_eq!(books::check(&api, "stuck").await.len(), 2);
}

#[tokio::test]
async fn a_second_sigterm_ends_a_service_whose_database_hangs() {
    let server = Server::start().await;
    let stuck = Stuck::in_a_statement(&server, &[]).await;
    let _paused = Paused::every_process_of(&server).await;
    assert_second_sigterm_ends(&stuck.service).await;
}

#[tokio::test]
async fn the_drain_timeout_ends_a_service_whose_database_hangs() {
    let server = Server::start().await;
    let stuck = Stuck::in_a_statement(&server, &ONE_SECOND).await;
    let _paused = Paused::every_process_of(&server).await;
    assert_deadline_ends(&stuck.service).await;
}

#[tokio::test]
async fn while_postgresql_hangs_every_answer_comes_in_time_and_afterwards_all_goes_on() {
    let server = Server::start().await;
    let backend = Backend::Postgres(server.database().await);
    let (_service, api) = Trade::start(&backend, &[("REQUEST_TIMEOUT_SECONDS", "1")]).await;
    buy(&api, "user", "AAPL", ["1", "1"]).await;
    let order = async |number: usize| {
        let body = order_body("user", "AAPL", "0.5", "2");
        let request = post_text(&api, "/trades/buy", body)
            .header("idempotency-key", format!("order {number}"));
        api.request(request).await
    };
    let paused = Paused::every_process_of(&server).await;
    let asked = Instant::now();
    for number in 0..2 {
        assert_put_off(&order(number).await);
    }
    assert_put_off(&api.get("/portfolio/user").await);
    api.get("/readyz")
        .await
        .problem(503, "database_unavailable");
    api.get("/livez").await.expect(200);
    let elapsed = asked.elapsed();
    assert!(elapsed < Duration::from_secs(8), "{elapsed:?}");

    drop(paused);
    let is_ready = async || api.get("/readyz").await.status == 200;
    eventually(DEADLINE, "the service is ready again", is_ready).await;
    for number in 0..ORDERS {
        order(number).await.expect(201);
    }
    assert_eq!(books::check(&api, "user").await.len(), 1 + ORDERS);
}

fn assert_put_off(reply: &Reply) {
    assert_eq!(reply.status, 503, "{reply}");
    assert!(reply.header("retry-after").is_some(), "{reply}");
}

async fn send_half_an_order(service: &Service) -> Connection {
    let [head, _body] = wire::order("buy", "stuck", "1");
    send(service, &head).await
}

/// Sends it, and waits until the service has been answering for long enough to have read it.
async fn send(service: &Service, text: &str) -> Connection {
    let address = wire::address_of(service).await;
    let mut connection = Connection::open(address).await.unwrap();
    connection.send(text).await.unwrap();
    let mut later = Connection::open(address).await.unwrap();
    later.ask(&wire::get("/livez")).await.unwrap();
    connection
}

async fn assert_second_sigterm_ends(service: &Service) {
    service.terminate();
    let is_stopping = async || service.log().contains("stopping");
    eventually(DEADLINE, "the service says that it stops", is_stopping).await;
    // Two signals that come together are one: the first was taken when it is logged.
    let asked = Instant::now();
    service.terminate();
    assert_cut_off(service, asked, AT_ONCE).await;
}

async fn assert_deadline_ends(service: &Service) {
    let asked = Instant::now();
    service.terminate();
    assert_cut_off(service, asked, Duration::from_secs(1) + AT_ONCE).await;
}

async fn assert_cut_off(service: &Service, asked: Instant, limit: Duration) {
    let status = service.wait(DEADLINE).await;
    let elapsed = asked.elapsed();
    let log = service.log();
    assert!(!status.success(), "{status} in spite of the request\n{log}");
    assert!(log.contains("still open"), "no word of it\n{log}");
    assert!(elapsed < limit, "only after {elapsed:?}\n{log}");
}

/// A service with an order in a statement that does not end.
struct Stuck {
    service: Service,
    backend: Backend,
    order: String,
    lock: Lock,
    _connection: Connection,
}

impl Stuck {
    async fn in_a_statement(server: &Server, extra_env: &[(&str, &str)]) -> Self {
        let database = server.database().await;
        let url = database.url();
        let backend = Backend::Postgres(database);
        let (service, api) = Trade::start(&backend, extra_env).await;
        buy(&api, "stuck", "AAPL", ["1", "1"]).await;
        let lock = Lock::on_account(&url, "stuck").await;
        let order = wire::order("buy", "stuck", "1").concat();
        let connection = send(&service, &order).await;
        let waits = async || lock.is_waited_for().await;
        eventually(DEADLINE, "the order waits for the lock", waits).await;
        Self {
            service,
            backend,
            order,
            lock,
            _connection: connection,
        }
    }
}

/// A lock on a user's account, held by somebody else.
struct Lock {
    holder: PgConnection,
    url: String,
}

impl Lock {
    async fn on_account(url: &str, user_id: &str) -> Self {
        let mut holder = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql("begin").execute(&mut holder).await.unwrap();
        sqlx::query("select 1 from accounts where user_id = $1 for update")
            .bind(user_id)
            .execute(&mut holder)
            .await
            .unwrap();
        Self {
            holder,
            url: url.to_owned(),
        }
    }

    async fn is_waited_for(&self) -> bool {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        let waits = sqlx::query_scalar(
            "
            select exists (
                select 1
                from pg_stat_activity
                where datname = current_database()
                    and wait_event_type = 'Lock'
            )
            ",
        )
        .fetch_one(&mut connection);
        waits.await.unwrap()
    }

    async fn release(self) {
        self.holder.close().await.unwrap();
    }
}

/// Processes that are stopped (SIGSTOP) for as long as this lives: their sockets stay open and nobody answers.
struct Paused(Vec<String>);

impl Paused {
    async fn every_process_of(server: &Server) -> Self {
        let mut connection = PgConnection::connect(&server.url("postgres"))
            .await
            .unwrap();
        let file: String = sqlx::query_scalar("select pg_read_file('postmaster.pid')")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let postmaster = file.lines().next().unwrap().to_owned();
        // The first to stop is the one that makes the others.
        signal("STOP", std::slice::from_ref(&postmaster));
        let mut paused = Self(vec![postmaster]);
        let others: Vec<String> = sqlx::query_scalar(
            "select pid::text from pg_stat_activity where pid <> pg_backend_pid()",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        signal("STOP", &others);
        paused.0.extend(others);
        paused
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        signal("CONT", &self.0);
    }
}

fn signal(name: &str, processes: &[String]) {
    let mut kill = Command::new("/bin/sh");
    kill.args(["-c", r#"kill -s "$0" "$@""#, name])
        .args(processes);
    assert!(kill.status().unwrap().success());
}
