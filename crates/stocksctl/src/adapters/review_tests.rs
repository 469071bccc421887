//! Reviews on GitHub, with an issuer and an API on a port of their own.

use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::routing::get as route;
use axum::{Json, Router};
use serde_json::Value;

use super::super::id_token::tests::{Signer, at, claims, header, with};
use super::*;

const RUN: &str = "/repos/owner/app/actions/runs/42";

/// As the REST API answers, without what is not read.
fn run() -> Value {
    json!({
        "id": 42, "head_sha": "a".repeat(40), "event": "push", "path": ".github/workflows/ci-cd.yml@refs/tags/v1.0.0",
        "repository": {"full_name": "owner/app"}, "head_repository": {"full_name": "owner/app"},
    })
}

/// The answer for a job whose token has another claim than a sound one, or of whose run the API says something else.
async fn told(claim: Option<(&str, Value)>, run: Value, run_id: u64) -> Result<Review> {
    let (job, reviews) = serve(claim, run, run_id).await;
    review(&job, &reviews, Environment::Prod, at(1_200)).await
}

/// A job that is let into prod by a review of run 42, at the commit `aaa...`.
pub(crate) async fn reviewed() -> (Job, Reviews) {
    serve(None, run(), 42).await
}

async fn serve(claim: Option<(&str, Value)>, run: Value, run_id: u64) -> (Job, Reviews) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let signer = Signer::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}", listener.local_addr().unwrap());
    let issuer = signer.serve(Router::new()).await;
    let mut token = claims(&issuer);
    if let Some((name, value)) = claim {
        token = with(token, name, value);
    }
    let token = signer.token(&header(), &token);
    let is_job = |headers: &HeaderMap| headers["authorization"] == "Bearer job";
    let given = json!([{"state": "approved", "environments": [{"name": "prod"}], "user": {"login": "octocat"}}]);
    let router = Router::new()
        .route(
            "/token",
            route(async move |RawQuery(query): RawQuery, headers: HeaderMap| {
                let is_ours = query.as_deref() == Some("api-version=2.0&audience=stocksctl")
                    && is_job(&headers);
                Json(json!({"value": if is_ours { token } else { String::new() }}))
            }),
        )
        .route(RUN, route(async || Json(run)))
        .route(&format!("{RUN}/approvals"), route(async || Json(given)));
    tokio::spawn(async { axum::serve(listener, router).await });
    let job = Job {
        id_token_url: format!("{api}/token?api-version=2.0"),
        id_token_token: "job".to_owned(),
        run_id: Some(run_id),
        api_token: Some("api".to_owned()),
    };
    let repository = "owner/app".parse().unwrap();
    let reviews = Reviews {
        repository,
        api,
        issuer,
    };
    (job, reviews)
}

#[tokio::test]
async fn a_review_is_of_the_commit_of_the_run_that_the_token_proves() {
    let found = told(None, run(), 42).await.unwrap();
    assert_eq!(found.by, "octocat, in the review of run 42 of owner/app");
    let commit = "a".repeat(40);
    let repository = "owner/app".to_owned();
    assert_eq!(found.origin, Origin { repository, commit });
    let bare = with(run(), "path", json!(".github/workflows/ci-cd.yml"));
    told(None, bare, 42).await.unwrap();
}

#[tokio::test]
async fn a_run_that_the_token_does_not_prove_is_refused() {
    let fork = json!({"full_name": "fork/app"});
    for (claim, run, run_id, reason) in [
        (None, run(), 43, "GITHUB_RUN_ID says 43"),
        (Some(("run_id", json!("43"))), run(), 43, "the run: "),
        (
            Some(("repository", json!("fork/app"))),
            run(),
            42,
            "the job is of fork/app",
        ),
        (
            Some(("environment", json!("dev"))),
            run(),
            42,
            "not of the GitHub environment prod",
        ),
        (
            Some(("environment", Value::Null)),
            run(),
            42,
            "not of the GitHub environment prod",
        ),
        (
            Some((
                "job_workflow_ref",
                json!("owner/app/.github/workflows/rollback.yml@refs/heads/main"),
            )),
            run(),
            42,
            "not the workflow",
        ),
        (
            Some((
                "job_workflow_ref",
                json!("owner/app/.github/workflows/ci-cd.yml@refs/heads/feature"),
            )),
            run(),
            42,
            "not the workflow",
        ),
        (
            Some(("event_name", json!("workflow_dispatch"))),
            run(),
            42,
            "not started by a push",
        ),
        (
            Some(("sha", json!("b".repeat(40)))),
            run(),
            42,
            "is not what the token says",
        ),
        (Some(("exp", json!(1_000))), run(), 42, "it has ended"),
        (
            None,
            with(run(), "id", json!(41)),
            42,
            "is not what the token says",
        ),
        (
            None,
            with(run(), "head_sha", json!("b".repeat(40))),
            42,
            "is not what the token says",
        ),
        (
            None,
            with(run(), "event", json!("pull_request")),
            42,
            "is not what the token says",
        ),
        (
            None,
            with(run(), "path", json!(".github/workflows/other.yml")),
            42,
            "is not what the token says",
        ),
        (
            None,
            with(run(), "repository", fork.clone()),
            42,
            "is not what the token says",
        ),
        (
            None,
            with(run(), "head_repository", fork.clone()),
            42,
            "is not what the token says",
        ),
        (None, json!({}), 42, "GitHub's answer"),
    ] {
        let refused = told(claim, run, run_id).await.unwrap_err();
        let refused = format!("{refused:#}");
        assert!(refused.contains(reason), "{reason}: {refused}");
    }
}
