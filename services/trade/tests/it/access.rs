//! Who may call what, where keys are asked for: every call by every kind of caller.

use std::time::Duration;

use serde_json::Value;
use testkit::http::{Client, Method, Reply, RequestBuilder};
use testkit::keys::KeyFile;
use testkit::{Backend, Service, eventually};

use crate::support::{Trade, order_body, post_text};

/// A revoked key is refused within this time.
const REVOKED_WITHIN: Duration = Duration::from_secs(10);

/// Who asked for what is in the log within this time.
const LOGGED_WITHIN: Duration = Duration::from_secs(5);

/// What each kind of caller is answered, in the order of [`callers`]: without a key, with a wrong one, an expired one, a revoked
/// one, with keys for another user, for reading, for the catalogue, for ann, and for everybody and operations.
const TABLE: [(&str, &str, [u16; 9]); 12] = [
    (
        "post",
        "/trades/buy",
        [401, 401, 401, 401, 403, 403, 403, 201, 201],
    ),
    (
        "post",
        "/trades/sell",
        [401, 401, 401, 401, 403, 403, 403, 201, 201],
    ),
    (
        "get",
        "/trades",
        [401, 401, 401, 401, 403, 403, 403, 200, 200],
    ),
    (
        "get",
        "/trades.csv",
        [401, 401, 401, 401, 403, 403, 403, 200, 200],
    ),
    // Somebody else's trade is told from none by nobody.
    (
        "get",
        "/trades/{trade_id}",
        [401, 401, 401, 401, 404, 403, 403, 200, 200],
    ),
    (
        "get",
        "/portfolio/{user_id}",
        [401, 401, 401, 401, 403, 403, 403, 200, 200],
    ),
    (
        "get",
        "/portfolio/{user_id}/summary",
        [401, 401, 401, 401, 403, 403, 403, 200, 200],
    ),
    (
        "get",
        "/operations",
        [401, 401, 401, 401, 403, 403, 403, 403, 200],
    ),
    ("get", "/health", [200; 9]),
    ("get", "/livez", [200; 9]),
    ("get", "/readyz", [200; 9]),
    ("get", "/metrics", [200; 9]),
];

struct Callers {
    file: KeyFile,
    revoked: String,
    /// What each kind of caller sends as Authorization.
    kinds: [Option<String>; 9],
}

fn callers() -> Callers {
    let mut file = KeyFile::default();
    let revoked = file.add("orders:*");
    let [other, read, write, ann, all] = [
        "orders:bob",
        "read",
        "catalogue:write",
        "orders:ann",
        "orders:* operations",
    ]
    .map(|it| file.add(it));
    let expired = file.add_until("orders:*", Some("2026-01-01T00:00:00Z"));
    let wrong = ann.replace("kkk", "kkj");
    let kinds = [
        None,
        Some(wrong),
        Some(expired),
        Some(revoked.clone()),
        Some(other),
        Some(read),
        Some(write),
        Some(ann),
        Some(all),
    ];
    Callers {
        file,
        revoked,
        kinds: kinds.map(|key| key.map(|key| format!("Bearer {key}"))),
    }
}

/// A valid request of ann's, whoever sends it.
fn request(api: &Client, method: &str, path: &str, trade_id: &str) -> RequestBuilder {
    match (method, path) {
        ("post", _) => post_text(api, path, order_body("ann", "AAPL", "1", "1.50")),
        (_, "/trades" | "/trades.csv") => api.builder(Method::GET, &format!("{path}?user_id=ann")),
        _ => {
            let path = path
                .replace("{user_id}", "ann")
                .replace("{trade_id}", trade_id);
            api.builder(Method::GET, &path)
        }
    }
}

#[tokio::test]
async fn every_call_answers_every_kind_of_caller_as_tabled() {
    for backend in Backend::both().await {
        let mut callers = callers();
        let path = callers.file.path();
        let env = [("AUTH", "keys"), ("API_KEYS_FILE", path.to_str().unwrap())];
        let (service, api) = Trade::start(&backend, &env).await;
        assert_documented(&api).await;

        let [.., all] = &callers.kinds;
        let all = all.clone().unwrap();
        let bought = order_body("ann", "AAPL", "100", "1.50");
        let bought = post_text(&api, "/trades/buy", bought).header("authorization", &all);
        // A key counts within a second of its being there.
        let trade = api.request(bought).await.expect(201).json();
        let trade_id = trade["id"].as_str().unwrap();
        let caller = format!("key:{}", all.split('_').nth(1).unwrap());
        assert_eq!(trade["placed_by"], caller);

        callers.file.revoke(&callers.revoked);
        let revoked = callers.kinds[3].as_deref().unwrap();
        eventually(REVOKED_WITHIN, "the revoked key is refused", async || {
            let request = request(&api, "get", "/trades", "").header("authorization", revoked);
            api.request(request).await.status == 401
        })
        .await;

        for (method, path, expected) in TABLE {
            for (kind, (caller, status)) in callers.kinds.iter().zip(expected).enumerate() {
                let mut request = request(&api, method, path, trade_id);
                if let Some(caller) = caller {
                    request = request.header("authorization", caller);
                }
                let reply = api.request(request).await;
                let what = format!("{method} {path} by caller {kind}");
                assert_answered(&reply, status, &what);
            }
        }

        assert_on_record(&service).await;
    }
}

/// Who asked for a change is on record, and how that ended; what they showed is not.
async fn assert_on_record(service: &Service) {
    for status in [r#""status":201"#, r#""status":403"#] {
        let said = [
            r#""target":"audit""#,
            r#""caller":"key:"#,
            r#""/trades/buy""#,
            status,
        ];
        let is_it = |line: &str| said.iter().all(|part| line.contains(part));
        eventually(LOGGED_WITHIN, "it is on record", async || {
            service.log().lines().any(is_it)
        })
        .await;
    }
    let log = service.log();
    assert!(!log.contains("kkk"), "{log}");
}

/// The status is this one, and the answer is as one of this status is.
fn assert_answered(reply: &Reply, status: u16, what: &str) {
    assert_eq!(reply.status, status, "{what}: {reply}");
    if status == 401 {
        reply.problem(401, "unauthenticated");
        assert_eq!(reply.headers["www-authenticate"], "Bearer realm=\"stocks\"");
    }
    if status == 403 {
        reply.problem(403, "forbidden");
    }
}

/// The table has every call that there is, and the document says which want a key.
async fn assert_documented(api: &Client) {
    let document = api.get("/openapi.json").await.expect(200).json();
    let mut calls = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            calls += 1;
            let row = TABLE.iter().find(|(m, p, _)| m == method && p == path);
            let (.., expected) = row.unwrap_or_else(|| panic!("{method} {path} is not tabled"));
            let is_guarded = operation["security"].is_array();
            assert_eq!(is_guarded, expected[0] == 401, "{method} {path}");
            assert_eq!(operation["responses"]["401"].is_object(), is_guarded);
        }
    }
    assert_eq!(
        calls,
        TABLE.len(),
        "the table has calls that there are none of"
    );
    let scheme = &document["components"]["securitySchemes"]["key"];
    assert_eq!(
        (&scheme["type"], &scheme["scheme"]),
        (&"http".into(), &"bearer".into())
    );
}

#[tokio::test]
async fn keys_that_cannot_be_read_do_not_take_those_away_that_count() {
    let mut file = KeyFile::default();
    let key = format!("Bearer {}", file.add("orders:*"));
    let path = file.path();
    let env = [("AUTH", "keys"), ("API_KEYS_FILE", path.to_str().unwrap())];
    let backend = Backend::both().await.into_iter().next().unwrap();
    let (service, api) = Trade::start(&backend, &env).await;
    let ask = async |api: &Client| {
        let request = request(api, "get", "/trades", "").header("authorization", &key);
        api.request(request).await.status
    };
    assert_eq!(ask(&api).await, 200);
    file.replace("{");
    eventually(REVOKED_WITHIN, "the log says so", async || {
        service.log().contains("keeping the keys in use")
    })
    .await;
    assert_eq!(ask(&api).await, 200);

    // A service that starts with them has none, and says so.
    drop(service);
    let (_service, api) = Trade::start(&backend, &env).await;
    let request = request(&api, "get", "/trades", "").header("authorization", &key);
    api.request(request).await.problem(503, "keys_unavailable");
}

#[tokio::test]
async fn where_everybody_may_call_the_document_asks_for_nothing() {
    let backend = Backend::both().await.into_iter().next().unwrap();
    let (_service, api) = Trade::start(&backend, &[]).await;
    let document = api.get("/openapi.json").await.expect(200).json();
    assert_eq!(document["components"]["securitySchemes"], Value::Null);
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            assert_eq!(operation["security"], Value::Null, "{operation}");
        }
    }
    // And whatever is sent as a key is not looked at.
    let request = request(&api, "get", "/trades", "").header("authorization", "Bearer x");
    api.request(request).await.expect(200);
}
