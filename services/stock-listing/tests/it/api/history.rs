//! `GET /stocks/{symbol}/history`: candles as prices come, their pages, what is kept of them.

mod kept;

use std::time::{Duration, Instant};

use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use testkit::http::{Client, Method, Reply};

use crate::support::{
    Backend, EMPTY, SEEDED, add, next_page, on_both, quote, rows, start, text_of,
};

const DEADLINE: Duration = Duration::from_secs(20);
/// Candles are written each second.
const SEVERAL_WRITES: Duration = Duration::from_millis(2_500);
/// No candle that a test makes is too old.
const KEPT: [(&str, &str); 3] = [
    ("SEED_STOCKS", "true"),
    ("MINUTE_CANDLES_KEPT_DAYS", "36500"),
    ("HOUR_CANDLES_KEPT_DAYS", "36500"),
];

async fn candles(api: &Client, path: &str) -> Vec<String> {
    figures(&api.get(path).await.expect(200))
}

/// The candles of an answer, each as `t o h l c v` in the exact digits, without the seconds of `t`.
#[track_caller]
fn figures(reply: &Reply) -> Vec<String> {
    let candles = rows(reply);
    let texts = candles.iter().map(|candle| {
        assert_eq!(candle.len(), 6, "{candle:?}");
        let start = text_of(candle, "t");
        let start = start.strip_suffix(":00.000000Z").unwrap().to_owned();
        let figures = ["o", "h", "l", "c", "v"].map(|name| candle[name].get());
        format!("{start} {}", figures.join(" "))
    });
    texts.collect()
}

/// The one candle of the day, without its start.
async fn day(api: &Client, symbol: &str) -> String {
    let path = format!("/stocks/{symbol}/history?interval=1d");
    let candles = candles(api, &path).await;
    assert_eq!(candles.len(), 1, "{candles:?}");
    candles[0].split_once(' ').unwrap().1.to_owned()
}

/// Puts candles of AAPL where the service keeps them: minutes, start, opening version, prices, count.
async fn plant(backend: &Backend, candles: &[(u8, &str, u32, [&str; 4], u32)]) {
    let rows = candles.iter().map(|(minutes, start, opened, [open, high, low, close], count)| {
        format!("('AAPL', {minutes}, '{start}:00.000000Z', {opened}, {opened}, '{open}', '{high}', '{low}', '{close}', {count})")
    });
    let rows = rows.collect::<Vec<_>>().join(", ");
    let statement = format!(
        "insert into candles (symbol, minutes, start_at, opened_version, closed_version, open, high, low, close, count) values {rows}"
    );
    let statement = sqlx::raw_sql(AssertSqlSafe(statement));
    match backend {
        Backend::Postgres(database) => {
            let planted = statement.execute(&database.connect().await).await;
            planted.unwrap();
        }
        Backend::Sqlite(folder) => {
            let file = folder.path().join("stock-listing.db");
            let options = SqliteConnectOptions::new().filename(file);
            let pool = SqlitePool::connect_with(options).await.unwrap();
            statement.execute(&pool).await.unwrap();
            pool.close().await;
        }
    }
}

#[tokio::test]
async fn a_price_is_in_the_history_once_it_is_answered() {
    on_both(&SEEDED, async |api| {
        let path = "/stocks/AAPL/history";
        assert_eq!(api.get(path).await.expect(200).text(), "[]");
        for (price, figures) in [
            ("190", "190 190 190 190 1"),
            ("191.5", "190 191.5 190 191.5 2"),
            ("0.0001", "190 191.5 0.0001 0.0001 3"),
            (
                "9999999999.9999",
                "190 9999999999.9999 0.0001 9999999999.9999 4",
            ),
            ("188.2500", "190 9999999999.9999 0.0001 188.25 5"),
        ] {
            let query = format!("price={price}&change_pct=0");
            quote(api, "aapl", &query).await.expect(200);
            assert_eq!(day(api, "AAPL").await, figures);
        }
        // A refused price is none.
        quote(api, "AAPL", "price=0").await.expect(422);
        quote(api, "AAPL", "price=9999999999").await.expect(409);
        assert!(day(api, "AAPL").await.ends_with(" 5"));
        // The minutes may be two by now.
        let minutes = rows(&api.get(path).await.expect(200));
        let counts = minutes.iter().map(|minute| minute["v"].get());
        assert_eq!(counts.map(|v| v.parse::<u32>().unwrap()).sum::<u32>(), 5);
        let other = api
            .get("/stocks/MSFT/history?interval=1d")
            .await
            .expect(200);
        assert_eq!(other.text(), "[]");
    })
    .await;
}

#[tokio::test]
async fn the_price_that_a_stock_is_added_with_is_its_first() {
    on_both(&EMPTY, async |api| {
        add(api, "NEW", "Any", "10").await;
        assert_eq!(day(api, "NEW").await, "10 10 10 10 1");
        quote(api, "NEW", "price=9").await.expect(200);
        assert_eq!(day(api, "NEW").await, "10 10 9 9 2");
    })
    .await;
}

#[tokio::test]
async fn prices_in_bulk_are_in_the_history_in_their_order() {
    on_both(&SEEDED, async |api| {
        let lines = [500, 700, 300, 600].map(|price| {
            format!("{{\"symbol\":\"AAPL\",\"price\":{price}}}\n{{\"symbol\":\"V\",\"price\":1}}\n")
        });
        let request = api
            .builder(Method::PUT, "/prices")
            .header("content-type", "application/x-ndjson")
            .body(lines.concat());
        api.request(request).await.expect(200);
        assert_eq!(day(api, "AAPL").await, "500 700 300 600 4");
        assert_eq!(day(api, "V").await, "1 1 1 1 4");
    })
    .await;
}

#[tokio::test]
async fn a_price_is_counted_once_while_candles_are_being_written() {
    on_both(&SEEDED, async |api| {
        let began = Instant::now();
        let mut count = 0;
        while began.elapsed() < SEVERAL_WRITES {
            count += 1;
            quote(api, "AAPL", "price=1").await.expect(200);
            assert_eq!(day(api, "AAPL").await, format!("1 1 1 1 {count}"));
        }
    })
    .await;
}

#[tokio::test]
async fn longer_candles_are_rolled_up_from_those_that_are_kept() {
    for backend in Backend::both().await {
        let (_service, api) = start(&backend, &KEPT).await;
        plant(
            &backend,
            &[
                (1, "2026-01-05T09:59", 1, ["8", "8", "8", "8"], 1),
                (1, "2026-01-05T10:00", 2, ["10", "12", "9", "11"], 4),
                (1, "2026-01-05T10:04", 5, ["20", "30.5", "20", "25"], 2),
                // A part of another replica, whose prices came between.
                (1, "2026-01-05T10:04", 4, ["19", "19.5", "0.5", "19.5"], 3),
                (1, "2026-01-05T10:05", 6, ["7", "7", "7", "7"], 1),
                (60, "2026-01-05T23:00", 7, ["1", "4", "1", "2"], 60),
                (60, "2026-01-06T00:00", 8, ["2", "3", "2", "3"], 2),
                (60, "2026-01-06T23:00", 9, ["5", "5", "0.0001", "4"], 3),
            ],
        )
        .await;
        for (query, expected) in [
            (
                "",
                vec![
                    "2026-01-05T09:59 8 8 8 8 1",
                    "2026-01-05T10:00 10 12 9 11 4",
                    "2026-01-05T10:04 19 30.5 0.5 25 5",
                    "2026-01-05T10:05 7 7 7 7 1",
                ],
            ),
            (
                "?interval=5m",
                vec![
                    "2026-01-05T09:55 8 8 8 8 1",
                    "2026-01-05T10:00 10 30.5 0.5 25 9",
                    "2026-01-05T10:05 7 7 7 7 1",
                ],
            ),
            (
                "?interval=1h",
                vec![
                    "2026-01-05T23:00 1 4 1 2 60",
                    "2026-01-06T00:00 2 3 2 3 2",
                    "2026-01-06T23:00 5 5 0.0001 4 3",
                ],
            ),
            (
                "?interval=1d",
                vec![
                    "2026-01-05T00:00 1 4 1 2 60",
                    "2026-01-06T00:00 2 5 0.0001 4 5",
                ],
            ),
            (
                "?from=2026-01-05T10:00:00Z&to=2026-01-05T10:05:00Z",
                vec![
                    "2026-01-05T10:00 10 12 9 11 4",
                    "2026-01-05T10:04 19 30.5 0.5 25 5",
                ],
            ),
            // A candle belongs to a time by its start, and is whole then.
            (
                "?interval=5m&from=2026-01-05T09:55:00.000001Z&to=2026-01-05T12:00:00.000001%2B02:00",
                vec!["2026-01-05T10:00 10 30.5 0.5 25 9"],
            ),
            ("?interval=1d&to=2026-01-05T00:00:00Z", vec![]),
            ("?from=2026-01-06T00:00:00Z&to=2026-01-05T00:00:00Z", vec![]),
            (
                "?interval=1d&limit=1",
                vec!["2026-01-06T00:00 2 5 0.0001 4 5"],
            ),
        ] {
            let path = format!("/stocks/AAPL/history{query}");
            assert_eq!(candles(&api, &path).await, expected, "{query}");
        }
    }
}

#[tokio::test]
async fn the_pages_of_a_history_lead_to_older_candles_without_a_gap_or_a_double() {
    for backend in Backend::both().await {
        let (_service, api) = start(&backend, &KEPT).await;
        let starts: Vec<String> = (0..23)
            .map(|number| number * 7)
            .map(|minute| format!("2026-01-05T{:02}:{:02}", 9 + minute / 60, minute % 60))
            .collect();
        let planted: Vec<_> = (1..)
            .zip(&starts)
            .map(|(version, start)| (1, start.as_str(), version, ["1"; 4], 1))
            .collect();
        plant(&backend, &planted).await;
        quote(&api, "AAPL", "price=2").await.expect(200);
        for interval in ["1m", "5m"] {
            let path = format!("/stocks/AAPL/history?interval={interval}&limit=1000");
            let all = candles(&api, &path).await;
            for limit in [1, 5, 22, 23, 24] {
                let mut walked = Vec::new();
                let mut next = Some(format!(
                    "/stocks/AAPL/history?interval={interval}&from=2026-01-05T09:05:00Z&limit={limit}"
                ));
                while let Some(path) = next {
                    let page = api.get(&path).await.expect(200);
                    next = next_page(&page);
                    let page = figures(&page);
                    assert!(page.len() <= limit && !page.is_empty(), "{path}: {page:?}");
                    walked.splice(0..0, page);
                }
                assert_eq!(walked, all[1..], "{interval} {limit}");
            }
        }
    }
}

#[tokio::test]
async fn a_stock_that_there_is_not_has_no_history() {
    on_both(&SEEDED, async |api| {
        let unknown = api.get("/stocks/NOPE/history").await;
        unknown.problem(404, "unknown_symbol");
    })
    .await;
}
