//! Whatever is sent, the answer is JSON and never a failure of the service.

use proptest::prelude::*;
use testkit::http::{Client, Method};
use tokio::runtime::Handle;

use crate::support::{on_both, try_many};

const CASES: u32 = 150;

/// A JSON text: a value of an order, or something like one, or anything.
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

/// An order in which each member is right, odd or missing.
fn order() -> impl Strategy<Value = String> {
    fn member(name: &'static str, right: &'static str) -> impl Strategy<Value = Option<String>> {
        prop_oneof![
            6 => Just(Some(format!("{name:?}:{right}"))),
            3 => value().prop_map(move |value| Some(format!("{name:?}:{value}"))),
            1 => Just(None),
        ]
    }
    let members = (
        member("user_id", "\"ann\""),
        member("symbol", "\"AAPL\""),
        member("quantity", "1.5"),
        member("price", "\"2.25\""),
        prop::option::weighted(0.1, value().prop_map(|value| format!("\"other\":{value}"))),
    );
    members.prop_map(|(user, symbol, quantity, price, other)| {
        let members: Vec<_> = [user, symbol, quantity, price, other]
            .into_iter()
            .flatten()
            .collect();
        format!("{{{}}}", members.join(","))
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        5 => order().prop_map(String::into_bytes),
        2 => value().prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
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
    on_both(&[], async |api| {
        try_many(CASES, &(body(), any::<bool>()), |(body, buys)| {
            let path = if buys { "/trades/buy" } else { "/trades/sell" };
            send(api, Method::POST, path, body)
        });
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_and_no_query_makes_the_service_fail() {
    let part = "([A-Za-z0-9._~:@!$&'()*+,;=-]|%[0-9A-Fa-f]{2}){1,40}";
    let paths = prop_oneof![
        part.prop_map(|part| format!("/portfolio/{part}")),
        part.prop_map(|part| format!("/trades/{part}")),
        part.prop_map(|part| format!("/trades?user_id=ann&{part}")),
        ("(from|to|cursor|limit|symbol|side)", part)
            .prop_map(|(name, part)| format!("/trades?user_id=ann&{name}={part}")),
        "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,9})?(Z|-[0-2][0-9]:[0-5][0-9])"
            .prop_map(|time| format!("/trades?user_id=ann&from={time}")),
    ];
    on_both(&[], async |api| {
        try_many(CASES, &paths, |path| {
            send(api, Method::GET, &path, Vec::new())
        });
    })
    .await;
}
