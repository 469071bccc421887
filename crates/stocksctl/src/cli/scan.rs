//! `scan`: looks for what is known to be wrong in a release, and attests what was found.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use serde_json::Value;

use super::{Scanner, Signing, Source};
use crate::adapters::trivy::{self, Trivy};
use crate::admission::{check_bill, check_report};
use crate::exceptions::Exceptions;
use crate::progress::{add_to_summary, note};
use crate::release::{Image, Service};
use crate::site::now;

const SEVERITIES: [&str; 5] = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN"];

#[derive(Args)]
pub(super) struct Scan {
    /// The tag of the release in the registry
    tag: String,
    /// Of this service alone
    #[arg(long)]
    service: Option<Service>,
    /// A folder for `<service>.json`, `<service>.sarif` and `<service>-sbom.json`
    #[arg(long)]
    out: Option<PathBuf>,
    /// Attests nothing
    #[arg(long)]
    no_attest: bool,
    /// A file that a summary in Markdown is added to
    #[arg(long, env = "GITHUB_STEP_SUMMARY", hide_env = true)]
    summary: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    scanner: Scanner,
    #[command(flatten)]
    source: Source,
}

impl Scan {
    pub(super) async fn run(self) -> Result<ExitCode> {
        let exceptions = self.source.exceptions()?;
        for ended in exceptions.expired(now().date_naive()) {
            note(&format!(
                "warning: the exception for {} expired on {}",
                ended.id, ended.until
            ));
        }
        let registry = self.source.registry()?;
        let scratch = tempfile::tempdir()?;
        let folder = self.out.as_deref().unwrap_or(scratch.path());
        std::fs::create_dir_all(folder)?;
        let mut failures = Vec::new();
        for service in Service::one_or_all(self.service) {
            let image = registry.image(service, &self.tag).await?;
            let image = image.with_context(|| format!("{service} has no tag {}", self.tag))?;
            let scanned = self.scan(service, &image, folder, &exceptions).await;
            match scanned.with_context(|| format!("{service} is not to be deployed")) {
                Ok(()) => println!("{image}: nothing that blocks"),
                Err(error) => {
                    note(&format!("error: {error:#}"));
                    failures.push(error);
                }
            }
        }
        match failures.pop() {
            None => Ok(ExitCode::SUCCESS),
            Some(error) => Err(error),
        }
    }

    async fn scan(
        &self,
        service: Service,
        image: &Image,
        folder: &Path,
        exceptions: &Exceptions,
    ) -> Result<()> {
        let trivy = self.scanner.trivy(&self.source);
        let bill = self.bill(service, image, folder).await?;

        let began = now();
        let report = trivy.scan_image(image).await?;
        let of_bill = trivy.scan_bill(&bill).await?;
        let version = trivy.version().await?;
        version.check_age(now())?;

        let file = folder.join(format!("{service}.json"));
        std::fs::write(&file, serde_json::to_string_pretty(&report)?)?;
        let of_bill_file = folder.join(format!("{service}-sbom.json"));
        std::fs::write(of_bill_file, serde_json::to_string_pretty(&of_bill)?)?;
        self.write_sarif(&trivy, &file, folder, service).await?;

        let today = now().date_naive();
        let judged = check_report(&report, exceptions, today)
            .context("the scan of the image")
            .and_then(|()| {
                check_report(&of_bill, exceptions, today)
                    .context("the scan of its bill of materials")
            });
        self.summarise(service, &report, &judged)?;
        judged?;
        if !self.no_attest {
            let predicate = trivy::predicate(&report, &version, began, now());
            let signer = self.signing.signer(&self.source);
            signer.attest(image, "vuln", &predicate).await?;
        }
        Ok(())
    }

    /// The bill of materials that is attested of the image, as a file.
    async fn bill(&self, service: Service, image: &Image, folder: &Path) -> Result<PathBuf> {
        let bills = self.source.cosign()?.attested(image, "cyclonedx").await?;
        for bill in &bills {
            check_bill(bill).context("the bill of materials")?;
        }
        let bill = bills
            .last()
            .ok_or_else(|| anyhow!("it has no bill of materials"))?;
        let file = folder.join(format!("{service}.cdx.json"));
        std::fs::write(&file, serde_json::to_string_pretty(bill)?)?;
        Ok(file)
    }

    async fn write_sarif(
        &self,
        trivy: &Trivy,
        report: &Path,
        folder: &Path,
        service: Service,
    ) -> Result<()> {
        if self.out.is_some() {
            let sarif = trivy.sarif(report).await?;
            std::fs::write(folder.join(format!("{service}.sarif")), sarif)?;
        }
        Ok(())
    }

    fn summarise(&self, service: Service, report: &Value, judged: &Result<()>) -> Result<()> {
        let Some(file) = &self.summary else {
            return Ok(());
        };
        let mut text = format!("### Scan of {service} {}\n\n", self.tag);
        match judged {
            Ok(()) => text += "Nothing that blocks.\n\n",
            Err(error) => writeln!(text, "**Blocked**: {error:#}\n")?,
        }
        text += "| severity | findings |\n|---|---|\n";
        for severity in SEVERITIES {
            writeln!(text, "| {severity} | {} |", count(report, severity))?;
        }
        add_to_summary(file, &text)
    }
}

fn count(report: &Value, severity: &str) -> usize {
    let results = report["Results"].as_array().into_iter().flatten();
    let findings = results
        .filter_map(|result| result["Vulnerabilities"].as_array())
        .flatten();
    findings
        .filter(|finding| finding["Severity"] == severity)
        .count()
}
