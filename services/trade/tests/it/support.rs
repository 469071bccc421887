//! Starts the service: once on each database, alone or beside a catalogue that a test can change and switch off.

use std::{collections::BTreeMap, path::Path};

use serde_json::value::RawValue;
use tempfile::TempDir;
use testkit::{
    Service,
    http::{Client, Method, Reply, RequestBuilder},
    postgres::Database,
};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_trade");

/// The members of a JSON object, each in its exact digits.
pub(crate) type Members = BTreeMap<String, Box<RawValue>>;

/// Where a service keeps its data; it ends with this value.
pub(crate) enum Backend {
    /// A folder for the embedded database.
    Sqlite(TempDir),
    /// A database on the server that the tests share.
    Postgres(Database),
}

/// Starts the binary.
pub(crate) struct Trade;

impl Backend {
    /// Both of them, fresh and empty: every test runs on each.
    pub(crate) async fn both() -> [Self; 2] {
        [
            Self::Sqlite(tempfile::tempdir().unwrap()),
            Self::Postgres(testkit::postgres::database().await),
        ]
    }

    /// The settings that name it.
    pub(crate) fn settings(&self) -> (&'static str, String) {
        match self {
            Self::Sqlite(folder) => ("DATA_DIR", folder.path().display().to_string()),
            Self::Postgres(database) => ("DATABASE_URL", database.url()),
        }
    }
}

impl Trade {
    /// The service, ready, on this database; may be called again for a replica or for a restart.
    pub(crate) async fn start(backend: &Backend, extra_env: &[(&str, &str)]) -> (Service, Client) {
        let service = Self::spawn(backend, extra_env);
        let client = service.wait_ready().await;
        (service, client)
    }

    /// The service, started and perhaps never ready.
    #[expect(
        clippy::print_stderr,
        reason = "shown by a test that fails, which has run on both databases"
    )]
    pub(crate) fn spawn(backend: &Backend, extra_env: &[(&str, &str)]) -> Service {
        let (name, value) = backend.settings();
        eprintln!("trade with {name}={value}");
        let mut env = vec![(name, value.as_str())];
        env.extend(extra_env);
        Service::spawn(Path::new(BINARY), &[], &env)
    }
}

/// Runs a test on each database, with a service of its own.
pub(crate) async fn on_both(extra_env: &[(&str, &str)], test: impl AsyncFn(&Client)) {
    for backend in Backend::both().await {
        let (_service, api) = Trade::start(&backend, extra_env).await;
        test(&api).await;
    }
}

/// The body of an order; the numbers go in as they are written.
pub(crate) fn order_body(user_id: &str, symbol: &str, quantity: &str, price: &str) -> String {
    format!(
        r#"{{"user_id":"{user_id}","symbol":"{symbol}","quantity":{quantity},"price":{price}}}"#
    )
}

/// A `POST` of text that says it is JSON.
pub(crate) fn post_text(api: &Client, path: &str, body: impl Into<String>) -> RequestBuilder {
    api.builder(Method::POST, path)
        .header("content-type", "application/json")
        .body(body.into())
}

/// `POST /trades/{side}`.
pub(crate) async fn order(
    api: &Client,
    side: &str,
    user_id: &str,
    symbol: &str,
    [quantity, price]: [&str; 2],
) -> Reply {
    let body = order_body(user_id, symbol, quantity, price);
    api.request(post_text(api, &format!("/trades/{side}"), body))
        .await
}

/// A buy order that is executed.
pub(crate) async fn buy(api: &Client, user_id: &str, symbol: &str, at: [&str; 2]) -> Reply {
    order(api, "buy", user_id, symbol, at).await.expect(201)
}

/// A sell order that is executed.
pub(crate) async fn sell(api: &Client, user_id: &str, symbol: &str, at: [&str; 2]) -> Reply {
    order(api, "sell", user_id, symbol, at).await.expect(201)
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

/// All that can be seen of a user: what a refused call must leave as it was.
pub(crate) async fn seen_of(api: &Client, user_id: &str) -> [String; 3] {
    let text = async |path: String| api.get(&path).await.expect(200).text().to_owned();
    [
        text(format!("/portfolio/{user_id}")).await,
        text(format!("/portfolio/{user_id}/summary")).await,
        text(format!("/trades?user_id={user_id}&limit=1000")).await,
    ]
}
