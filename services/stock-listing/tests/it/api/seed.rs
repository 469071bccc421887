//! The ten stocks of a first boot, and what outlives a restart.

use std::time::Duration;

use testkit::eventually;

use crate::support;
use crate::support::{Backend, SEEDED, add, on_both, quote, seen, symbols};

const DEADLINE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn the_embedded_database_is_seeded_and_a_server_only_when_asked_to() {
    for backend in Backend::both().await {
        let (_service, api) = support::start(&backend, &[]).await;
        let expected = match backend {
            Backend::Sqlite(_) => 10,
            Backend::Postgres(_) => 0,
        };
        let all = api.get("/stocks").await.expect(200);
        assert_eq!(symbols(&all).len(), expected);
        if expected == 0 {
            assert_eq!(all.text(), "[]");
            assert_eq!(all.header("x-total-count"), Some("0"));
        }
    }
    on_both(&[("SEED_STOCKS", "false")], async |api| {
        assert_eq!(seen(api).await, "[]");
    })
    .await;
}

#[tokio::test]
async fn a_restart_keeps_every_stock_and_every_price() {
    for backend in Backend::both().await {
        let (service, api) = support::start(&backend, &SEEDED).await;
        add(&api, "NEW", "Any", "0.1").await;
        quote(&api, "AAPL", "price=191.5").await.expect(200);
        let before = seen(&api).await;
        drop((service, api));
        let (_service, api) = support::start(&backend, &SEEDED).await;
        assert_eq!(seen(&api).await, before);
    }
}

#[tokio::test]
async fn replicas_that_start_at_once_on_one_database_agree() {
    let [_, postgres] = Backend::both().await;
    let start = || support::start(&postgres, &SEEDED);
    let (one, two, three) = tokio::join!(start(), start(), start());
    quote(&one.1, "AAPL", "price=191.5").await.expect(200);
    let all = seen(&one.1).await;
    assert!(all.contains(r#""current_price":191.5,"#), "{all}");
    for (_, other) in [&two, &three] {
        // They hear of it within moments: their answers come from memory.
        eventually(DEADLINE, "the same catalogue", || async {
            seen(other).await == all
        })
        .await;
    }
}
