//! Two processes on one PostgreSQL database: they start at the same moment, and take orders of the same users.

use std::time::Duration;

use testkit::postgres::Server;

use super::load::{Load, Plan};
use crate::support::{Backend, Trade, buy, order, sell};

const ROUNDS: usize = 5;
const ORDERS: usize = 4_000;

#[tokio::test]
async fn two_processes_that_start_at_the_same_moment_both_migrate() {
    for round in 0..ROUNDS {
        let backend = Backend::Postgres(testkit::postgres::database().await);
        let (one, other) = (Trade::spawn(&backend, &[]), Trade::spawn(&backend, &[]));
        let (one, other) = tokio::join!(one.wait_ready(), other.wait_ready());

        let bought = buy(&one, &format!("user-{round}"), "AAPL", ["1", "1"]).await;
        let location = bought.header("location").unwrap();
        let seen = other.get(location).await.expect(200);
        assert_eq!(seen.text(), bought.text());
    }
}

#[tokio::test]
async fn two_processes_that_trade_for_the_same_users_never_lock_each_other_out() {
    let server = Server::start().await;
    let backend = Backend::Postgres(server.database().await);
    let (_one, api) = Trade::start(&backend, &[]).await;
    let (_other, other_api) = Trade::start(&backend, &[]).await;
    let plan = Plan {
        clients: 32,
        users: 50,
        seed: 7,
        answers_within: Some(Duration::from_secs(5)),
    };
    let mut load = Load::start(plan, vec![api.clone(), other_api]);
    load.progress(ORDERS).await;
    load.end().await;

    assert_eq!(load.put_off(), 0);
    load.check(&api).await;
    let log = server.log();
    assert!(!log.contains("deadlock detected"), "{log}");
    assert!(!log.contains("ERROR:"), "{log}");
}

#[tokio::test]
async fn what_one_process_bought_the_other_sells_at_once_and_no_more_than_that() {
    let backend = Backend::Postgres(testkit::postgres::database().await);
    let (_one, one) = Trade::start(&backend, &[]).await;
    let (_other, other) = Trade::start(&backend, &[]).await;
    for (round, [one, other]) in [[&one, &other], [&other, &one]]
        .iter()
        .cycle()
        .take(50)
        .enumerate()
    {
        // Both know that nothing is held, since that is what they left.
        buy(one, "u", "AAPL", ["3", "1"]).await;
        sell(other, "u", "AAPL", ["1", "2"]).await;
        let refused = order(one, "sell", "u", "AAPL", ["3", "2"]).await;
        assert_eq!(
            refused.problem(422, "insufficient_holdings")["available"],
            2,
            "round {round}"
        );
        sell(one, "u", "AAPL", ["2", "2"]).await;
        order(other, "sell", "u", "AAPL", ["0.000001", "2"])
            .await
            .problem(422, "insufficient_holdings");
    }
}
