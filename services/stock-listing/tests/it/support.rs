//! Starts the service, once on each database, and reads its answers in their exact digits.

use std::{collections::BTreeMap, path::Path};

use serde_json::value::RawValue;
use tempfile::TempDir;
use testkit::{
    Service,
    http::{Client, Method, Reply, RequestBuilder},
    postgres::Database,
};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_stock-listing");

/// The setting that fills either database with the ten stocks of a first boot.
pub(crate) const SEEDED: [(&str, &str); 1] = [("SEED_STOCKS", "true")];
/// The setting that leaves either database empty.
pub(crate) const EMPTY: [(&str, &str); 1] = [("SEED_STOCKS", "false")];

/// The members of a JSON object, each in its exact digits.
pub(crate) type Members = BTreeMap<String, Box<RawValue>>;

/// Where a service keeps its data; it ends with this value.
pub(crate) enum Backend {
    /// A folder for the embedded database.
    Sqlite(TempDir),
    /// A database on the server that the tests share.
    Postgres(Database),
}

impl Backend {
    /// Both of them, fresh and empty: every test runs on each.
    pub(crate) async fn both() -> [Self; 2] {
        [
            Self::Sqlite(tempfile::tempdir().unwrap()),
            Self::Postgres(testkit::postgres::database().await),
        ]
    }

    /// The setting that names it.
    pub(crate) fn setting(&self) -> (&'static str, String) {
        match self {
            Self::Sqlite(folder) => ("DATA_DIR", folder.path().display().to_string()),
            Self::Postgres(database) => ("DATABASE_URL", database.url()),
        }
    }

    /// The service, ready, on this database; may be called again for a replica or for a restart.
    #[expect(
        clippy::print_stderr,
        reason = "shown by a test that fails, which has run on both databases"
    )]
    pub(crate) async fn start(&self, extra_env: &[(&str, &str)]) -> (Service, Client) {
        let (name, value) = self.setting();
        eprintln!("stock-listing with {name}={value}");
        let mut env = vec![(name, value.as_str())];
        env.extend(extra_env);
        let service = Service::spawn(Path::new(BINARY), &[], &env);
        let client = service.wait_ready().await;
        (service, client)
    }
}

/// Runs a test on each database, with a service of its own.
pub(crate) async fn on_both(extra_env: &[(&str, &str)], test: impl AsyncFn(&Client)) {
    for backend in Backend::both().await {
        let (_service, api) = backend.start(extra_env).await;
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

/// The members of an object that was answered.
#[track_caller]
pub(crate) fn members(reply: &Reply) -> Members {
    serde_json::from_str(reply.text()).unwrap_or_else(|error| panic!("{error} in {reply}"))
}

/// The objects of an array that was answered.
#[track_caller]
pub(crate) fn rows(reply: &Reply) -> Vec<Members> {
    serde_json::from_str(reply.text()).unwrap_or_else(|error| panic!("{error} in {reply}"))
}

/// The symbols of an array of stocks.
#[track_caller]
pub(crate) fn symbols(reply: &Reply) -> Vec<String> {
    let stocks = rows(reply);
    stocks.iter().map(|it| text_of(it, "symbol")).collect()
}

/// Compares members with what they must be, as JSON texts.
#[track_caller]
pub(crate) fn assert_members(object: &Members, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        let found = object.get(*name).map(|found| found.get());
        assert_eq!(found, Some(*value), "{name} in {object:?}");
    }
}

/// The text of a member that is a string.
#[track_caller]
pub(crate) fn text_of(object: &Members, name: &str) -> String {
    serde_json::from_str(object[name].get()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The target of the Link to the next page, if there is one.
#[track_caller]
pub(crate) fn next_page(reply: &Reply) -> Option<String> {
    let link = reply.header("link")?;
    let target = link
        .strip_prefix('<')
        .and_then(|link| link.strip_suffix(">; rel=\"next\""));
    Some(
        target
            .unwrap_or_else(|| panic!("no next page in {reply}"))
            .to_owned(),
    )
}

/// All that can be seen of the catalogue: what a refused call must leave as it was.
pub(crate) async fn seen(api: &Client) -> String {
    let all = api.get("/stocks?limit=1000").await.expect(200);
    all.text().to_owned()
}
