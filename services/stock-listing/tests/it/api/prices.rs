//! `GET` and `PUT /stocks/{symbol}/price`.

use crate::support::{
    EMPTY, SEEDED, add, assert_members, members, on_both, post_text, quote, rows, seen, text_of,
};

#[tokio::test]
async fn a_new_price_is_seen_everywhere_at_once() {
    on_both(&SEEDED, async |api| {
        let before = members(&api.get("/stocks/MSFT").await.expect(200));
        let changed = quote(api, "msft", "price=416.0001&change_pct=-0.5")
            .await
            .expect(200);
        let expected = [("current_price", "416.0001"), ("change_pct", "-0.5")];
        assert_members(&members(&changed), &expected);
        let found = api.get("/stocks/MSFT").await.expect(200);
        assert_eq!(found.text(), changed.text());
        let price = members(&api.get("/stocks/MSFT/price").await.expect(200));
        assert_members(&price, &expected);
        let at = text_of(&price, "updated_at");
        assert_eq!(at, text_of(&members(&changed), "updated_at"));
        assert!(at > text_of(&before, "updated_at"), "{at}");
        let all = rows(&api.get("/stocks").await.expect(200));
        assert!(
            all.iter()
                .any(|stock| stock["current_price"].get() == "416.0001")
        );
        assert!(
            all.iter()
                .any(|stock| stock["current_price"].get() == "189.5")
        );
    })
    .await;
}

#[tokio::test]
async fn a_change_that_is_left_out_is_computed_from_the_previous_close() {
    on_both(&SEEDED, async |api| {
        // The seed is of another day, so that its prices are the previous close.
        for (symbol, price, change) in [
            ("AAPL", "379", "100"),
            ("JPM", "197.6", "0"),
            ("MSFT", "207.6", "-50"),
            ("NVDA", "890.5", "0.0112"),
            ("V", "0.0001", "-100"),
        ] {
            let changed = quote(api, symbol, &format!("price={price}"))
                .await
                .expect(200);
            let expected = [("current_price", price), ("change_pct", change)];
            assert_members(&members(&changed), &expected);
        }
    })
    .await;
}

#[tokio::test]
async fn a_price_keeps_its_exact_digits_however_it_is_written() {
    on_both(&SEEDED, async |api| {
        for (sent, answered) in [
            ("0.1", "0.1"),
            ("1e3", "1000"),
            ("1.5E%2B2", "150"),
            ("191.50", "191.5"),
            ("9007199254.7409", "9007199254.7409"),
            ("9999999999.9999", "9999999999.9999"),
        ] {
            let query = format!("price={sent}&change_pct=1");
            let changed = quote(api, "AAPL", &query).await.expect(200);
            assert_members(&members(&changed), &[("current_price", answered)]);
        }
        for (sent, answered) in [("-100", "-100"), ("1e6", "1000000"), ("-0.0001", "-0.0001")] {
            let changed = quote(api, "AAPL", &format!("price=1&change_pct={sent}")).await;
            assert_members(&members(&changed.expect(200)), &[("change_pct", answered)]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_price_of_a_symbol_that_is_not_there_is_a_404_and_adds_nothing() {
    on_both(&SEEDED, async |api| {
        let before = seen(api).await;
        quote(api, "NOPE", "price=1")
            .await
            .problem(404, "unknown_symbol");
        assert_eq!(seen(api).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_price_further_away_than_a_change_can_say_is_refused_unless_the_change_is_given() {
    on_both(&EMPTY, async |api| {
        add(api, "PENNY", "Any", "0.0001").await;
        let before = seen(api).await;
        let refused = quote(api, "PENNY", "price=9999999999").await;
        refused.problem(409, "price_change_too_large");
        assert_eq!(seen(api).await, before);
        let changed = quote(api, "PENNY", "price=9999999999&change_pct=1e6")
            .await
            .expect(200);
        let expected = [("current_price", "9999999999"), ("change_pct", "1000000")];
        assert_members(&members(&changed), &expected);
    })
    .await;
}

#[tokio::test]
async fn a_change_at_either_end_of_its_range_is_stored_with_a_price_at_either_end() {
    on_both(&EMPTY, async |api| {
        let mut number = 0;
        for change in ["-100", "-99.9999", "1000000"] {
            for price in ["0.0001", "9999999999.9999"] {
                number += 1;
                let body = format!(
                    r#"{{"symbol":"S{number}","name":"n","current_price":{price},"change_pct":{change}}}"#
                );
                let added = api.request(post_text(api, body)).await.expect(201);
                let expected = [("current_price", price), ("change_pct", change)];
                assert_members(&members(&added), &expected);
            }
        }
    })
    .await;
}
