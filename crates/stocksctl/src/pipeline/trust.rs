//! Admission of GitHub's jobs to the runners of the platform. Pure.
//!
//! A pull request may edit `runs-on`, so a runner's labels protect nothing: each runner judges a job before its first step, by
//! facts that a workflow cannot set. GitHub writes the event's file, and the runner overwrites every `GITHUB_*` variable that a
//! workflow tries to set; the start hook gets no variable of the workflow at all (actions/runner, `JobHookProvider.cs`).
//!
//! | runner | takes |
//! |---|---|
//! | deploy, with the engine's socket | `push`, `workflow_dispatch`, `schedule` of develop, `release/**`, `v*` tags and the default branch |
//! | pull requests, without any of that | `pull_request` of a branch of the repository itself |

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// A job, as GitHub and the runner describe it to the start hook.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'a> {
    /// `GITHUB_EVENT_NAME`. A reusable workflow keeps that of its caller.
    pub(crate) event_name: &'a str,
    /// `GITHUB_REPOSITORY`, `owner/name`.
    pub(crate) repository: &'a str,
    /// `GITHUB_REF`, `refs/heads/develop`.
    pub(crate) reference: &'a str,
    /// `GITHUB_REF_TYPE`, `branch` or `tag`.
    pub(crate) reference_type: &'a str,
    /// The file at `GITHUB_EVENT_PATH`.
    pub(crate) event: &'a Value,
}

/// The runner that decides.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Runner {
    /// Reaches the engine, Vault and the registry.
    Deploy,
    /// Runs code that no maintainer has approved yet.
    PullRequest,
}

/// Refuses a job that must not run on this runner. `repository` is the one that the runner is set up for.
pub(crate) fn admit(runner: Runner, repository: &str, job: &Job<'_>) -> Result<()> {
    // GitHub's names are case-insensitive.
    ensure!(
        job.repository.eq_ignore_ascii_case(repository),
        "this runner takes jobs of {repository}, not of \"{}\"",
        job.repository
    );
    if let Some(named) = text(&job.event["repository"]["full_name"]) {
        ensure!(
            named.eq_ignore_ascii_case(repository),
            "the event is of {named}, not of {repository}"
        );
    }
    match runner {
        Runner::Deploy => admit_reviewed(job),
        Runner::PullRequest => admit_pull_request(repository, job),
    }
}

/// Takes events that only a push to a protected name, or a maintainer, can cause.
fn admit_reviewed(job: &Job<'_>) -> Result<()> {
    let name = job.event_name;
    ensure!(
        matches!(name, "push" | "workflow_dispatch" | "schedule"),
        "jobs of the event \"{name}\" do not run on the deploy runner: their code may be unreviewed"
    );
    if name == "push" {
        let pushed = text(&job.event["ref"]).context("the push names no ref")?;
        ensure!(
            pushed == job.reference,
            "the push is of {pushed}, and the job of {}",
            job.reference
        );
        ensure!(
            job.event["deleted"] != true,
            "{pushed} has been deleted: there is nothing to run"
        );
    }
    let default_branch = text(&job.event["repository"]["default_branch"]);
    ensure!(
        is_protected(job.reference, job.reference_type, default_branch),
        "jobs of {} \"{}\" do not run on the deploy runner: it takes develop, release/**, tags v* and the default branch",
        job.reference_type,
        job.reference
    );
    Ok(())
}

/// Takes pull requests of the repository's own branches. Those of forks run on GitHub's runners alone.
fn admit_pull_request(repository: &str, job: &Job<'_>) -> Result<()> {
    ensure!(
        job.event_name == "pull_request",
        "jobs of the event \"{}\" do not run on the runner of pull requests",
        job.event_name
    );
    match text(&job.event["pull_request"]["head"]["repo"]["full_name"]) {
        Some(head) if head.eq_ignore_ascii_case(repository) => Ok(()),
        Some(fork) => bail!("a pull request of {fork} runs on GitHub's own runners"),
        None => bail!("a pull request of a repository that is gone runs on GitHub's own runners"),
    }
}

/// Returns true for the refs whose code maintainers have let in. Rulesets of the repository protect these names.
fn is_protected(reference: &str, reference_type: &str, default_branch: Option<&str>) -> bool {
    let is_longer = |rest: &str| !rest.is_empty();
    if let Some(branch) = reference.strip_prefix("refs/heads/") {
        reference_type == "branch"
            && (branch == "develop"
                || branch.strip_prefix("release/").is_some_and(is_longer)
                || default_branch == Some(branch))
    } else if let Some(tag) = reference.strip_prefix("refs/tags/") {
        reference_type == "tag" && tag.strip_prefix('v').is_some_and(is_longer)
    } else {
        false
    }
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
