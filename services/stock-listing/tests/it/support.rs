//! Starts the service, once on each database, and reads its answers in their exact digits.

use std::path::Path;

pub(crate) use testkit::Backend;
pub(crate) use testkit::digits::{assert_members, members, next_page, rows, text_of};
use testkit::{
    Service,
    http::{Client, Method, Reply, RequestBuilder},
};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_stock-listing");

/// The setting that fills either database with the ten stocks of a first boot.
pub(crate) const SEEDED: [(&str, &str); 1] = [("SEED_STOCKS", "true")];
/// The setting that leaves either database empty.
pub(crate) const EMPTY: [(&str, &str); 1] = [("SEED_STOCKS", "false")];

/// The service, ready, on this database; may be called again for a replica or for a restart.
#[expect(
    clippy::print_stderr,
    reason = "shown by a test that fails, which has run on both databases"
)]
pub(crate) async fn start(backend: &Backend, extra_env: &[(&str, &str)]) -> (Service, Client) {
    let (name, value) = backend.setting();
    eprintln!("stock-listing with {name}={value}");
    let mut env = vec![(name, value.as_str())];
    env.extend(extra_env);
    let service = Service::spawn(Path::new(BINARY), &[], &env);
    let client = service.wait_ready().await;
    (service, client)
}

/// Runs a test on each database, with a service of its own.
pub(crate) async fn on_both(extra_env: &[(&str, &str)], test: impl AsyncFn(&Client)) {
    for backend in Backend::both().await {
        let (_service, api) = start(&backend, extra_env).await;
        test(&api).await;
    }
}

/// A `POST /stocks` of text that says it is JSON.
pub(crate) fn post_text(api: &Client, body: impl Into<String>) -> RequestBuilder {
    api.builder(Method::POST, "/stocks")
        .header("content-type", "application/json")
        .body(body.into())
}

/// A stock that is added.
pub(crate) async fn add(api: &Client, symbol: &str, sector: &str, price: &str) -> Reply {
    let body = format!(
        r#"{{"symbol":"{symbol}","name":"{symbol} Inc.","sector":"{sector}","current_price":{price}}}"#
    );
    api.request(post_text(api, body)).await.expect(201)
}

/// `PUT /stocks/{symbol}/price`.
pub(crate) async fn quote(api: &Client, symbol: &str, query: &str) -> Reply {
    let path = format!("/stocks/{symbol}/price?{query}");
    api.request(api.builder(Method::PUT, &path)).await
}

/// The symbols of an array of stocks.
#[track_caller]
pub(crate) fn symbols(reply: &Reply) -> Vec<String> {
    let stocks = rows(reply);
    stocks.iter().map(|it| text_of(it, "symbol")).collect()
}

/// All that can be seen of the catalogue: what a refused call must leave as it was.
pub(crate) async fn seen(api: &Client) -> String {
    let all = api.get("/stocks?limit=1000").await.expect(200);
    all.text().to_owned()
}
