//! `POST /stocks` and `GET /stocks/{symbol}`.

use crate::support::{
    EMPTY, SEEDED, add, assert_members, members, on_both, post_text, rows, seen, symbols, text_of,
};

#[tokio::test]
async fn a_stock_is_added_with_201_and_found_where_it_says() {
    on_both(&EMPTY, async |api| {
        let body = r#"{"symbol":"brk.b","name":"Berkshire Hathaway","current_price":"401.0"}"#;
        let added = api.request(post_text(api, body)).await.expect(201);
        assert_eq!(added.header("content-type"), Some("application/json"));
        assert_eq!(added.header("location"), Some("/stocks/BRK.B"));
        let stock = members(&added);
        let names: Vec<_> = stock.keys().map(String::as_str).collect();
        let documented = [
            "change_pct",
            "current_price",
            "market_cap",
            "name",
            "sector",
            "symbol",
            "updated_at",
            "volume",
        ];
        assert_eq!(names, documented);
        let expected = [
            ("symbol", r#""BRK.B""#),
            ("name", r#""Berkshire Hathaway""#),
            ("sector", "null"),
            ("current_price", "401"),
            ("change_pct", "0"),
            ("volume", "0"),
            ("market_cap", "null"),
        ];
        assert_members(&stock, &expected);
        let at = text_of(&stock, "updated_at");
        let form = at.len() == "2026-01-31T09:30:00.000000Z".len() && at.ends_with('Z');
        assert!(form, "RFC 3339 in UTC with microseconds: {at}");

        for path in ["/stocks/BRK.B", "/stocks/brk.b", "/stocks/%62RK%2EB"] {
            let found = api.get(path).await.expect(200);
            assert_eq!(found.text(), added.text(), "the same to the last byte");
        }
        assert_eq!(seen(api).await, format!("[{}]", added.text()));
    })
    .await;
}

#[tokio::test]
async fn a_number_keeps_its_exact_digits_however_it_is_written() {
    on_both(&EMPTY, async |api| {
        // A member, what is sent and what is answered.
        let table = [
            ("current_price", "0.1", "0.1"),
            ("current_price", "480.00", "480"),
            ("current_price", r#""189.50""#, "189.5"),
            ("current_price", "1e3", "1000"),
            ("current_price", "5E-4", "0.0005"),
            ("current_price", "9999999999.9999", "9999999999.9999"),
            ("current_price", "9007199254.7409", "9007199254.7409"),
            ("change_pct", "-0.0001", "-0.0001"),
            ("change_pct", "-100", "-100"),
            ("change_pct", "1e6", "1000000"),
            ("change_pct", r#""-1.10""#, "-1.1"),
            ("change_pct", "-0", "0"),
            ("volume", "9223372036854775807", "9223372036854775807"),
            ("volume", r#""52e6""#, "52000000"),
            ("volume", "10.0", "10"),
            ("market_cap", "0", "0"),
            ("market_cap", "999999999999.999999", "999999999999.999999"),
            ("market_cap", "0.000001", "0.000001"),
        ];
        for (index, (name, sent, answered)) in table.into_iter().enumerate() {
            let symbol = format!("S{index}");
            let price = if name == "current_price" {
                ""
            } else {
                r#","current_price":1"#
            };
            let body = format!(r#"{{"symbol":"{symbol}","name":"n","{name}":{sent}{price}}}"#);
            let added = api.request(post_text(api, body)).await.expect(201);
            assert_members(&members(&added), &[(name, answered)]);
            let found = api.get(&format!("/stocks/{symbol}")).await.expect(200);
            assert_eq!(found.text(), added.text());
        }
    })
    .await;
}

#[tokio::test]
async fn a_name_and_a_sector_may_be_in_any_script() {
    on_both(&EMPTY, async |api| {
        let long = "名".repeat(255);
        let names = [
            "a",
            "O'Reilly \"&\" <Söhne> \\ GmbH; drop table stocks --",
            "株式会社 🚀 \u{202e}",
            &long,
        ];
        for (index, name) in names.into_iter().enumerate() {
            let sector = name.chars().take(100).collect::<String>();
            let stock = serde_json::json!({
                "symbol": format!("S{index}"), "name": name, "sector": sector, "current_price": 1
            });
            let added = api.post("/stocks", &stock).await.expect(201).json();
            assert_eq!(
                (&added["name"], &added["sector"]),
                (&name.into(), &sector.as_str().into())
            );
            let found = api.request(
                api.builder(testkit::http::Method::GET, "/stocks")
                    .query(&[("sector", &sector)]),
            );
            assert_eq!(symbols(&found.await.expect(200)), [format!("S{index}")]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_symbol_that_is_there_already_is_a_409_and_changes_nothing() {
    on_both(&SEEDED, async |api| {
        let before = seen(api).await;
        for symbol in ["AAPL", "aapl"] {
            let body = format!(r#"{{"symbol":"{symbol}","name":"Other","current_price":1}}"#);
            api.request(post_text(api, body))
                .await
                .problem(409, "symbol_exists");
        }
        assert_eq!(seen(api).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_symbol_that_is_not_there_is_a_404() {
    on_both(&SEEDED, async |api| {
        for path in ["/stocks/NOPE", "/stocks/NOPE/price", "/stocks/A"] {
            api.get(path).await.problem(404, "unknown_symbol");
        }
    })
    .await;
}

#[tokio::test]
async fn stocks_come_by_symbol_byte_for_byte() {
    on_both(&EMPTY, async |api| {
        for symbol in [
            "B", "AB", "A", "A-B", "A.B", "AA", "A0", "Z9", "BRK.B", "BRK",
        ] {
            add(api, symbol, "Any", "1").await;
        }
        let sorted = [
            "A", "A-B", "A.B", "A0", "AA", "AB", "B", "BRK", "BRK.B", "Z9",
        ];
        assert_eq!(symbols(&api.get("/stocks").await.expect(200)), sorted);
    })
    .await;
}

#[tokio::test]
async fn a_sector_chooses_stocks_by_its_exact_name() {
    on_both(&EMPTY, async |api| {
        for (symbol, sector) in [
            ("A", "R&D + more"),
            ("B", "r&d + more"),
            ("C", "100%"),
            ("D", "R"),
        ] {
            add(api, symbol, sector, "1").await;
        }
        for (query, expected) in [
            ("R%26D+%2B+more", vec!["A"]),
            ("R%26D%20%2B%20more", vec!["A"]),
            ("100%25", vec!["C"]),
            ("R", vec!["D"]),
            ("Nothing", vec![]),
            ("%25", vec![]),
        ] {
            let found = api
                .get(&format!("/stocks?sector={query}"))
                .await
                .expect(200);
            assert_eq!(symbols(&found), expected, "{query}");
            let total = expected.len().to_string();
            assert_eq!(found.header("x-total-count"), Some(&*total));
            assert_eq!(rows(&found).len(), expected.len());
        }
    })
    .await;
}
