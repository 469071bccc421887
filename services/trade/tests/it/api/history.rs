//! `GET /trades`: its filters, its order, its pages.

use testkit::http::Client;

use crate::support::{assert_members, buy, members, next_page, on_both, order, rows, text_of};

async fn ids(api: &Client, path: &str) -> Vec<String> {
    let trades = rows(&api.get(path).await.expect(200));
    trades.iter().map(|trade| text_of(trade, "id")).collect()
}

/// Each order is answered before the next is sent; yields their ids and times.
async fn trade(api: &Client, orders: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut made = Vec::new();
    for (side, symbol) in orders {
        let reply = order(api, side, "ann", symbol, ["1", "1"])
            .await
            .expect(201);
        let trade = members(&reply);
        made.push((text_of(&trade, "id"), text_of(&trade, "executed_at")));
    }
    made
}

#[tokio::test]
async fn the_history_of_a_user_is_theirs_alone_and_newest_first() {
    on_both(&[], async |api| {
        let made = trade(api, &[("buy", "AAPL"), ("buy", "MSFT"), ("sell", "AAPL")]).await;
        buy(api, "ann2", "AAPL", ["1", "1"]).await;
        let newest_first: Vec<_> = made.iter().rev().map(|(id, _)| id.clone()).collect();
        assert_eq!(ids(api, "/trades?user_id=ann").await, newest_first);
        assert_eq!(ids(api, "/trades?user_id=ann2").await.len(), 1);

        let nobody = api.get("/trades?user_id=nobody").await.expect(200);
        assert_eq!(nobody.text(), "[]");
        assert_eq!(nobody.header("content-type"), Some("application/json"));
        assert_eq!(nobody.header("link"), None);
    })
    .await;
}

#[tokio::test]
async fn the_filters_of_a_history_choose_trades_together() {
    on_both(&[], async |api| {
        let made = trade(
            api,
            &[
                ("buy", "AAPL"),
                ("buy", "MSFT"),
                ("sell", "AAPL"),
                ("buy", "AAPL"),
            ],
        )
        .await;
        let (second, third) = (&made[1].1, &made[2].1);
        let table: [(String, &[usize]); 12] = [
            ("&symbol=AAPL".into(), &[3, 2, 0]),
            ("&symbol=aapl&side=buy".into(), &[3, 0]),
            ("&side=sell".into(), &[2]),
            ("&symbol=NVDA".into(), &[]),
            (format!("&from={second}"), &[3, 2, 1]),
            (format!("&to={third}"), &[1, 0]),
            (format!("&from={second}&to={third}"), &[1]),
            (format!("&from={third}&to={second}"), &[]),
            (format!("&from={second}&side=buy&symbol=AAPL"), &[3]),
            (
                "&from=2000-01-01T00:00:00Z&to=2999-12-31T23:59:59.999999%2B14:00".into(),
                &[3, 2, 1, 0],
            ),
            (format!("&cursor={}", made[2].0), &[1, 0]),
            (format!("&cursor={}&limit=1", made[2].0), &[1]),
        ];
        for (filter, expected) in table {
            let expected: Vec<_> = expected
                .iter()
                .map(|&index| made[index].0.clone())
                .collect();
            let found = ids(api, &format!("/trades?user_id=ann{filter}")).await;
            assert_eq!(found, expected, "{filter}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_ends_of_the_calendar_are_times_like_any_other() {
    on_both(&[], async |api| {
        buy(api, "ann", "AAPL", ["1", "1"]).await;
        for (filter, expected) in [
            ("from=0000-01-01T00:00:00Z", 1),
            ("from=0000-01-01T00:00:00%2B23:59", 1),
            ("to=0000-01-01T00:00:00Z", 0),
            ("to=9999-12-31T23:59:59.999999Z", 1),
            ("to=9999-12-31T23:59:59-23:59", 1),
            ("from=9999-12-31T23:59:59-23:59", 0),
            ("from=2016-12-31T23:59:60Z", 1),
            ("from=2016-12-31t23:59:59.123456789z", 1),
        ] {
            let found = ids(api, &format!("/trades?user_id=ann&{filter}")).await;
            assert_eq!(found.len(), expected, "{filter}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_pages_of_a_history_have_no_gap_and_no_double_while_trades_go_on() {
    on_both(&[], async |api| {
        let made = trade(api, &[("buy", "AAPL"); 11]).await;
        trade(api, &[("buy", "MSFT"); 2]).await;
        let first =
            "/trades?user_id=ann&symbol=AAPL&side=buy&from=2000-01-01T00:00:00%2B01:00&limit=3";
        let mut page = Some(first.to_owned());
        let mut found = Vec::new();
        while let Some(path) = page {
            let reply = api.get(&path).await.expect(200);
            found.push(rows(&reply));
            page = next_page(&reply);
            // What comes while somebody pages belongs to none of the older pages.
            buy(api, "ann", "AAPL", ["1", "1"]).await;
        }
        let sizes: Vec<_> = found.iter().map(Vec::len).collect();
        assert_eq!(sizes, [3, 3, 3, 2]);
        let walked: Vec<_> = found
            .iter()
            .flatten()
            .map(|trade| text_of(trade, "id"))
            .collect();
        let expected: Vec<_> = made.iter().rev().map(|(id, _)| id.clone()).collect();
        assert_eq!(walked, expected);
    })
    .await;
}

#[tokio::test]
async fn a_page_that_ends_with_the_last_trade_links_to_no_other() {
    on_both(&[], async |api| {
        trade(api, &[("buy", "AAPL"); 3]).await;
        let full = api.get("/trades?user_id=ann&limit=3").await.expect(200);
        assert_eq!((rows(&full).len(), next_page(&full)), (3, None));
        let part = api.get("/trades?user_id=ann&limit=2").await.expect(200);
        let next = next_page(&part).unwrap();
        let rest = api.get(&next).await.expect(200);
        assert_eq!((rows(&rest).len(), next_page(&rest)), (1, None));
    })
    .await;
}

#[tokio::test]
async fn a_history_without_a_limit_shows_a_hundred_trades_and_never_more_than_a_thousand() {
    on_both(&[], async |api| {
        for _ in 0..101 {
            buy(api, "ann", "AAPL", ["1", "1"]).await;
        }
        let page = api.get("/trades?user_id=ann").await.expect(200);
        assert_eq!(rows(&page).len(), 100);
        assert!(next_page(&page).is_some());
        let all = api.get("/trades?user_id=ann&limit=1000").await.expect(200);
        assert_eq!(rows(&all).len(), 101);
        let more = api.get("/trades?user_id=ann&limit=1001").await;
        more.problem(422, "validation_failed");
    })
    .await;
}

#[tokio::test]
async fn a_user_id_with_reserved_characters_survives_the_link_to_the_next_page() {
    on_both(&[], async |api| {
        for _ in 0..2 {
            buy(api, "a@b:c.d_e-f", "AAPL", ["1", "1"]).await;
        }
        let page = api.get("/trades?user_id=a%40b%3Ac.d_e-f&limit=1").await;
        let next = api.get(&next_page(&page.expect(200)).unwrap()).await;
        assert_members(
            &rows(&next.expect(200))[0],
            &[("user_id", r#""a@b:c.d_e-f""#)],
        );
    })
    .await;
}
