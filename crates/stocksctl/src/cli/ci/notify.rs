//! `ci notify`: says which jobs failed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::progress::{add_to_summary, note};

const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Args)]
pub(in crate::cli) struct Notify {
    /// The workflow's `needs`, in JSON
    #[arg(long, env = "NEEDS", default_value = "{}", hide_env = true)]
    needs: String,
    /// Slack's incoming webhook
    #[arg(long, env = "SLACK_WEBHOOK", hide_env_values = true)]
    webhook: Option<String>,
    /// The branch or tag
    #[arg(long, env = "GITHUB_REF_NAME", default_value = "")]
    reference: String,
    /// The repository
    #[arg(long, env = "GITHUB_REPOSITORY", hide = true, default_value = "")]
    repository: String,
    #[arg(
        long,
        env = "GITHUB_SERVER_URL",
        hide = true,
        default_value = "https://github.com"
    )]
    server: String,
    #[arg(long, env = "GITHUB_RUN_ID", hide = true, default_value = "")]
    run: String,
    /// A file that a summary in Markdown is added to
    #[arg(long, env = "GITHUB_STEP_SUMMARY", hide_env = true)]
    summary: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Need {
    result: String,
}

impl Notify {
    pub(super) async fn run(self) -> Result<ExitCode> {
        let failed = failed(&self.needs)?;
        let what = match failed.as_slice() {
            [] => "the pipeline".to_owned(),
            jobs => jobs.join(", "),
        };
        let text = format!("Stocks App {}: {what} failed", self.reference);
        note(&text);
        if let Some(file) = &self.summary {
            add_to_summary(
                file,
                &format!("### {text}\n\nNothing that did not pass was deployed.\n"),
            )?;
        }
        if let Some(webhook) = &self.webhook {
            let link = format!(
                "{}/{}/actions/runs/{}",
                self.server, self.repository, self.run
            );
            tell_slack(webhook, &format!("{text}: {link}")).await?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The jobs that did not end well.
fn failed(needs: &str) -> Result<Vec<String>> {
    let needs: BTreeMap<String, Need> =
        serde_json::from_str(needs).context("NEEDS is not what a workflow says of its jobs")?;
    let failed = needs.into_iter();
    let failed = failed.filter(|(_, need)| matches!(need.result.as_str(), "failure" | "cancelled"));
    Ok(failed.map(|(name, _)| name).collect())
}

async fn tell_slack(webhook: &str, text: &str) -> Result<()> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let sent = client
        .post(webhook)
        .json(&json!({"text": text}))
        .send()
        .await;
    // The address is the secret.
    let answer = sent.map_err(reqwest::Error::without_url).context("Slack")?;
    ensure!(
        answer.status().is_success(),
        "Slack says {}",
        answer.status()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jobs_that_did_not_end_well_are_named() {
        let needs = r#"{"test": {"result": "failure", "outputs": {}}, "build": {"result": "skipped"},
            "paths-filter": {"result": "success", "outputs": {"parts": "[]"}}, "scan": {"result": "cancelled"}}"#;
        assert_eq!(failed(needs).unwrap(), ["scan", "test"]);
        assert!(failed("{}").unwrap().is_empty());
        assert!(failed("[").is_err());
    }
}
