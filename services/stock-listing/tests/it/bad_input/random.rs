//! Whatever is sent, the answer is JSON and never a failure of the service.

use proptest::{
    prelude::*,
    test_runner::{Config, TestError, TestRunner},
};
use testkit::http::{Client, Method};
use tokio::runtime::Handle;

use crate::support::{SEEDED, on_both};

const CASES: u32 = 150;

/// A JSON text: a value of a stock, or something like one, or anything.
fn value() -> impl Strategy<Value = String> {
    let plain = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        "-?[0-9]{1,20}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,5})?",
        "\"[A-Z][A-Z0-9.-]{0,14}\"",
        "[0-9]{1,4}(\\.[0-9]{1,7})?".prop_map(|digits| format!("{digits:?}")),
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    plain.prop_recursive(3, 12, 4, |inner| {
        let pair = (any::<String>(), inner.clone())
            .prop_map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name)));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec(pair, 0..4).prop_map(|all| format!("{{{}}}", all.join(","))),
        ]
    })
}

/// A stock in which each member is right, odd or missing.
fn stock() -> impl Strategy<Value = String> {
    fn member(name: &'static str, right: &'static str) -> impl Strategy<Value = Option<String>> {
        prop_oneof![
            6 => Just(Some(format!("{name:?}:{right}"))),
            2 => value().prop_map(move |value| Some(format!("{name:?}:{value}"))),
            1 => Just(None),
        ]
    }
    let symbol = prop_oneof![
        4 => "\"symbol\":\"[A-Za-z][A-Z0-9.-]{0,11}\"".prop_map(Some),
        1 => member("symbol", "\"AAPL\""),
    ];
    let members = (
        symbol,
        member("name", "\"New Inc.\""),
        member("sector", "\"Any\""),
        member("current_price", "1.5"),
        member("change_pct", "\"-2.25\""),
        member("volume", "1e6"),
        member("market_cap", "null"),
        prop::option::weighted(0.1, value().prop_map(|value| format!("\"other\":{value}"))),
    );
    members.prop_map(
        |(symbol, name, sector, price, change, volume, cap, other)| {
            let members = [symbol, name, sector, price, change, volume, cap, other];
            let members: Vec<_> = members.into_iter().flatten().collect();
            format!("{{{}}}", members.join(","))
        },
    )
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        5 => stock().prop_map(String::into_bytes),
        2 => value().prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

/// Tries many inputs and, on a failure, names the smallest that fails.
fn try_many<S: Strategy>(strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    match tokio::task::block_in_place(|| TestRunner::new(config).run(strategy, test)) {
        Err(TestError::Fail(reason, input)) => panic!("{reason}\nfor {input:?}"),
        Err(error) => panic!("{error}"),
        Ok(()) => {}
    }
}

fn send(api: &Client, method: Method, path: &str, body: Vec<u8>) -> Result<(), TestCaseError> {
    let request = api
        .builder(method, path)
        .header("content-type", "application/json")
        .body(body);
    let reply = Handle::current().block_on(api.request(request));
    let expected = match reply.status {
        200 | 201 => "application/json",
        400..=499 => "application/problem+json",
        _ => return Err(TestCaseError::fail(reply.to_string())),
    };
    prop_assert_eq!(reply.header("content-type"), Some(expected), "{}", reply);
    let is_json = serde_json::from_slice::<serde_json::Value>(&reply.body).is_ok();
    prop_assert!(is_json, "{}", reply);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_makes_the_service_fail() {
    on_both(&SEEDED, async |api| {
        try_many(&body(), |body| send(api, Method::POST, "/stocks", body));
        // What was taken can be shown.
        api.get("/stocks?limit=1000").await.expect(200).json();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_and_no_query_makes_the_service_fail() {
    let part = "([A-Za-z0-9._~:@!$&'()*+,;=-]|%[0-9A-Fa-f]{2}){1,40}";
    let number = "-?[0-9]{1,12}(\\.[0-9]{1,6})?([eE][+-]?[0-9]{1,4})?";
    let requests = prop_oneof![
        part.prop_map(|part| (Method::GET, format!("/stocks/{part}"))),
        part.prop_map(|part| (Method::GET, format!("/stocks/{part}/price"))),
        part.prop_map(|part| (Method::GET, format!("/stocks?{part}"))),
        ("(sector|skip|limit|cursor)", part)
            .prop_map(|(name, part)| (Method::GET, format!("/stocks?{name}={part}"))),
        number.prop_map(|price| (Method::PUT, format!("/stocks/AAPL/price?price={price}"))),
        (number, number).prop_map(|(price, change)| {
            let path = format!("/stocks/MSFT/price?price={price}&change_pct={change}");
            (Method::PUT, path)
        }),
    ];
    on_both(&SEEDED, async |api| {
        try_many(&requests, |(method, path)| {
            send(api, method, &path, Vec::new())
        });
    })
    .await;
}
