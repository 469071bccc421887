//! Who may call what, where keys are asked for: every call by every kind of caller.

use std::time::Duration;

use testkit::http::{Client, Method, RequestBuilder};
use testkit::keys::KeyFile;
use testkit::{Backend, eventually};

use crate::support::{EMPTY, add, post_text, start};

/// A revoked key is refused within this time.
const REVOKED_WITHIN: Duration = Duration::from_secs(10);

/// What each kind of caller is answered: without a key, with a wrong one, an expired one, a revoked one, with keys for a user's
/// orders, for reading, for the catalogue, and for everything.
type Answers = [u16; 8];

/// Where reading wants a key.
const READ: Answers = [401, 401, 401, 401, 403, 200, 200, 200];
/// Where everybody may read.
const SHOWN: Answers = [200; 8];
const WRITTEN: Answers = [401, 401, 401, 401, 403, 403, 200, 200];

/// Calls with their answers, and whether these are for reading.
const TABLE: [(&str, &str, Answers, bool); 13] = [
    ("get", "/stocks", READ, true),
    ("get", "/stocks/{symbol}", READ, true),
    ("get", "/stocks/{symbol}/price", READ, true),
    ("get", "/stocks/{symbol}/history", READ, true),
    ("get", "/stream", READ, true),
    // The stock is there already: who may add it is told so.
    (
        "post",
        "/stocks",
        [401, 401, 401, 401, 403, 403, 409, 409],
        false,
    ),
    ("put", "/stocks/{symbol}/price", WRITTEN, false),
    ("put", "/prices", WRITTEN, false),
    (
        "get",
        "/operations",
        [401, 401, 401, 401, 403, 403, 403, 200],
        false,
    ),
    ("get", "/health", SHOWN, false),
    ("get", "/livez", SHOWN, false),
    ("get", "/readyz", SHOWN, false),
    ("get", "/metrics", SHOWN, false),
];

fn request(api: &Client, method: &str, path: &str) -> RequestBuilder {
    match (method, path) {
        ("post", _) => {
            let stock =
                r#"{"symbol":"AAPL","name":"AAPL Inc.","sector":"Technology","current_price":1.5}"#;
            post_text(api, stock)
        }
        ("put", "/prices") => api
            .builder(Method::PUT, path)
            .header("content-type", "application/json")
            .body(r#"[{"symbol":"AAPL","price":"1.75"}]"#),
        ("put", _) => api.builder(Method::PUT, "/stocks/AAPL/price?price=1.75"),
        _ => api.builder(Method::GET, &path.replace("{symbol}", "AAPL")),
    }
}

#[tokio::test]
async fn every_call_answers_every_kind_of_caller_as_tabled() {
    for backend in Backend::both().await {
        let (service, api) = start(&backend, &EMPTY).await;
        add(&api, "AAPL", "Technology", "1.5").await;
        drop(service);
        for protects_reads in [false, true] {
            check(&backend, protects_reads).await;
        }
    }
}

async fn check(backend: &Backend, protects_reads: bool) {
    let mut file = KeyFile::default();
    let revoked = file.add("catalogue:write");
    let [orders, read, write, all] = [
        "orders:*",
        "read",
        "catalogue:write",
        "read catalogue:write operations orders:*",
    ]
    .map(|scopes| file.add(scopes));
    let expired = file.add_until("catalogue:write", Some("2026-01-01T00:00:00Z"));
    let wrong = write.replace("kkk", "kkj");
    let path = file.path();
    let reads = protects_reads.to_string();
    let env = [
        ("AUTH", "keys"),
        ("AUTH_READS", reads.as_str()),
        ("API_KEYS_FILE", path.to_str().unwrap()),
    ];
    let (_service, api) = start(backend, &env).await;
    assert_documented(&api, protects_reads).await;

    file.revoke(&revoked);
    let ask = async |key: &str| {
        let request = request(&api, "put", "/prices");
        let request = request.header("authorization", format!("Bearer {key}"));
        api.request(request).await.status
    };
    eventually(REVOKED_WITHIN, "the revoked key is refused", async || {
        ask(&revoked).await == 401
    })
    .await;

    let kinds = [
        None,
        Some(wrong),
        Some(expired),
        Some(revoked),
        Some(orders),
        Some(read),
        Some(write),
        Some(all),
    ];
    for (method, path, expected, is_read) in TABLE {
        let expected = if is_read && !protects_reads {
            SHOWN
        } else {
            expected
        };
        for (kind, (key, status)) in kinds.iter().zip(expected).enumerate() {
            let mut request = request(&api, method, path);
            if let Some(key) = key {
                request = request.header("authorization", format!("Bearer {key}"));
            }
            // A stream's answer never ends.
            let reply = request.send().await.unwrap();
            assert_eq!(reply.status(), status, "{method} {path} by caller {kind}");
            if status == 401 {
                assert_eq!(
                    reply.headers()["www-authenticate"],
                    "Bearer realm=\"stocks\""
                );
            }
        }
    }
}

/// The table has every call that there is, and the document says which want a key.
async fn assert_documented(api: &Client, protects_reads: bool) {
    let request = api.builder(Method::GET, "/openapi.json");
    let document = api.request(request).await.expect(200).json();
    let mut calls = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            calls += 1;
            let row = TABLE.iter().find(|(m, p, ..)| m == method && p == path);
            let (.., expected, is_read) =
                row.unwrap_or_else(|| panic!("{method} {path} is not tabled"));
            let wants_key = expected[0] == 401 && (protects_reads || !is_read);
            assert_eq!(
                operation["security"].is_array(),
                wants_key,
                "{method} {path}"
            );
            assert_eq!(operation["responses"]["401"].is_object(), wants_key);
        }
    }
    assert_eq!(
        calls,
        TABLE.len(),
        "the table has calls that there are none of"
    );
}
