//! PostgreSQL is stopped and started again: meanwhile every answer is a 503 and comes soon, then all goes on by itself.

use std::time::{Duration, Instant};

use testkit::{
    eventually,
    http::{Client, Reply},
    postgres::Server,
};

use crate::{
    concurrency::load::{Load, Plan},
    support::{Backend, Trade, buy, order},
};

const STOPS: usize = 2;
/// Orders put off in each stop, at the least: every client has met it.
const PUT_OFF: usize = 24;
const CLIENTS: usize = 8;
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn while_postgresql_is_stopped_every_answer_is_a_503_and_afterwards_all_goes_on() {
    let mut server = Server::start().await;
    let backend = Backend::Postgres(server.database().await);
    let (_service, api) = Trade::start(&backend, &[]).await;
    let plan = Plan {
        clients: CLIENTS,
        users: 6,
        seed: 3,
        answers_within: Some(ANSWER_LIMIT),
    };
    let load = Load::start(plan, vec![api.clone()]);
    for _ in 0..STOPS {
        load.progress(100).await;
        server.stop().await;
        // A connection that was lost is noticed by the first call on it.
        assert_away(&api).await;
        let before = load.put_off();
        let met = async || load.put_off() >= before + PUT_OFF;
        eventually(DEADLINE, "every client is put off", met).await;
        assert_away(&api).await;

        server.restart().await;
        is_ready_again(&api).await;
    }
    load.progress(100).await;
    load.check(&api).await;
}

#[tokio::test]
async fn a_service_that_starts_before_postgresql_waits_for_it() {
    let mut server = Server::start().await;
    let backend = Backend::Postgres(server.database().await);
    server.stop().await;

    let service = Trade::spawn(&backend, &[]);
    let api = Client::new(service.url().await);
    api.get("/livez").await.expect(200);
    soon(api.get("/readyz")).await.problem(503, "starting");
    let early = soon(order(&api, "buy", "early", "AAPL", ["1", "1"])).await;
    early.problem(503, "starting");

    server.restart().await;
    is_ready_again(&api).await;
    buy(&api, "early", "AAPL", ["1", "1"]).await;
}

/// A stop that comes between the two is no reason to wait for a database that may never come.
#[tokio::test]
async fn a_service_that_waits_for_postgresql_can_be_stopped() {
    let mut server = Server::start().await;
    let backend = Backend::Postgres(server.database().await);
    server.stop().await;

    let service = Trade::spawn(&backend, &[]);
    let api = Client::new(service.url().await);
    api.get("/readyz").await.problem(503, "starting");
    service.terminate();
    let status = service.wait(Duration::from_secs(10)).await;
    assert!(status.success(), "{status}\n{}", service.log());
}

async fn assert_away(api: &Client) {
    soon(api.get("/livez")).await.expect(200);
    for path in [
        "/readyz",
        "/health",
        "/portfolio/user-1",
        "/trades?user_id=user-1",
    ] {
        let refused = soon(api.get(path)).await;
        refused.problem(503, "database_unavailable");
        assert!(refused.header("retry-after").is_some(), "{refused}");
    }
}

async fn soon(answer: impl Future<Output = Reply>) -> Reply {
    let asked = Instant::now();
    let reply = answer.await;
    let elapsed = asked.elapsed();
    assert!(elapsed < ANSWER_LIMIT, "after {elapsed:?}: {reply}");
    reply
}

async fn is_ready_again(api: &Client) {
    eventually(DEADLINE, "the service is ready again", async || {
        soon(api.get("/readyz")).await.status == 200
    })
    .await;
}
