//! The `Idempotency-Key` header: an order happens once and is answered the same.

use testkit::http::{Client, Reply};

use crate::support::{
    Backend, Trade, buy, members, on_both, order_body, post_text, rows, seen_of, text_of,
};

async fn with_key(api: &Client, side: &str, key: &str, body: &str) -> Reply {
    let request = post_text(api, &format!("/trades/{side}"), body);
    api.request(request.header("idempotency-key", key)).await
}

async fn trades_of(api: &Client, user_id: &str) -> usize {
    let history = api.get(&format!("/trades?user_id={user_id}")).await;
    rows(&history.expect(200)).len()
}

#[track_caller]
fn assert_replay(first: &Reply, again: &Reply) {
    assert_eq!(first.header("idempotency-replayed"), None, "{first}");
    assert_eq!(
        again.header("idempotency-replayed"),
        Some("true"),
        "{again}"
    );
    assert_eq!(again.status, first.status, "{again}");
    assert_eq!(again.text(), first.text(), "the same to the last byte");
    for name in ["location", "content-type"] {
        assert_eq!(again.header(name), first.header(name), "{again}");
    }
}

#[tokio::test]
async fn an_order_sent_again_under_its_key_happens_once_and_answers_the_same() {
    on_both(&[], async |api| {
        let body = order_body("ann", "AAPL", "10", "189.5");
        let first = with_key(api, "buy", "order 1 / ~!", &body)
            .await
            .expect(201);
        for _ in 0..3 {
            assert_replay(&first, &with_key(api, "buy", "order 1 / ~!", &body).await);
        }
        assert_eq!(trades_of(api, "ann").await, 1);
    })
    .await;
}

#[tokio::test]
async fn the_same_order_in_other_words_is_the_same_order() {
    on_both(&[], async |api| {
        let first = with_key(api, "buy", "k", &order_body("ann", "AAPL", "10", "189.5")).await;
        let words =
            r#" { "price": "1.895e2", "quantity": 10.0, "symbol": "aapl", "user_id": "ann" } "#;
        assert_replay(&first, &with_key(api, "buy", "k", words).await);
        assert_eq!(trades_of(api, "ann").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_key_used_for_another_order_is_refused_and_changes_nothing() {
    on_both(&[], async |api| {
        let first = with_key(api, "buy", "k", &order_body("ann", "AAPL", "10", "1")).await;
        let before = seen_of(api, "ann").await;
        for other in [
            order_body("ann", "AAPL", "10", "2"),
            order_body("ann", "AAPL", "11", "1"),
            order_body("ann", "MSFT", "10", "1"),
        ] {
            let reply = with_key(api, "buy", "k", &other).await;
            reply.problem(422, "idempotency_key_reused");
            assert_eq!(reply.header("idempotency-replayed"), None);
        }
        assert_eq!(seen_of(api, "ann").await, before);
        let body = order_body("ann", "AAPL", "10", "1");
        assert_replay(&first, &with_key(api, "buy", "k", &body).await);
    })
    .await;
}

#[tokio::test]
async fn a_key_counts_for_its_user_and_its_side_alone() {
    on_both(&[], async |api| {
        for (side, user_id) in [
            ("buy", "ann"),
            ("buy", "bob"),
            ("sell", "ann"),
            ("sell", "bob"),
        ] {
            let body = order_body(user_id, "AAPL", "10", "1");
            let reply = with_key(api, side, "k", &body).await.expect(201);
            assert_eq!(reply.header("idempotency-replayed"), None);
        }
        let other_case = with_key(api, "buy", "K", &order_body("ann", "AAPL", "1", "1")).await;
        assert_eq!(other_case.expect(201).header("idempotency-replayed"), None);
        assert_eq!(trades_of(api, "ann").await, 3);
    })
    .await;
}

#[tokio::test]
async fn without_a_key_the_same_order_happens_again() {
    on_both(&[], async |api| {
        let one = text_of(&members(&buy(api, "ann", "AAPL", ["1", "1"]).await), "id");
        let two = text_of(&members(&buy(api, "ann", "AAPL", ["1", "1"]).await), "id");
        assert_ne!(one, two);
        assert_eq!(trades_of(api, "ann").await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_refused_order_is_refused_the_same_under_its_key_even_when_it_would_work_by_then() {
    on_both(&[], async |api| {
        let body = order_body("ann", "AAPL", "1", "1");
        let first = with_key(api, "sell", "k", &body).await;
        first.problem(422, "insufficient_holdings");
        buy(api, "ann", "AAPL", ["1", "1"]).await;
        assert_replay(&first, &with_key(api, "sell", "k", &body).await);
        assert_eq!(trades_of(api, "ann").await, 1, "the buy");
    })
    .await;
}

#[tokio::test]
async fn an_order_that_is_not_valid_leaves_its_key_free() {
    on_both(&[], async |api| {
        let invalid = order_body("ann", "AAPL", "0", "1");
        with_key(api, "buy", "k", &invalid)
            .await
            .problem(422, "validation_failed");
        let valid = with_key(api, "buy", "k", &order_body("ann", "AAPL", "1", "1")).await;
        assert_eq!(valid.expect(201).header("idempotency-replayed"), None);
    })
    .await;
}

#[tokio::test]
async fn the_longest_key_is_taken() {
    on_both(&[], async |api| {
        let key = "~".repeat(255);
        let body = order_body("ann", "AAPL", "1", "1");
        let first = with_key(api, "buy", &key, &body).await.expect(201);
        assert_replay(&first, &with_key(api, "buy", &key, &body).await);
    })
    .await;
}

#[tokio::test]
async fn a_key_is_known_after_a_restart_and_to_a_replica() {
    for backend in Backend::both().await {
        let body = order_body("ann", "AAPL", "1", "1");
        let (service, api) = Trade::start(&backend, &[]).await;
        let first = with_key(&api, "buy", "k", &body).await.expect(201);
        if let Backend::Postgres(_) = backend {
            let (_replica, api) = Trade::start(&backend, &[]).await;
            assert_replay(&first, &with_key(&api, "buy", "k", &body).await);
        }
        drop(service);
        let (_service, api) = Trade::start(&backend, &[]).await;
        assert_replay(&first, &with_key(&api, "buy", "k", &body).await);
    }
}
