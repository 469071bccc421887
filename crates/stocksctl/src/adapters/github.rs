//! GitHub: the token that says which workflow asks, who has approved its job, and tickets for runners.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Method, RequestBuilder};
use serde::Deserialize;
use serde_json::json;

use crate::environment::Environment;

const TIMEOUT: Duration = Duration::from_secs(30);

/// The run of a workflow.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// `https://api.github.com`.
    pub(crate) api: String,
    /// `owner/name`.
    pub(crate) repository: String,
    pub(crate) id: u64,
    /// The job's token; wants `actions: read`.
    pub(crate) token: String,
}

/// What a reviewer has said (REST API, "Get the review history for a workflow run").
#[derive(Debug, Deserialize)]
struct Review {
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

impl Run {
    /// Who has approved that the run works on this environment.
    pub(crate) async fn approver(&self, environment: Environment) -> Result<String> {
        let (api, repository, id) = (&self.api, &self.repository, self.id);
        let url = format!("{api}/repos/{repository}/actions/runs/{id}/approvals");
        let request = request(Method::GET, &url, &self.token)?;
        let answer = request.send().await.context("GitHub does not answer")?;
        let status = answer.status();
        ensure!(
            status.is_success(),
            "GitHub answers {status}; the job's token needs `permissions: actions: read`"
        );
        let reviews: Vec<Review> = answer.json().await.context("the reviews of the run")?;
        approver(&reviews, environment)
    }
}

fn approver(reviews: &[Review], environment: Environment) -> Result<String> {
    let is_of = |review: &&Review| {
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
    let request = client()?.get(url).bearer_auth(token);
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
        let reviews: Vec<Review> = serde_json::from_str(ANSWER).unwrap();
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
