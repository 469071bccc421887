//! The calls that the reference prints for this service, byte for byte in what they send.

use testkit::http::Method;

use crate::support::{SEEDED, assert_members, members, on_both, rows, symbols};

#[tokio::test]
async fn the_calls_of_the_reference_work_as_printed_and_in_their_order() {
    on_both(&SEEDED, async |api| {
        let all = api.get("/stocks").await.expect(200);
        assert_eq!(rows(&all).len(), 10);
        assert_eq!(all.header("x-total-count"), Some("10"));

        let technology = api.get("/stocks?sector=Technology").await.expect(200);
        assert_eq!(symbols(&technology), ["AAPL", "GOOGL", "MSFT", "NVDA"]);
        for stock in rows(&technology) {
            assert_members(&stock, &[("sector", r#""Technology""#)]);
        }

        let one = members(&api.get("/stocks/AAPL").await.expect(200));
        let expected = [
            ("symbol", r#""AAPL""#),
            ("name", r#""Apple Inc.""#),
            ("sector", r#""Technology""#),
            ("current_price", "189.5"),
            ("change_pct", "0.8"),
            ("volume", "52000000"),
            ("market_cap", "2940000"),
        ];
        assert_members(&one, &expected);

        let price = members(&api.get("/stocks/AAPL/price").await.expect(200));
        let names: Vec<_> = price.keys().map(String::as_str).collect();
        assert_eq!(names, ["change_pct", "current_price", "symbol", "updated_at"]);
        assert_members(&price, &[("current_price", "189.5"), ("change_pct", "0.8")]);

        let body = r#"{"symbol":"META","name":"Meta Platforms","sector":"Technology","current_price":480.00,"change_pct":1.5,"volume":20000000,"market_cap":1230000}"#;
        let request = api
            .builder(Method::POST, "/stocks")
            .header("Content-Type", "application/json")
            .body(body);
        let added = api.request(request).await.expect(201);
        assert_eq!(added.header("location"), Some("/stocks/META"));
        let expected = [
            ("symbol", r#""META""#),
            ("name", r#""Meta Platforms""#),
            ("sector", r#""Technology""#),
            ("current_price", "480"),
            ("change_pct", "1.5"),
            ("volume", "20000000"),
            ("market_cap", "1230000"),
        ];
        assert_members(&members(&added), &expected);

        let path = "/stocks/AAPL/price?price=191.50&change_pct=0.95";
        let changed = api.request(api.builder(Method::PUT, path)).await.expect(200);
        let expected = [
            ("symbol", r#""AAPL""#),
            ("current_price", "191.5"),
            ("change_pct", "0.95"),
            ("volume", "52000000"),
        ];
        assert_members(&members(&changed), &expected);

        let health = api.get("/health").await.expect(200).json();
        assert_eq!(health["status"], "healthy");
    })
    .await;
}
