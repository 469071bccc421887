//! Starts the service: once on each database, alone or beside a catalogue that a test can change and switch off.

use std::path::Path;

use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestCaseError, TestError, TestRunner},
};
pub(crate) use testkit::Backend;
pub(crate) use testkit::digits::{assert_members, members, next_page, rows, text_of};
use testkit::{
    Service,
    http::{Client, Method, Reply, RequestBuilder},
};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_trade");

/// Starts the binary.
pub(crate) struct Trade;

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
        let (name, value) = backend.setting();
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

/// All that can be seen of a user: what a refused call must leave as it was.
pub(crate) async fn seen_of(api: &Client, user_id: &str) -> [String; 3] {
    let text = async |path: String| api.get(&path).await.expect(200).text().to_owned();
    [
        text(format!("/portfolio/{user_id}")).await,
        text(format!("/portfolio/{user_id}/summary")).await,
        text(format!("/trades?user_id={user_id}&limit=1000")).await,
    ]
}

/// Tries many inputs and, on a failure, names the smallest that fails.
pub(crate) fn try_many<S: Strategy>(
    cases: u32,
    strategy: &S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    match tokio::task::block_in_place(|| TestRunner::new(config).run(strategy, test)) {
        Err(TestError::Fail(reason, input)) => panic!("{reason}\nfor {input:?}"),
        Err(error) => panic!("{error}"),
        Ok(()) => {}
    }
}
