//! Paths, queries and methods.

use testkit::http::Method;

use super::assert_refused;
use crate::support::{SEEDED, on_both};

#[tokio::test]
async fn a_parameter_of_the_list_that_breaks_its_rule_is_refused_by_name() {
    let long = format!("sector={}", "s".repeat(101));
    let wrong = [
        ("limit=", "limit"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=1001", "limit"),
        ("limit=1000000000", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=1.0", "limit"),
        ("limit=1e2", "limit"),
        ("limit=ten", "limit"),
        ("limit=%31%00", "limit"),
        ("limit=1&limit=1", "limit"),
        ("skip=", "skip"),
        ("skip=-1", "skip"),
        ("skip=1.5", "skip"),
        ("skip=4294967296", "skip"),
        ("skip=18446744073709551616", "skip"),
        ("skip=99999999999999999999999999", "skip"),
        ("skip=1&skip=2", "skip"),
        ("skip=-1&cursor=AAPL", "skip"),
        ("cursor=1A&skip=1", "cursor"),
        ("cursor=", "cursor"),
        ("cursor=1A", "cursor"),
        ("cursor=A%27B", "cursor"),
        ("cursor=%C3%84", "cursor"),
        ("sector=", "sector"),
        ("sector=a%00b", "sector"),
        ("sector=a%0Ab", "sector"),
        (&long, "sector"),
        ("sector=a&sector=b", "sector"),
        ("sector=a&sect%6Fr=b", "sector"),
        ("Limit=1", "Limit"),
        ("colour=red", "colour"),
        ("=", ""),
    ];
    let expected: Vec<_> = wrong
        .iter()
        .map(|(_, name)| format!("422 validation_failed {name}"))
        .collect();
    on_both(&SEEDED, async |api| {
        let mut table = Vec::new();
        for ((query, _), expected) in wrong.iter().zip(&expected) {
            let request = api.builder(Method::GET, &format!("/stocks?{query}"));
            table.push((format!("?{query}"), request, expected.trim_end()));
        }
        for query in ["sector=%ff", "%c3=1", "cursor=%ed%a0%80"] {
            let request = api.builder(Method::GET, &format!("/stocks?{query}"));
            table.push((format!("?{query}"), request, "400 malformed_request"));
        }
        assert_refused(api, table).await;
    })
    .await;
}

#[tokio::test]
async fn a_parameter_of_a_history_that_breaks_its_rule_is_refused_by_name() {
    let wrong = [
        ("interval=", "interval"),
        ("interval=2m", "interval"),
        ("interval=1M", "interval"),
        ("interval=60", "interval"),
        ("interval=1m&interval=1m", "interval"),
        ("from=", "from"),
        ("from=yesterday", "from"),
        ("from=2026-01-05", "from"),
        ("from=2026-01-05T10:00:00+01:00", "from"),
        ("to=1767607200", "to"),
        ("to=2026-02-30T00:00:00Z", "to"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=AAPL", "cursor"),
        ("symbol=AAPL", "symbol"),
    ];
    let expected: Vec<_> = wrong
        .iter()
        .map(|(_, name)| format!("422 validation_failed {name}"))
        .collect();
    on_both(&SEEDED, async |api| {
        let mut table = Vec::new();
        for ((query, _), expected) in wrong.iter().zip(&expected) {
            let request = api.builder(Method::GET, &format!("/stocks/AAPL/history?{query}"));
            table.push((format!("?{query}"), request, expected.as_str()));
        }
        assert_refused(api, table).await;
    })
    .await;
}

#[tokio::test]
async fn a_new_price_that_breaks_its_rule_is_refused_by_name_and_not_taken() {
    let wrong = [
        ("", "price"),
        ("price", "price"),
        ("price=", "price"),
        ("price=0", "price"),
        ("price=-1", "price"),
        ("price=1.00001", "price"),
        ("price=10000000000", "price"),
        ("price=1e400", "price"),
        ("price=NaN", "price"),
        ("price=inf", "price"),
        ("price=abc", "price"),
        ("price=+1", "price"),
        ("price=1+", "price"),
        ("price=%221%22", "price"),
        ("price=1,5", "price"),
        ("price=01", "price"),
        ("price=null", "price"),
        ("price=1%00", "price"),
        ("price=1&price=1", "price"),
        ("price=1&price=2", "price"),
        ("change_pct=1", "price"),
        ("price=1&change_pct=", "change_pct"),
        ("price=1&change_pct=-100.0001", "change_pct"),
        ("price=1&change_pct=1000000.0001", "change_pct"),
        ("price=1&change_pct=0.00001", "change_pct"),
        ("price=1&change_pct=1%25", "change_pct"),
        ("price=1&change_pct=NaN", "change_pct"),
        ("price=1&change_pct=1&change_pct=1", "change_pct"),
        ("price=1&volume=5", "volume"),
        ("price=1&Price=2", "Price"),
    ];
    let expected: Vec<_> = wrong
        .iter()
        .map(|(_, name)| format!("422 validation_failed {name}"))
        .collect();
    on_both(&SEEDED, async |api| {
        let mut table = Vec::new();
        for ((query, _), expected) in wrong.iter().zip(&expected) {
            let path = format!("/stocks/AAPL/price?{query}");
            table.push((
                path.clone(),
                api.builder(Method::PUT, &path),
                expected.as_str(),
            ));
        }
        let path = "/stocks/AAPL/price?price=%ff";
        let request = api.builder(Method::PUT, path);
        table.push((path.to_owned(), request, "400 malformed_request"));
        let request = api.builder(Method::PUT, "/stocks/AAPL/price");
        let in_the_body = request.header("content-type", "application/json");
        let in_the_body = in_the_body.body(r#"{"price":1}"#);
        table.push((
            "a body".to_owned(),
            in_the_body,
            "422 validation_failed price",
        ));
        assert_refused(api, table).await;
    })
    .await;
}

#[tokio::test]
async fn a_symbol_in_a_path_that_breaks_its_rule_is_refused_by_name() {
    let symbols = [
        "1A",
        ".A",
        "-A",
        "A%20B",
        "A%2FB",
        "A%27B",
        "A%22B",
        "A%00",
        "%00",
        "%C3%84",
        "A%E2%84%AA",
        "ABCDEFGHIJKLM",
        "%25",
        "*",
        "A%3BB",
        "%2e%2e%2f",
        "AAPL%0A",
    ];
    on_both(&SEEDED, async |api| {
        let mut table = Vec::new();
        for symbol in symbols {
            for (method, path) in [
                (Method::GET, format!("/stocks/{symbol}")),
                (Method::GET, format!("/stocks/{symbol}/price")),
                (Method::GET, format!("/stocks/{symbol}/history")),
                (Method::PUT, format!("/stocks/{symbol}/price?price=1")),
            ] {
                let request = api.builder(method, &path);
                table.push((path, request, "422 validation_failed symbol"));
            }
        }
        for path in ["/stocks/%ff", "/stocks/%c3/price", "/stocks/%ed%a0%80"] {
            let request = api.builder(Method::GET, path);
            table.push((path.to_owned(), request, "400 malformed_request"));
        }
        assert_refused(api, table).await;
    })
    .await;
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_refused() {
    on_both(&SEEDED, async |api| {
        let mut table = Vec::new();
        let others = [
            "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get", "M-SEARCH",
        ];
        for (path, more) in [
            ("/stocks", "PUT"),
            ("/stocks/AAPL", "POST"),
            ("/stocks/AAPL/price?price=1", "POST"),
            ("/stocks/AAPL/history", "PUT"),
            ("/metrics", "POST"),
        ] {
            for name in others.iter().chain([&more]) {
                let method = Method::from_bytes(name.as_bytes()).unwrap();
                let request = api.builder(method, path);
                table.push((format!("{name} {path}"), request, "405 method_not_allowed"));
            }
        }
        assert_refused(api, table).await;
    })
    .await;
}
