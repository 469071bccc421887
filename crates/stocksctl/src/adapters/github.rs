//! GitHub: the token that says which workflow asks, who has approved its job, and tickets for runners.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, Utc};
use reqwest::{Client, Method, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::id_token::{self, AUDIENCE, Claims};
use crate::environment::Environment;
use crate::installation::Reviews;
use crate::origin::Origin;
use crate::signers::{WORKFLOW_PATH, is_release_workflow};

const TIMEOUT: Duration = Duration::from_secs(30);

/// A job of a workflow, as its environment describes it: what it says counts as far as its token proves it.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The address that gives the job its token.
    pub(crate) id_token_url: String,
    pub(crate) id_token_token: String,
    /// The run that the caller believes to be in.
    pub(crate) run_id: Option<u64>,
    /// The job's token for the API; wants `actions: read`.
    pub(crate) api_token: Option<String>,
}

/// A run of a workflow (REST API, "Get a workflow run").
#[derive(Debug, Deserialize)]
struct Run {
    id: u64,
    head_sha: String,
    event: String,
    /// With or without `@ref`.
    path: String,
    repository: FullName,
    head_repository: FullName,
}

#[derive(Debug, Deserialize)]
struct FullName {
    full_name: String,
}

/// What a reviewer has said (REST API, "Get the review history for a workflow run").
#[derive(Debug, Deserialize)]
struct Given {
    state: String,
    environments: Vec<Named>,
    user: User,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

#[derive(Debug, Deserialize)]
struct User {
    login: String,
}

#[derive(Debug, Deserialize)]
struct Ticket {
    encoded_jit_config: String,
}

#[derive(Debug, Deserialize)]
struct IdToken {
    value: String,
}

impl Job {
    /// The claims of the job's token, checked by the keys of this issuer.
    pub(crate) async fn prove(&self, issuer: &str, now: DateTime<Utc>) -> Result<Claims> {
        let token = id_token_for(&self.id_token_url, &self.id_token_token, Some(AUDIENCE)).await?;
        let claims = id_token::verify(&token, issuer, now).await?;
        if let Some(run_id) = self.run_id {
            ensure!(
                claims.run_id == run_id.to_string(),
                "the token of the job is of run {}, and GITHUB_RUN_ID says {run_id}",
                claims.run_id
            );
        }
        Ok(claims)
    }
}

/// A review that lets a commit of a repository into an environment.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Review {
    /// The reviewer and the run.
    pub(crate) by: String,
    /// The head of the run: the review is of what was built from it.
    pub(crate) origin: Origin,
}

/// The review of the run that this job is part of.
pub(crate) async fn review(
    job: &Job,
    reviews: &Reviews,
    environment: Environment,
    now: DateTime<Utc>,
) -> Result<Review> {
    let claims = job.prove(&reviews.issuer, now).await?;
    check_claims(&claims, reviews, environment)?;
    let (repository, id) = (reviews.repository.as_str(), &claims.run_id);
    let url = format!("{}/repos/{repository}/actions/runs/{id}", reviews.api);
    let token = job
        .api_token
        .as_deref()
        .context("GITHUB_TOKEN is not set")?;
    let run: Run = get(&url, token).await.context("the run")?;
    check_run(&run, &claims)?;
    let given: Vec<Given> = get(&format!("{url}/approvals"), token)
        .await
        .context("the reviews of the run")?;
    let approver = approver(&given, environment)?;
    Ok(Review {
        by: format!("{approver}, in the review of run {id} of {repository}"),
        origin: Origin {
            repository: run.repository.full_name,
            commit: run.head_sha,
        },
    })
}

/// Fails unless the token is of a job of the release workflow in this environment.
fn check_claims(claims: &Claims, reviews: &Reviews, environment: Environment) -> Result<()> {
    let wanted = reviews.repository.as_str();
    ensure!(
        claims.repository == wanted,
        "the job is of {}, and reviews of {wanted} count",
        claims.repository
    );
    ensure!(
        claims.environment.as_deref() == Some(environment.name()),
        "the job is not of the GitHub environment {environment}"
    );
    ensure!(
        is_release_workflow(&reviews.repository, &claims.job_workflow_ref),
        "{} is not the workflow that builds releases, at a ref that is released",
        claims.job_workflow_ref
    );
    ensure!(
        claims.event_name == "push",
        "the run was not started by a push"
    );
    Ok(())
}

/// Fails unless the API describes the run that the token is of.
fn check_run(run: &Run, claims: &Claims) -> Result<()> {
    let is_same = run.id.to_string() == claims.run_id
        && run.head_sha == claims.sha
        && run.event == claims.event_name
        && run.path.split('@').next() == Some(WORKFLOW_PATH)
        && run.repository.full_name == claims.repository
        && run.head_repository.full_name == claims.repository;
    ensure!(
        is_same,
        "run {} of {}: {} of {}, by {} at {}, is not what the token says: {} at {}",
        run.id,
        run.repository.full_name,
        run.path,
        run.head_repository.full_name,
        run.event,
        run.head_sha,
        claims.job_workflow_ref,
        claims.sha
    );
    Ok(())
}

async fn get<T: DeserializeOwned>(url: &str, token: &str) -> Result<T> {
    let answer = request(Method::GET, url, token)?
        .send()
        .await
        .context("GitHub does not answer")?;
    let status = answer.status();
    ensure!(
        status.is_success(),
        "GitHub answers {status}; the job's token needs `permissions: actions: read`"
    );
    answer.json().await.context("GitHub's answer")
}

fn approver(reviews: &[Given], environment: Environment) -> Result<String> {
    let is_of = |review: &&Given| {
        let mut environments = review.environments.iter();
        environments.any(|named| named.name == environment.name())
    };
    // The newest comes first.
    let review = reviews.iter().find(is_of).with_context(|| {
        format!("nobody has reviewed this run for {environment}: give the environment required reviewers")
    })?;
    ensure!(
        review.state == "approved",
        "{} has {} it",
        review.user.login,
        review.state
    );
    Ok(review.user.login.clone())
}

/// The runner that a ticket is for.
#[derive(Clone, Debug)]
pub(crate) struct RunnerSettings {
    /// The labels whose jobs it takes: it has no other.
    pub(crate) labels: Vec<String>,
    /// The folder in which it does them.
    pub(crate) work_folder: String,
}

/// A repository that jobs are taken of.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    /// `https://api.github.com`.
    pub(crate) api: String,
    /// `owner/name`.
    pub(crate) name: String,
    /// May administer the repository (fine-grained: `administration: write`).
    pub(crate) token: String,
}

impl Repository {
    /// What a runner of this name takes one job with (REST API, "Create configuration for a just-in-time runner").
    pub(crate) async fn ticket(&self, runner: &str, settings: &RunnerSettings) -> Result<String> {
        let (api, name) = (&self.api, &self.name);
        let url = format!("{api}/repos/{name}/actions/runners/generate-jitconfig");
        let wanted = json!({
            "name": runner,
            // The one that every repository has.
            "runner_group_id": 1,
            "labels": settings.labels,
            "work_folder": settings.work_folder,
        });
        let request = request(Method::POST, &url, &self.token)?.json(&wanted);
        let answer = request.send().await.context("GitHub does not answer")?;
        let status = answer.status();
        ensure!(
            status.is_success(),
            "GitHub gives {name} no runner: {status}; the token needs to administer the repository"
        );
        let ticket: Ticket = answer.json().await.context("GitHub's ticket")?;
        Ok(ticket.encoded_jit_config)
    }
}

fn request(method: Method, url: &str, token: &str) -> Result<RequestBuilder> {
    Ok(client()?
        .request(method, url)
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", "2022-11-28")
        .header("user-agent", "stocksctl")
        .bearer_auth(token))
}

/// The token that says which workflow asks (`permissions: id-token: write`). It is for the repository's owner, as it is where
/// nothing else is asked for.
pub(crate) async fn id_token(url: &str, token: &str) -> Result<String> {
    id_token_for(url, token, None).await
}

/// The same for another audience.
async fn id_token_for(url: &str, token: &str, audience: Option<&str>) -> Result<String> {
    let audience = audience.map(|audience| ("audience", audience));
    let request = client()?
        .get(url)
        .query(audience.as_slice())
        .bearer_auth(token);
    let answer = request.send().await.context("GitHub gives no token")?;
    let status = answer.status();
    ensure!(status.is_success(), "GitHub gives no token: {status}");
    let token: IdToken = answer.json().await.context("GitHub's token")?;
    Ok(token.value)
}

fn client() -> Result<Client> {
    Client::builder()
        .timeout(TIMEOUT)
        .build()
        .context("a client for HTTP")
}

#[cfg(test)]
#[path = "review_tests.rs"]
pub(crate) mod review_tests;

#[cfg(test)]
mod tests {
    use super::*;

    /// As the REST API answers, without what is not read.
    const ANSWER: &str = r#"[
        {"state": "approved", "comment": "Ship it!", "environments": [{"id": 161088068, "name": "prod"}],
         "user": {"login": "octocat", "id": 1}},
        {"state": "rejected", "comment": "", "environments": [{"id": 161088069, "name": "stage"}],
         "user": {"login": "hubot", "id": 2}}]"#;

    #[test]
    fn an_approval_is_of_the_environment_and_not_a_refusal() {
        let reviews: Vec<Given> = serde_json::from_str(ANSWER).unwrap();
        assert_eq!(approver(&reviews, Environment::Prod).unwrap(), "octocat");
        let refused = approver(&reviews, Environment::Stage).unwrap_err();
        assert!(
            refused.to_string().contains("hubot has rejected"),
            "{refused}"
        );
        assert!(approver(&reviews, Environment::Dev).is_err());
        assert!(approver(&[], Environment::Prod).is_err());
    }
}
