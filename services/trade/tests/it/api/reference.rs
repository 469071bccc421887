//! The calls that the reference prints for this service, byte for byte in what they send.

use testkit::http::Method;

use crate::support::{assert_members, members, on_both, rows, text_of};

#[tokio::test]
async fn the_calls_of_the_reference_work_as_printed_and_in_their_order() {
    on_both(&[], async |api| {
        let post = |path: &str, body: &'static str| {
            let json = ("Content-Type", "application/json");
            api.builder(Method::POST, path)
                .header(json.0, json.1)
                .body(body)
        };

        let bought = r#"{"user_id":"user-001","symbol":"AAPL","quantity":10,"price":189.50}"#;
        let bought = api.request(post("/trades/buy", bought)).await.expect(201);
        assert_members(
            &members(&bought),
            &[
                ("user_id", r#""user-001""#),
                ("symbol", r#""AAPL""#),
                ("side", r#""buy""#),
                ("quantity", "10"),
                ("price", "189.5"),
                ("total", "1895"),
            ],
        );

        let sold = r#"{"user_id":"user-001","symbol":"AAPL","quantity":5,"price":191.00}"#;
        let sold = api.request(post("/trades/sell", sold)).await.expect(201);
        assert_members(
            &members(&sold),
            &[
                ("side", r#""sell""#),
                ("quantity", "5"),
                ("price", "191"),
                ("total", "955"),
                ("realized_pnl", "7.5"),
            ],
        );

        let history = rows(&api.get("/trades?user_id=user-001").await.expect(200));
        let ids: Vec<_> = history.iter().map(|trade| text_of(trade, "id")).collect();
        let expected = [&sold, &bought].map(|reply| text_of(&members(reply), "id"));
        assert_eq!(ids, expected, "newest first");

        let portfolio = rows(&api.get("/portfolio/user-001").await.expect(200));
        assert_eq!(portfolio.len(), 1);
        assert_members(
            &portfolio[0],
            &[
                ("symbol", r#""AAPL""#),
                ("quantity", "5"),
                ("average_price", "189.5"),
                ("cost_basis", "947.5"),
                ("realized_pnl", "7.5"),
            ],
        );

        let health = api.get("/health").await.expect(200).json();
        assert_eq!(health["status"], "healthy");
    })
    .await;
}
