//! The client against a registry that answers as Harbor 2.15 does.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::*;

const TAG: &str = "v1.4.2";

/// One repository with one manifest.
struct Repository {
    manifest: String,
    /// The digest that the tag names.
    tagged: Option<String>,
    /// The answer to a push, and the digest that the tag names from then on.
    pushed: (u16, &'static str, Option<String>),
}

type Shared = Arc<Mutex<Repository>>;

fn digest_of(text: &str) -> String {
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(text.as_bytes()) {
        write!(digest, "{byte:02x}").unwrap();
    }
    digest
}

fn refusal(status: u16, code: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    let errors = json!({"errors": [{"code": code, "message": format!("{code} of the test")}]});
    (status, axum::Json(errors)).into_response()
}

async fn manifests(
    State(shared): State<Shared>,
    Path(reference): Path<String>,
    method: Method,
) -> Response {
    let mut repository = shared.lock().unwrap();
    if method == Method::PUT {
        let (status, code, named) = repository.pushed.clone();
        repository.tagged = named;
        if status == 201 {
            let location = [("location", "/v2/stocks/trade/manifests/it")];
            return (StatusCode::CREATED, location).into_response();
        }
        return refusal(status, code);
    }
    let own = digest_of(&repository.manifest);
    let digest = match &repository.tagged {
        _ if reference == own => own,
        Some(named) if reference == TAG => named.clone(),
        _ => return refusal(404, "NOT_FOUND"),
    };
    let headers = [
        ("docker-content-digest", digest),
        ("content-type", MEDIA_TYPES[1].to_owned()),
    ];
    (headers, repository.manifest.clone()).into_response()
}

async fn tag_with(
    status: u16,
    code: &'static str,
    named: impl Fn(&str) -> Option<String>,
) -> Result<Tagged> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let manifest = json!({"schemaVersion": 2, "mediaType": MEDIA_TYPES[1]}).to_string();
    let own = digest_of(&manifest);
    let shared = Arc::new(Mutex::new(Repository {
        manifest,
        tagged: None,
        pushed: (status, code, named(&own)),
    }));
    let app = Router::new()
        .route("/v2/", any(|| async { "" }))
        .route("/v2/stocks/trade/manifests/{reference}", any(manifests))
        .with_state(shared);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let registry = Registry::new(&address, None, true);
    let image = Image {
        repository: registry.repository(Service::Trade),
        digest: own.parse().unwrap(),
    };
    registry.tag(Service::Trade, &image, TAG).await
}

#[tokio::test]
async fn a_name_is_given_once() {
    assert_eq!(
        tag_with(201, "", |own| Some(own.to_owned())).await.unwrap(),
        Tagged::Now
    );
}

#[tokio::test]
async fn a_push_that_harbor_refuses_is_done_when_the_tag_names_the_same_digest() {
    for status in [409, 412] {
        let tagged = tag_with(status, "PRECONDITION", |own| Some(own.to_owned())).await;
        assert_eq!(tagged.unwrap(), Tagged::Already, "{status}");

        let other = format!("sha256:{}", "1".repeat(64));
        let tagged = tag_with(status, "PRECONDITION", |_| Some(other.clone())).await;
        let said = tagged.unwrap_err().to_string();
        assert!(
            said.contains("immutable") && said.contains(&other),
            "{said}"
        );

        let tagged = tag_with(status, "PRECONDITION", |_| None).await;
        assert!(tagged.unwrap_err().to_string().contains("immutable"));
    }
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    for (status, code) in [(401, "UNAUTHORIZED"), (403, "DENIED"), (403, "FORBIDDEN")] {
        let said = tag_with(status, code, |_| None)
            .await
            .unwrap_err()
            .to_string();
        assert!(said.contains("may not push to"), "{status} {code}: {said}");
        assert!(said.contains("/stocks/trade"), "{said}");
    }
    let said = tag_with(500, "UNKNOWN", |_| None)
        .await
        .unwrap_err()
        .to_string();
    assert!(said.contains("cannot be written"), "{said}");
}
