//! The page, and the one origin that it comes from.

use std::fs;
use std::path::Path;

use serde_json::json;
use testkit::http::Method;

use crate::support::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_served_with_a_policy_that_lets_nothing_foreign_in() {
    let stack = Stack::start(&[], &[]).await;
    let page = stack.catalogue.get("/").await.expect(200);
    assert_eq!(page.header("content-type"), Some("text/html"));
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let html = page.text();
    for inline in ["<style", "style=", "<script>", "javascript:", "http"] {
        assert!(!html.contains(inline), "{inline} in {html}");
    }
    let known = stack.catalogue.builder(Method::GET, "/");
    let known = known.header("If-None-Match", page.header("etag").unwrap());
    stack.catalogue.request(known).await.expect(304);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_is_made_of_is_kept_for_ever_and_comes_compressed() {
    let stack = Stack::start(&[], &[]).await;
    let page = stack.catalogue.get("/").await.expect(200);
    let html = page.text();
    let assets: Vec<_> = html
        .split('"')
        .filter(|it| it.starts_with("/assets/"))
        .collect();
    assert!(assets.len() >= 2, "{html}");
    for asset in assets {
        let request = stack.catalogue.builder(Method::GET, asset);
        let request = request.header("Accept-Encoding", "gzip");
        let reply = stack.catalogue.request(request).await.expect(200);
        let caching = reply.header("cache-control").unwrap();
        assert!(caching.contains("immutable"), "{caching}");
        assert_eq!(reply.header("content-encoding"), Some("gzip"), "{asset}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    }
}

#[test]
fn the_proxy_sends_the_page_with_the_same_policy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let of = |file: &str| fs::read_to_string(root.join(file)).expect("it is there");
    let source = of("src/page.rs");
    let policy = source
        .lines()
        .find(|line| line.contains("default-src"))
        .unwrap();
    let policy = policy.trim().trim_end_matches(',');
    assert!(of("../../proxy/Caddyfile").contains(policy), "{policy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_origin_answers_for_both_services() {
    let stack = Stack::start(&[], &[]).await;
    let door = &stack.catalogue;
    let order = json!({"user_id": "ann", "symbol": "AAPL", "quantity": 2, "price": 10});
    let trade = door.post("/trades/buy", &order).await.expect(201).json();
    let id = trade["id"].as_str().unwrap();
    for (path, part) in [
        ("/trades?user_id=ann", id),
        ("/trades.csv?user_id=ann", id),
        (&format!("/trades/{id}"), id),
        ("/portfolio/ann", "AAPL"),
        ("/portfolio/ann/summary", "cost_basis"),
        ("/stocks/AAPL", "Apple"),
        ("/health", "stock-listing"),
        ("/operations/stock-listing", r#""service":"stock-listing""#),
        ("/operations/trade", r#""service":"trade""#),
    ] {
        let reply = door.get(path).await.expect(200);
        assert!(reply.text().contains(part), "{path}: {}", reply.text());
    }
    door.get("/nothing").await.problem(404, "not_found");
    door.get("/trades/buy/it").await.problem(404, "not_found");
    door.post("/", &json!({})).await.problem(404, "not_found");
    // Each service has its own port all the same.
    stack.trading.get("/portfolio/ann").await.expect(200);
    stack.trading.get("/stocks").await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demonstration_moves_the_market() {
    let stack = Stack::start(&["--demo"], &[]).await;
    let first = stack.stocks().await;
    stack.moves_on_from(&first).await;
}
