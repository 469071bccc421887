//! Scans and bills of materials, through the trivy command.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::process::Command;

use super::process;
use crate::release::Image;

/// The first scan downloads the database.
const TIMEOUT: Duration = Duration::from_mins(15);
/// With an older database a scan says little.
pub(crate) const MAX_DATABASE_AGE: TimeDelta = TimeDelta::hours(48);

/// The scanner.
#[derive(Clone, Debug)]
pub(crate) struct Trivy {
    /// Its name on the PATH, or its path.
    pub(crate) program: PathBuf,
    /// Whether images are fetched over plain HTTP.
    pub(crate) is_plain: bool,
    /// Who has the database, `http://trivy:4954`; unset: the program itself.
    pub(crate) server: Option<String>,
}

/// What the scanner is, and what it knows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Version {
    pub(crate) program: String,
    pub(crate) database: DateTime<Utc>,
}

impl Trivy {
    /// The report of an image, with all its packages and with findings of every severity.
    pub(crate) async fn scan_image(&self, image: &Image) -> Result<Value> {
        let image = image.to_string();
        self.report("image", &["--image-src", "remote", &image])
            .await
    }

    /// The report of a bill of materials.
    pub(crate) async fn scan_bill(&self, bill: &Path) -> Result<Value> {
        let bill = bill.to_str().context("the path of the bill of materials")?;
        self.report("sbom", &[bill]).await
    }

    /// The bill of materials of an image, in `CycloneDX`.
    pub(crate) async fn bill(&self, image: &Image) -> Result<Value> {
        let mut command = self.command("image");
        command.args(["--format", "cyclonedx", "--image-src", "remote"]);
        let text = self.run(command.arg(image.to_string())).await?;
        serde_json::from_str(&text).context("the bill of materials is no JSON")
    }

    /// A report in SARIF, for GitHub's code scanning.
    pub(crate) async fn sarif(&self, report: &Path) -> Result<String> {
        let mut command = process::program(&self.program);
        command.args(["convert", "--quiet", "--format", "sarif"]);
        self.run(command.arg(report)).await
    }

    pub(crate) async fn version(&self) -> Result<Version> {
        if let Some(server) = &self.server {
            let url = format!("{}/version", server.trim_end_matches('/'));
            let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
            let answer = client.get(url).send().await;
            let answer = answer.and_then(reqwest::Response::error_for_status);
            let answer = answer.with_context(|| format!("Trivy at {server} does not answer"))?;
            return Version::told(
                &answer
                    .json()
                    .await
                    .context("the version of Trivy's server")?,
            );
        }
        let mut command = process::program(&self.program);
        let text = self
            .run(command.args(["version", "--format", "json"]))
            .await?;
        Version::told(&serde_json::from_str(&text)?)
    }

    async fn report(&self, verb: &str, args: &[&str]) -> Result<Value> {
        let mut command = self.command(verb);
        // Exceptions are judged by their days, which the scanner does not tell.
        command.args([
            "--format",
            "json",
            "--list-all-pkgs",
            "--ignorefile",
            "/dev/null",
        ]);
        let text = self.run(command.args(args)).await?;
        serde_json::from_str(&text).context("the report is no JSON")
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = process::program(&self.program);
        command.args([verb, "--quiet", "--scanners", "vuln"]);
        if let Some(server) = &self.server {
            command.env("TRIVY_SERVER", server);
        }
        if self.is_plain && verb == "image" {
            command.arg("--insecure");
        }
        command
    }

    async fn run(&self, command: &mut Command) -> Result<String> {
        process::run(command, b"", TIMEOUT)
            .await
            .context("without a scan nothing is deployed")
    }
}

impl Version {
    /// As the program prints it, and its server answers.
    pub(crate) fn told(told: &Value) -> Result<Self> {
        let program = told["Version"].as_str().context("trivy has no version")?;
        let updated = told["VulnerabilityDB"]["UpdatedAt"].as_str();
        let updated = updated.context("trivy has no database: trivy image --download-db-only")?;
        Ok(Self {
            program: program.to_owned(),
            database: updated
                .parse()
                .with_context(|| format!("{updated} is no time"))?,
        })
    }

    /// Fails when the database is too old to be of use.
    pub(crate) fn check_age(&self, now: DateTime<Utc>) -> Result<()> {
        let age = now - self.database;
        ensure!(
            age <= MAX_DATABASE_AGE,
            "the scanner's database is of {}, {} h old, and may be {} h old: trivy image --download-db-only",
            self.database.to_rfc3339(),
            age.num_hours(),
            MAX_DATABASE_AGE.num_hours()
        );
        Ok(())
    }
}

/// A report in cosign's predicate for vulnerabilities (cosign, `COSIGN_VULN_ATTESTATION_SPEC.md`).
pub(crate) fn predicate(
    report: &Value,
    version: &Version,
    began: DateTime<Utc>,
    ended: DateTime<Utc>,
) -> Value {
    json!({
        "invocation": {"parameters": null, "uri": "", "event_id": "", "builder.id": ""},
        "scanner": {
            "uri": format!("pkg:github/aquasecurity/trivy@{}", version.program),
            "version": version.program,
            "db": {"uri": "", "version": "", "lastUpdate": version.database.to_rfc3339()},
            "result": report,
        },
        "metadata": {
            "scanStartedOn": began.to_rfc3339(),
            "scanFinishedOn": ended.to_rfc3339(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `trivy version --format json` prints it.
    const TOLD: &str = r#"{"Version":"0.51.4","VulnerabilityDB":{"Version":2,"NextUpdate":"2026-06-01T12:15:17.6Z",
        "UpdatedAt":"2026-06-01T06:15:17.665Z","DownloadedAt":"2026-06-01T08:02:11.1Z"}}"#;

    #[test]
    fn a_database_must_be_there_and_young() {
        let told = serde_json::from_str(TOLD).unwrap();
        let version = Version::told(&told).unwrap();
        assert_eq!(version.program, "0.51.4");
        let last = version.database + MAX_DATABASE_AGE;
        assert!(version.check_age(last).is_ok());
        assert!(version.check_age(last + TimeDelta::seconds(1)).is_err());
        assert!(Version::told(&json!({"Version": "0.51.4"})).is_err());
        let odd = json!({"Version": "0.51.4", "VulnerabilityDB": {"UpdatedAt": "yesterday"}});
        assert!(Version::told(&odd).is_err());
    }
}
