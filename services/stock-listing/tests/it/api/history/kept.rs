//! What becomes of the history when the service or its database stops, and as time goes by.

use testkit::eventually;
use testkit::postgres::Server;

use super::{DEADLINE, KEPT, candles, day, plant};
use crate::support::{Backend, SEEDED, quote, start};

#[tokio::test]
async fn a_stop_right_after_a_price_loses_nothing_of_the_history() {
    for backend in Backend::both().await {
        for price in ["3", "1", "2"] {
            let (service, api) = start(&backend, &SEEDED).await;
            quote(&api, "AAPL", &format!("price={price}"))
                .await
                .expect(200);
            service.terminate();
            assert!(service.wait(DEADLINE).await.success());
        }
        let (_service, api) = start(&backend, &SEEDED).await;
        assert_eq!(day(&api, "AAPL").await, "3 3 1 2 3");
    }
}

#[tokio::test]
async fn replicas_add_up_to_one_history() {
    let backend = Backend::Postgres(testkit::postgres::database().await);
    let (_one, one) = start(&backend, &SEEDED).await;
    let (_other, other) = start(&backend, &SEEDED).await;
    for (api, price) in [
        (&other, "5"),
        (&one, "9"),
        (&other, "2"),
        (&one, "4"),
        (&other, "6"),
    ] {
        quote(api, "AAPL", &format!("price={price}"))
            .await
            .expect(200);
    }
    for api in [&one, &other] {
        eventually(DEADLINE, "the candle of both", async || {
            day(api, "AAPL").await == "5 9 2 6 5"
        })
        .await;
    }
}

#[tokio::test]
async fn candles_wait_for_a_database_that_is_away() {
    let mut server = Server::start().await;
    let backend = Backend::Postgres(server.database().await);
    let (service, api) = start(&backend, &SEEDED).await;
    quote(&api, "AAPL", "price=3").await.expect(200);
    quote(&api, "AAPL", "price=1").await.expect(200);
    server.kill().await;
    let away = api.get("/stocks/AAPL/history").await;
    away.problem(503, "database_unavailable");
    server.restart().await;
    eventually(DEADLINE, "a price that is taken again", async || {
        quote(&api, "AAPL", "price=2").await.status == 200
    })
    .await;
    assert_eq!(day(&api, "AAPL").await, "3 3 1 2 3");
    service.terminate();
    assert!(service.wait(DEADLINE).await.success());
    let (_service, api) = start(&backend, &SEEDED).await;
    assert_eq!(day(&api, "AAPL").await, "3 3 1 2 3");
}

#[tokio::test]
async fn candles_are_forgotten_when_they_are_too_old() {
    for backend in Backend::both().await {
        let (service, _api) = start(&backend, &KEPT).await;
        plant(
            &backend,
            &[
                (1, "2020-01-05T09:59", 1, ["1"; 4], 1),
                (60, "2020-01-05T09:00", 1, ["1"; 4], 1),
                (60, "1970-01-05T09:00", 1, ["1"; 4], 1),
            ],
        )
        .await;
        service.terminate();
        service.wait(DEADLINE).await;
        let kept = ("HOUR_CANDLES_KEPT_DAYS", "18250");
        let (_service, api) = start(&backend, &[kept]).await;
        quote(&api, "AAPL", "price=1").await.expect(200);
        for (interval, expected) in [("1m", 1), ("1h", 2)] {
            let path = format!("/stocks/AAPL/history?interval={interval}");
            eventually(DEADLINE, "the old ones are forgotten", async || {
                candles(&api, &path).await.len() == expected
            })
            .await;
        }
    }
}
