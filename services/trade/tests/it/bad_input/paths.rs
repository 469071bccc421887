//! Paths, queries and methods.

use testkit::http::Method;

use super::assert_refused;
use crate::support::on_both;

#[tokio::test]
async fn a_parameter_of_a_query_that_breaks_its_rule_is_refused_by_name() {
    let long = format!("user_id={}", "u".repeat(65));
    let wrong = [
        ("", "user_id"),
        ("user_id", "user_id"),
        ("user_id=", "user_id"),
        ("user_id=a%20b", "user_id"),
        ("user_id=a+b", "user_id"),
        ("user_id=a%2Fb", "user_id"),
        ("user_id=a%00b", "user_id"),
        ("user_id=%C3%A9", "user_id"),
        ("user_id=a%27%20or%201=1", "user_id"),
        (&long, "user_id"),
        ("user_id=a&user_id=a", "user_id"),
        ("user_id=a&user_id=b", "user_id"),
        ("user_id=a&user%5Fid=b", "user_id"),
        ("user_id=a&symbol=", "symbol"),
        ("user_id=a&symbol=1A", "symbol"),
        ("user_id=a&symbol=A%22B", "symbol"),
        ("user_id=a&side=", "side"),
        ("user_id=a&side=hold", "side"),
        ("user_id=a&side=BUY", "side"),
        ("user_id=a&from=", "from"),
        ("user_id=a&from=yesterday", "from"),
        ("user_id=a&from=1700000000", "from"),
        ("user_id=a&from=2026-01-31", "from"),
        ("user_id=a&from=2026-01-31T09:30:00", "from"),
        ("user_id=a&from=2026-02-30T09:30:00Z", "from"),
        ("user_id=a&from=2026-01-31T25:00:00Z", "from"),
        ("user_id=a&to=10000-01-01T00:00:00Z", "to"),
        ("user_id=a&to=-0001-01-01T00:00:00Z", "to"),
        // A plus sign stands for a space: the offset is lost.
        ("user_id=a&to=2026-01-31T09:30:00+01:00x", "to"),
        ("user_id=a&limit=", "limit"),
        ("user_id=a&limit=0", "limit"),
        ("user_id=a&limit=-1", "limit"),
        ("user_id=a&limit=1001", "limit"),
        ("user_id=a&limit=1000000000", "limit"),
        ("user_id=a&limit=99999999999999999999", "limit"),
        ("user_id=a&limit=1.5", "limit"),
        ("user_id=a&limit=1e2", "limit"),
        ("user_id=a&limit=0x10", "limit"),
        ("user_id=a&limit=ten", "limit"),
        ("user_id=a&limit=1&limit=2", "limit"),
        ("user_id=a&cursor=", "cursor"),
        ("user_id=a&cursor=1", "cursor"),
        ("user_id=a&cursor=not-a-uuid", "cursor"),
        ("user_id=a&skip=1", "skip"),
        ("user_id=a&User_id=a", "User_id"),
        ("user_id=a&colour=red", "colour"),
        ("user_id=a&=", ""),
    ];
    on_both(&[], async |api| {
        let mut table = Vec::new();
        let expected: Vec<_> = wrong
            .iter()
            .map(|(_, name)| {
                format!("422 validation_failed {name}")
                    .trim_end()
                    .to_owned()
            })
            .collect();
        for ((query, _), expected) in wrong.iter().zip(&expected) {
            let request = api.builder(Method::GET, &format!("/trades?{query}"));
            table.push((format!("?{query}"), request, &**expected));
        }
        for query in ["user_id=%ff", "user_id=a&%c3=1", "user_id=%ed%a0%80"] {
            let request = api.builder(Method::GET, &format!("/trades?{query}"));
            table.push((format!("?{query}"), request, "400 malformed_request"));
        }
        assert_refused(api, table).await;
    })
    .await;
}

#[tokio::test]
async fn a_parameter_of_a_path_that_breaks_its_rule_is_refused_by_name() {
    let long = "u".repeat(65);
    let users = [
        &long,
        "a%20b",
        "a%2Fb",
        "a%00b",
        "%C3%A9",
        "a%22b",
        "a%27b",
        "%2e%2e%2f",
        "%25",
        "*",
    ];
    let ids = [
        "1",
        "abc",
        "not-a-uuid",
        "01890a5d-ac96-774b-bcce-b302099a805",
        "01890a5d-ac96-774b-bcce-b302099a80577",
        "01890a5d-ac96-774b-bcce-b302099a805g",
        "%00",
        "a%2Fb",
        "%27%20or%201=1",
        "%C3%A9",
    ];
    on_both(&[], async |api| {
        let get = |path: String| {
            let request = api.builder(Method::GET, &path);
            (path, request)
        };
        let mut table = Vec::new();
        for id in ids {
            let (path, request) = get(format!("/trades/{id}"));
            table.push((path, request, "422 validation_failed trade_id"));
        }
        for user_id in users {
            for end in ["", "/summary"] {
                let (path, request) = get(format!("/portfolio/{user_id}{end}"));
                table.push((path, request, "422 validation_failed user_id"));
            }
        }
        for path in [
            "/portfolio/%ff",
            "/portfolio/%c3/summary",
            "/trades/%ed%a0%80",
        ] {
            let (path, request) = get(path.to_owned());
            table.push((path, request, "400 malformed_request"));
        }
        assert_refused(api, table).await;
    })
    .await;
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_refused() {
    on_both(&[], async |api| {
        let mut table = Vec::new();
        let methods = [
            "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get", "M-SEARCH",
        ];
        for path in [
            "/trades",
            "/trades/1",
            "/portfolio/ann",
            "/portfolio/ann/summary",
            "/health",
        ] {
            for name in methods {
                let method = Method::from_bytes(name.as_bytes()).unwrap();
                let request = api.builder(method, path);
                table.push((format!("{name} {path}"), request, "405 method_not_allowed"));
            }
        }
        for path in ["/trades/buy", "/trades/sell"] {
            for name in ["GET", "HEAD", "PUT", "DELETE"] {
                if name == "HEAD" {
                    continue; // Its answer has no body to look at.
                }
                let method = Method::from_bytes(name.as_bytes()).unwrap();
                let request = api.builder(method, path);
                table.push((format!("{name} {path}"), request, "405 method_not_allowed"));
            }
        }
        assert_refused(api, table).await;
    })
    .await;
}
