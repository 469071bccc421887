//! The client against answers in the shapes of Harbor 2.15 (`api/v2.0/swagger.yaml`), one after the other.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::*;

/// What is asked for, and what is answered.
struct Exchange {
    method: &'static str,
    path: &'static str,
    /// Members that the request's body must have.
    sent: Value,
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    answer: Value,
}

fn exchange(method: &'static str, path: &'static str, status: u16, answer: Value) -> Exchange {
    Exchange {
        method,
        path,
        sent: Value::Null,
        status,
        headers: Vec::new(),
        answer,
    }
}

fn refused(method: &'static str, path: &'static str, status: u16, code: &str) -> Exchange {
    let errors = json!({"errors": [{"code": code, "message": format!("{code} of the test")}]});
    exchange(method, path, status, errors)
}

impl Exchange {
    fn sending(self, sent: Value) -> Self {
        Self { sent, ..self }
    }

    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

type Script = Arc<Mutex<VecDeque<Exchange>>>;

/// A Harbor that expects these requests, in this order.
struct Recorded {
    harbor: Harbor,
    script: Script,
    faults: Arc<Mutex<Vec<String>>>,
}

impl Recorded {
    async fn of(exchanges: impl IntoIterator<Item = Exchange>) -> Self {
        let script: Script = Arc::new(Mutex::new(exchanges.into_iter().collect()));
        let faults = Arc::default();
        let app = Router::new()
            .fallback(answer)
            .with_state((Arc::clone(&script), Arc::clone(&faults)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        drop(rustls::crypto::ring::default_provider().install_default());
        Self {
            harbor: Harbor::new(&address, "robot$ci", "secret").unwrap(),
            script,
            faults,
        }
    }

    /// All was asked for, and as it was expected.
    fn end(&self) {
        assert_eq!(*self.faults.lock().unwrap(), [""; 0]);
        assert_eq!(self.script.lock().unwrap().len(), 0, "not asked for");
    }
}

async fn answer(
    State((script, faults)): State<(Script, Arc<Mutex<Vec<String>>>)>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1_000_000).await.unwrap();
    let asked = format!("{} {}", head.method, head.uri);
    let fault = |text: String| faults.lock().unwrap().push(text);
    let authorization = head
        .headers
        .get("authorization")
        .map(http::HeaderValue::as_bytes);
    // `robot$ci:secret`.
    if authorization != Some(b"Basic cm9ib3QkY2k6c2VjcmV0") {
        fault(format!("{asked}: {authorization:?}"));
    }
    let Some(next) = script.lock().unwrap().pop_front() else {
        fault(format!("{asked}: nothing more is expected"));
        return Response::builder().status(418).body(Body::empty()).unwrap();
    };
    let api = if next.path.starts_with("/service/") {
        ""
    } else {
        "/api/v2.0"
    };
    let expected = format!("{} {api}{}", next.method, next.path);
    if asked != expected {
        fault(format!("{asked} instead of {expected}"));
    }
    let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
    for (name, value) in next.sent.as_object().into_iter().flatten() {
        if sent[name] != *value {
            fault(format!(
                "{asked}: {name} is {} instead of {value}",
                sent[name]
            ));
        }
    }
    let mut response = Response::builder()
        .status(next.status)
        .header("content-type", "application/json; charset=utf-8");
    for (name, value) in next.headers {
        response = response.header(name, value);
    }
    let body = match next.answer {
        Value::String(text) => text,
        other => other.to_string(),
    };
    response.body(Body::from(body)).unwrap()
}

fn project(retention: Option<&str>) -> Exchange {
    let mut metadata = json!({"public": "false", "auto_scan": "true"});
    if let Some(id) = retention {
        metadata["retention_id"] = json!(id);
    }
    let project = json!({
        "chart_count": 0, "creation_time": "2026-01-01T00:00:00.000Z", "current_user_role_id": 1,
        "cve_allowlist": {"id": 2, "items": [], "project_id": 2}, "metadata": metadata, "name": "stocks",
        "owner_id": 1, "owner_name": "admin", "project_id": 2, "repo_count": 2, "update_time": "2026-01-01T00:00:00.000Z",
    });
    exchange("GET", "/projects/stocks", 200, project)
}

#[tokio::test]
async fn a_project_is_made_once() {
    let made = exchange("POST", "/projects", 201, json!(""))
        .with("location", "/api/v2.0/projects/2")
        .sending(json!({"project_name": "stocks"}));
    let there = refused("POST", "/projects", 409, "CONFLICT");
    let recorded = Recorded::of([made, there]).await;
    recorded.harbor.ensure_project("stocks").await.unwrap();
    recorded.harbor.ensure_project("stocks").await.unwrap();
    recorded.end();
}

fn immutable(id: u64, pattern: &str, disabled: bool) -> Value {
    json!({
        "id": id, "priority": 0, "disabled": disabled, "action": "immutable", "template": "immutable_template",
        "params": {}, "tag_selectors": [{"kind": "doublestar", "decoration": "matches", "pattern": pattern}],
        "scope_selectors": {"repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": "**"}]},
    })
}

#[tokio::test]
async fn versions_are_fixed_and_builds_are_not_any_more() {
    let list = "/projects/2/immutabletagrules?page=1&page_size=100";
    let rules = |rules: Value| exchange("GET", list, 200, rules);
    let recorded = Recorded::of([
        // An earlier version has left both rules, and an operator has turned one off.
        project(None),
        rules(json!([
            immutable(1, "git-*", false),
            immutable(2, "v*", true)
        ])),
        exchange("POST", "/projects/2/immutabletagrules", 201, json!("")).sending(json!({
            "action": "immutable",
            "tag_selectors": [{"kind": "doublestar", "decoration": "matches", "pattern": "v*"}],
        })),
        exchange("DELETE", "/projects/2/immutabletagrules/1", 200, json!("")),
        // Once more.
        project(None),
        rules(json!([immutable(2, "v*", true), immutable(3, "v*", false)])),
    ])
    .await;
    for _ in 0..2 {
        let harbor = &recorded.harbor;
        let ensured = harbor.ensure_immutable("stocks", "v*", "git-*").await;
        ensured.unwrap();
    }
    recorded.end();
}

#[tokio::test]
async fn a_retention_policy_is_removed_once() {
    let removed = exchange("DELETE", "/retentions/7", 200, json!(""));
    let gone = refused("DELETE", "/retentions/7", 404, "NOT_FOUND");
    let projects = || project(Some("7"));
    let recorded = Recorded::of([projects(), removed, projects(), gone, project(None)]).await;
    for expected in [true, true, false] {
        let removed = recorded.harbor.remove_retention("stocks").await.unwrap();
        assert_eq!(removed, expected);
    }
    recorded.end();
}

#[tokio::test]
async fn an_image_is_deleted_by_digest_and_stays_where_a_rule_fixes_it() {
    let path = "/projects/stocks/repositories/trade/artifacts/sha256:00";
    let recorded = Recorded::of([
        exchange("DELETE", path, 200, json!("")),
        refused("DELETE", path, 404, "NOT_FOUND"),
        refused("DELETE", path, 412, "PRECONDITION"),
    ])
    .await;
    for expected in [true, true, false] {
        let harbor = &recorded.harbor;
        let deleted = harbor.delete_artifact("stocks", "trade", "sha256:00").await;
        assert_eq!(deleted.is_ok(), expected, "{deleted:?}");
    }
    recorded.end();
}

#[tokio::test]
async fn a_jobservice_that_is_down_is_named() {
    for (status, is_named) in [(500, true), (503, true), (400, false)] {
        let answer = refused("POST", "/system/gc/schedule", status, "UNKNOWN");
        let recorded = Recorded::of([answer]).await;
        let error = recorded.harbor.ensure_garbage_collection().await;
        let said = format!("{:#}", error.unwrap_err());
        assert_eq!(said.contains("harbor-jobservice"), is_named, "{said}");
        recorded.end();
    }
}

#[tokio::test]
async fn garbage_is_collected_every_night() {
    let path = "/system/gc/schedule";
    let recorded = Recorded::of([
        exchange("POST", path, 201, json!("")),
        refused("POST", path, 409, "CONFLICT"),
        exchange("PUT", path, 200, json!("")),
    ])
    .await;
    recorded.harbor.ensure_garbage_collection().await.unwrap();
    recorded.harbor.ensure_garbage_collection().await.unwrap();
    recorded.end();
}

#[tokio::test]
async fn a_robot_that_is_there_gets_its_rights_and_a_new_secret() {
    let made = json!({
        "creation_time": "2026-01-01T00:00:00.000Z", "expires_at": -1, "id": 3, "name": "robot$stocks+ci", "secret": "first",
    });
    let listed = json!([
        {"id": 9, "name": "robot$other+ci", "level": "project", "disable": false, "expires_at": -1},
        {"id": 3, "name": "robot$stocks+ci", "level": "project", "disable": false, "expires_at": -1},
    ]);
    let list = "/robots?page=1&page_size=100&q=Level%3Dproject%2CProjectID%3D2";
    let rights = [("repository", "pull"), ("repository", "push")];
    let access = json!([
        {"resource": "repository", "action": "pull"},
        {"resource": "repository", "action": "push"},
    ]);
    let permissions = json!([{"kind": "project", "namespace": "stocks", "access": access}]);
    let recorded = Recorded::of([
        exchange("POST", "/robots", 201, made).sending(json!({"permissions": permissions})),
        refused("POST", "/robots", 409, "CONFLICT"),
        project(None),
        exchange("GET", list, 200, listed).with("x-total-count", "2"),
        exchange("PUT", "/robots/3", 200, json!(""))
            .sending(json!({"name": "robot$stocks+ci", "permissions": permissions})),
        exchange("PATCH", "/robots/3", 200, json!({"secret": "second"})),
    ])
    .await;
    let harbor = &recorded.harbor;
    let robot = harbor.ensure_robot("stocks", "ci", &rights).await.unwrap();
    assert_eq!(
        (robot.name.as_str(), robot.secret.as_str()),
        ("robot$stocks+ci", "first")
    );
    let robot = harbor.ensure_robot("stocks", "ci", &rights).await.unwrap();
    assert_eq!((robot.id, robot.secret.as_str()), (3, "second"));
    recorded.end();
}

fn artifact(number: usize) -> Value {
    json!({
        "accessories": [{"artifact_id": 1, "creation_time": "2026-01-01T00:00:00.000Z", "digest": "sha256:00", "icon": "",
            "id": 1, "size": 1, "subject_artifact_digest": "sha256:01", "subject_artifact_id": 1, "type": "signature.cosign"}],
        "digest": format!("sha256:{number:064}"), "id": number, "media_type": "application/vnd.oci.image.config.v1+json",
        "project_id": 2, "push_time": "2026-01-01T00:00:00.000Z", "repository_id": 1, "size": 9_000_000,
        "tags": [{"artifact_id": number, "id": number, "immutable": true, "name": format!("git-{number:07}"),
            "push_time": "2026-01-01T00:00:00.000Z", "repository_id": 1}],
        "type": "IMAGE",
    })
}

/// As `/service/token` answers. Its tokens are signed by Harbor's key; the payload is what is read.
fn token(path: &'static str, access: &Value) -> Exchange {
    let claims = json!({"iss": "harbor-token-issuer", "aud": "harbor-registry", "access": access});
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    let token = format!("eyJhbGciOiJSUzI1NiJ9.{payload}.c2lnbmF0dXJl");
    let answer = json!({"token": token, "access_token": "", "expires_in": 1800, "issued_at": "2026-01-01T00:00:00Z"});
    exchange("GET", path, 200, answer)
}

#[tokio::test]
async fn a_wrong_password_is_found_by_a_request_without_a_scope() {
    let path = "/service/token?service=harbor-registry";
    let recorded = Recorded::of([
        token(path, &json!([])),
        refused("GET", path, 401, "UNAUTHORIZED"),
        refused("GET", path, 403, "DENIED"),
    ])
    .await;
    assert!(recorded.harbor.is_known().await.unwrap());
    assert!(!recorded.harbor.is_known().await.unwrap());
    assert!(recorded.harbor.is_known().await.is_err());
    recorded.end();
}

#[tokio::test]
async fn rights_that_the_token_lacks_are_named() {
    let path =
        "/service/token?service=harbor-registry&scope=repository%3Astocks%2Fany%3Apull%2Cpush";
    let granted =
        |actions: Value| json!([{"type": "repository", "name": "stocks/any", "actions": actions}]);
    let recorded = Recorded::of([
        token(path, &granted(json!(["pull", "push"]))),
        token(path, &granted(json!(["pull"]))),
        token(path, &granted(json!([]))),
        token(path, &json!([])),
        // As Harbor answers an account without any.
        token(path, &Value::Null),
    ])
    .await;
    let all = ["pull", "push"];
    for expected in [&[][..], &["push"], &all, &all, &all] {
        let missing = recorded.harbor.missing_rights("stocks", &all).await;
        assert_eq!(missing.unwrap(), expected);
    }
    recorded.end();
}

#[tokio::test]
async fn a_part_that_is_not_well_is_named() {
    let health = |status: &str, error: &str| {
        let mut database = json!({"name": "database", "status": status});
        if !error.is_empty() {
            database["error"] = json!(error);
        }
        let core = json!({"name": "core", "status": "healthy"});
        let answer = json!({"status": status, "components": [core, database]});
        exchange("GET", "/health", 200, answer)
    };
    let recorded =
        Recorded::of([health("healthy", ""), health("unhealthy", "failed to ping")]).await;
    recorded.harbor.check().await.unwrap();
    let said = recorded.harbor.check().await.unwrap_err().to_string();
    assert_eq!(
        said,
        "Harbor is unhealthy: database is unhealthy failed to ping"
    );
    recorded.end();
}

#[tokio::test]
async fn all_pages_of_artifacts_are_read() {
    let first: Vec<_> = (0..100).map(artifact).collect();
    let mut last = artifact(100);
    last["tags"] = Value::Null;
    last["accessories"] = Value::Null;
    let pages = [
        "/projects/stocks/repositories/trade/artifacts?page=1&page_size=100&with_tag=true&sort=-push_time",
        "/projects/stocks/repositories/trade/artifacts?page=2&page_size=100&with_tag=true&sort=-push_time",
    ];
    let recorded = Recorded::of([
        exchange("GET", pages[0], 200, json!(first)).with("x-total-count", "101"),
        exchange("GET", pages[1], 200, json!([last])).with("x-total-count", "101"),
    ])
    .await;
    let artifacts = recorded.harbor.artifacts("stocks", "trade").await.unwrap();
    recorded.end();
    assert_eq!(artifacts.len(), 101);
    assert_eq!(artifacts[7].tags[0].name, "git-0000007");
    assert_eq!(artifacts[100].tags, []);
}

#[tokio::test]
async fn each_refusal_says_what_it_is() {
    let path = "/projects/stocks";
    let cases = [
        (401, "UNAUTHORIZED", Refusal::Unknown),
        (
            403,
            "FORBIDDEN",
            Refusal::Forbidden(
                "robot$ci: GET /api/v2.0/projects/stocks: FORBIDDEN of the test".to_owned(),
            ),
        ),
        (
            404,
            "NOT_FOUND",
            Refusal::Missing("NOT_FOUND of the test".to_owned()),
        ),
        (
            409,
            "CONFLICT",
            Refusal::Exists("CONFLICT of the test".to_owned()),
        ),
        (
            412,
            "PRECONDITION",
            Refusal::Precondition("PRECONDITION of the test".to_owned()),
        ),
        (
            400,
            "BAD_REQUEST",
            Refusal::Other(400, "BAD_REQUEST of the test".to_owned()),
        ),
    ];
    for (status, code, expected) in cases {
        let recorded = Recorded::of([refused("GET", path, status, code)]).await;
        let error = recorded.harbor.project("stocks").await.unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&expected), "{error:#}");
        recorded.end();
    }
}

#[tokio::test]
async fn a_busy_harbor_is_asked_again_and_not_for_ever() {
    let path = "/projects/stocks";
    let busy = || refused("GET", path, 429, "TOO_MANY_REQUESTS").with("retry-after", "0");
    let unwell =
        || exchange("GET", path, 502, json!("<html>Bad Gateway</html>")).with("retry-after", "0");
    let recorded = Recorded::of([busy(), unwell(), project(None)]).await;
    assert_eq!(recorded.harbor.project("stocks").await.unwrap().id, 2);
    recorded.end();

    let recorded = Recorded::of([unwell(), unwell(), unwell(), unwell()]).await;
    let error = recorded.harbor.project("stocks").await.unwrap_err();
    let expected = Refusal::Other(502, "<html>Bad Gateway</html>".to_owned());
    assert_eq!(error.downcast_ref(), Some(&expected));
    recorded.end();
}

#[tokio::test]
async fn what_changes_something_is_sent_once() {
    let unwell = refused("POST", "/projects", 503, "UNAVAILABLE");
    let recorded = Recorded::of([unwell]).await;
    assert!(recorded.harbor.ensure_project("stocks").await.is_err());
    recorded.end();
}
