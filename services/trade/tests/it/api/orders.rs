//! `POST /trades/buy` and `POST /trades/sell`, `GET /trades/{trade_id}`.

use testkit::http::Method;

use crate::support::{
    assert_members, buy, members, on_both, order, order_body, rows, seen_of, sell, text_of,
};

/// A UUIDv7 that nobody has made.
const NO_TRADE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

#[tokio::test]
async fn an_order_answers_201_with_the_trade_and_where_it_is() {
    on_both(&[], async |api| {
        let reply = buy(api, "ann", "AAPL", ["2", "3.5"]).await;
        let trade = members(&reply);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let id = text_of(&trade, "id");
        assert_eq!(reply.header("location"), Some(&*format!("/trades/{id}")));
        assert_eq!(reply.header("idempotency-replayed"), None);
        let version = id.as_bytes()[14];
        assert_eq!((id.len(), version), (36, b'7'), "a UUIDv7: {id}");
        let at = text_of(&trade, "executed_at");
        let form = at.len() == "2026-01-31T09:30:00.000000Z".len() && at.ends_with('Z');
        assert!(form, "RFC 3339 in UTC with microseconds: {at}");
        let names: Vec<_> = trade.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "executed_at",
                "id",
                "price",
                "quantity",
                "side",
                "symbol",
                "total",
                "user_id"
            ],
            "and no realized_pnl on a buy"
        );

        let found = api.get(&format!("/trades/{id}")).await.expect(200);
        assert_eq!(found.text(), reply.text(), "the same to the last byte");

        let sold = members(&sell(api, "ann", "AAPL", ["1", "3"]).await);
        assert_members(&sold, &[("side", r#""sell""#), ("realized_pnl", "-0.5")]);
    })
    .await;
}

#[tokio::test]
async fn a_number_keeps_its_exact_digits_however_it_is_written() {
    on_both(&[], async |api| {
        // Sent quantity and price; answered quantity, price and total.
        let table = [
            (["0.1", "0.1"], ["0.1", "0.1", "0.01"]),
            (["0.2", "0.3"], ["0.2", "0.3", "0.06"]),
            ([r#""10""#, r#""189.50""#], ["10", "189.5", "1895"]),
            ([r#""1e3""#, "1e3"], ["1000", "1000", "1000000"]),
            (["1E+2", "5e-4"], ["100", "0.0005", "0.05"]),
            (["1.500000", "2.0000"], ["1.5", "2", "3"]),
            (
                ["0.000001", "0.0001"],
                ["0.000001", "0.0001", "0.0000000001"],
            ),
            (
                ["900719925474.099301", "9007199254.7409"],
                [
                    "900719925474.099301",
                    "9007199254.7409",
                    "8112963841460586213072.8816261109",
                ],
            ),
            (
                ["999999999999.999999", "9999999999.9999"],
                [
                    "999999999999.999999",
                    "9999999999.9999",
                    "9999999999999899990000.0000000001",
                ],
            ),
        ];
        for (index, (sent, [quantity, price, total])) in table.into_iter().enumerate() {
            let user_id = format!("digits-{index}");
            let reply = buy(api, &user_id, "AAPL", sent).await;
            let expected = [("quantity", quantity), ("price", price), ("total", total)];
            assert_members(&members(&reply), &expected);
            let history = api.get(&format!("/trades?user_id={user_id}")).await;
            assert_members(&rows(&history)[0], &expected);
            let position = &rows(&api.get(&format!("/portfolio/{user_id}")).await)[0];
            assert_members(position, &[("quantity", quantity), ("cost_basis", total)]);
            assert_members(position, &[("average_price", price)]);
        }
    })
    .await;
}

#[tokio::test]
async fn names_are_taken_as_api_md_says() {
    on_both(&[], async |api| {
        let long = "u".repeat(64);
        for user_id in ["a", "A.b_c-d@e:9", &long] {
            let trade = members(&buy(api, user_id, "brk.b", ["1", "1"]).await);
            assert_members(&trade, &[("symbol", r#""BRK.B""#)]);
            assert_eq!(text_of(&trade, "user_id"), user_id);
            let path = format!("/trades?user_id={user_id}&symbol=Brk.b");
            assert_eq!(rows(&api.get(&path).await.expect(200)).len(), 1);
            let portfolio = api.get(&format!("/portfolio/{user_id}")).await.expect(200);
            assert_eq!(rows(&portfolio).len(), 1);
        }
        buy(api, "a", "A-B.C12345.7", ["1", "1"]).await;
        let other_case = api.get("/portfolio/A").await.expect(200);
        assert_eq!(other_case.text(), "[]", "user ids have a case");
    })
    .await;
}

#[tokio::test]
async fn a_sell_of_more_than_is_held_is_refused_and_changes_nothing() {
    on_both(&[], async |api| {
        let none = order(api, "sell", "ann", "AAPL", ["1.5", "1"]).await;
        none.problem(422, "insufficient_holdings");
        let expected = [("requested", "1.5"), ("available", "0")];
        assert_members(&members(&none), &expected);

        buy(api, "ann", "AAPL", ["2.000001", "10"]).await;
        buy(api, "ann", "MSFT", ["100", "10"]).await;
        buy(api, "bob", "AAPL", ["100", "10"]).await;
        let before = seen_of(api, "ann").await;
        let more = order(api, "sell", "ann", "AAPL", ["2.000002", "10"]).await;
        more.problem(422, "insufficient_holdings");
        let expected = [("requested", "2.000002"), ("available", "2.000001")];
        assert_members(&members(&more), &expected);
        assert_eq!(more.header("location"), None);
        assert_eq!(seen_of(api, "ann").await, before);
    })
    .await;
}

#[tokio::test]
async fn a_position_past_the_largest_quantity_is_refused_and_changes_nothing() {
    on_both(&[], async |api| {
        buy(api, "ann", "AAPL", ["999999999999.999999", "0.0001"]).await;
        let before = seen_of(api, "ann").await;
        let more = order(api, "buy", "ann", "AAPL", ["0.000001", "0.0001"]).await;
        more.problem(422, "position_too_large");
        assert_eq!(seen_of(api, "ann").await, before);
        sell(api, "ann", "AAPL", ["999999999999.999999", "0.0001"]).await;
    })
    .await;
}

#[tokio::test]
async fn a_trade_that_nobody_made_is_a_404() {
    on_both(&[], async |api| {
        let reply = api.get(&format!("/trades/{NO_TRADE}")).await;
        reply.problem(404, "unknown_trade");
    })
    .await;
}

#[tokio::test]
async fn the_media_type_of_an_order_may_carry_parameters_and_any_case() {
    on_both(&[], async |api| {
        for media_type in [
            "application/json; charset=utf-8",
            "APPLICATION/JSON",
            "application/json;charset=UTF-8",
        ] {
            let request = api
                .builder(Method::POST, "/trades/buy")
                .header("content-type", media_type)
                .body(order_body("ann", "AAPL", "1", "1"));
            api.request(request).await.expect(201);
        }
    })
    .await;
}
