//! `GET /trades.csv`: the whole history as a file.

use testkit::{
    digits::Members,
    http::{Client, Method},
};

use crate::{
    concurrency::load,
    support::{buy, members, next_page, on_both, order, rows, sell, text_of},
};

const COLUMNS: [&str; 9] = [
    "id",
    "user_id",
    "symbol",
    "side",
    "quantity",
    "price",
    "total",
    "realized_pnl",
    "executed_at",
];

/// The file that the pages of `/trades` make, to the last digit.
async fn file_of_pages(api: &Client, query: &str) -> String {
    let mut file = COLUMNS.join(",") + "\r\n";
    let mut path = Some(format!("/trades?{query}&limit=1000"));
    while let Some(page) = path {
        let reply = api.get(&page).await.expect(200);
        for trade in rows(&reply) {
            file += &COLUMNS.map(|column| cell(&trade, column)).join(",");
            file += "\r\n";
        }
        path = next_page(&reply);
    }
    file
}

fn cell(trade: &Members, column: &str) -> String {
    match trade.get(column) {
        Some(value) if value.get().starts_with('"') => text_of(trade, column),
        Some(value) => value.get().to_owned(),
        None => String::new(),
    }
}

#[tokio::test]
async fn a_user_without_trades_gets_the_names_of_the_columns_alone() {
    on_both(&[], async |api| {
        let file = api.get("/trades.csv?user_id=nobody").await.expect(200);
        assert_eq!(file.text(), COLUMNS.join(",") + "\r\n");
        let expected = "text/csv; charset=utf-8; header=present";
        assert_eq!(file.header("content-type"), Some(expected));
        let expected = "attachment; filename=\"trades-nobody.csv\"";
        assert_eq!(file.header("content-disposition"), Some(expected));
    })
    .await;
}

#[tokio::test]
async fn a_file_has_every_digit_that_the_list_has() {
    on_both(&[], async |api| {
        let user = "-a@b:c";
        buy(api, user, "AAPL", ["3", "0.0001"]).await;
        buy(
            api,
            user,
            "BRK.B",
            ["999999999999.999999", "9999999999.9999"],
        )
        .await;
        sell(api, user, "AAPL", ["1", "10"]).await;
        sell(api, user, "AAPL", ["0.000001", "0.0001"]).await;
        let query = "user_id=-a%40b%3Ac";
        let file = api.get(&format!("/trades.csv?{query}")).await.expect(200);
        assert_eq!(file.text(), file_of_pages(api, query).await);
        assert_eq!(file.text().matches(",-a@b:c,").count(), 4);
        let expected = "attachment; filename=\"trades--a_b_c.csv\"";
        assert_eq!(file.header("content-disposition"), Some(expected));
    })
    .await;
}

#[tokio::test]
async fn a_history_of_many_pages_is_one_file() {
    on_both(&[], async |api| {
        // One page to the last line, then two and a bit.
        for (more, all) in [(1_000, 1_000), (1_001, 2_001)] {
            load::buy_many(api, "ann", more).await;
            buy(api, "bob", "AAPL", ["1", "1"]).await;
            let file = api.get("/trades.csv?user_id=ann").await.expect(200);
            assert_eq!(file.text().lines().count(), 1 + all);
            assert_eq!(file.text(), file_of_pages(api, "user_id=ann").await);
        }
    })
    .await;
}

#[tokio::test]
async fn the_filters_of_a_file_are_those_of_the_list() {
    on_both(&[], async |api| {
        let mut times = Vec::new();
        for (side, symbol) in [("buy", "AAPL"), ("buy", "MSFT"), ("sell", "AAPL")] {
            let trade = order(api, side, "ann", symbol, ["1", "1"]).await;
            let trade = members(&trade.expect(201));
            times.push(text_of(&trade, "executed_at"));
        }
        for (filter, trades) in [
            (String::new(), 3),
            ("&symbol=aapl".to_owned(), 2),
            ("&side=sell".to_owned(), 1),
            ("&symbol=MSFT&side=sell".to_owned(), 0),
            (format!("&from={}", times[1]), 2),
            (format!("&to={}", times[1]), 1),
            (format!("&from={}&to={}", times[1], times[2]), 1),
        ] {
            let query = format!("user_id=ann{filter}");
            let file = api.get(&format!("/trades.csv?{query}")).await.expect(200);
            assert_eq!(file.text().lines().count(), 1 + trades, "{filter}");
            assert_eq!(file.text(), file_of_pages(api, &query).await, "{filter}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_part_of_a_file_cannot_be_asked_for() {
    on_both(&[], async |api| {
        for wrong in [
            "",
            "user_id=",
            "user_id=ann&limit=10",
            "user_id=ann&cursor=01890a5d-ac96-774b-bcce-b302099a8057",
            "user_id=ann&side=hold",
        ] {
            let reply = api.get(&format!("/trades.csv?{wrong}")).await;
            reply.problem(422, "validation_failed");
        }
    })
    .await;
}

#[tokio::test]
async fn a_file_goes_out_compressed_to_whoever_takes_that() {
    on_both(&[], async |api| {
        load::buy_many(api, "ann", 100).await;
        let plain = api.get("/trades.csv?user_id=ann").await.expect(200);
        let request = api
            .builder(Method::GET, "/trades.csv?user_id=ann")
            .header("accept-encoding", "gzip");
        let packed = api.request(request).await.expect(200);
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        assert!(packed.body.len() * 2 < plain.body.len());
    })
    .await;
}
