//! `doctor`: whether this machine has what releases need, and how to mend what it lacks.
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use super::findings::Findings;
use super::{Engine, Scanner, Source};
use crate::adapters::docker::Docker;
use crate::adapters::process;
use crate::adapters::vault;
use crate::environment::Environment;
use crate::plan::Part;
use crate::site::now;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Tokens and certificates are refused by clocks that differ more.
const MAX_CLOCK_SKEW_SECONDS: i64 = 30;
const MIN_FREE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

#[derive(Args)]
pub(super) struct Doctor {
    /// Vault
    #[arg(long, env = "VAULT_ADDR", default_value = "http://127.0.0.1:8200")]
    vault: String,
    /// For machines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    scanner: Scanner,
    #[command(flatten)]
    source: Source,
}

impl Doctor {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        let docker = engine.docker();
        let mut findings = Findings::default();
        findings.add(
            "Docker engine",
            docker
                .run(&["version", "--format", "{{.Server.Version}}"], &[])
                .await,
            "install it (docs.docker.com/engine/install), start it, and let this user use it",
        );
        findings.add(
            "Compose",
            docker.run(&["compose", "version", "--short"], &[]).await,
            "install docker-compose-plugin",
        );
        findings.add(
            "Buildx",
            docker.run(&["buildx", "version"], &[]).await,
            "install docker-buildx-plugin; needed to build alone",
        );
        findings.add(
            "cosign",
            tool("cosign", &["version"]).await,
            "docs.sigstore.dev/cosign/system_config/installation: nothing is admitted without it",
        );
        findings.add(
            "Trivy",
            self.trivy().await,
            "trivy.dev/latest/getting-started/installation; needed to scan alone",
        );
        findings.add(
            "registry",
            self.registry().await,
            "set HARBOR_REGISTRY; docker login; on plain HTTP HARBOR_PLAIN_HTTP=true",
        );
        findings.add(
            "Vault",
            vault::check(&self.vault).await.map(|()| "open".to_owned()),
            "vault/dev.sh up on a laptop; docs/operations.md, \"Vault\"",
        );
        findings.add(
            "clock",
            clock(&docker).await,
            "let both keep time by NTP: timedatectl set-ntp true",
        );
        findings.add(
            "disk",
            disk(engine).await,
            "docker system df, docker image prune, docker builder prune",
        );
        for environment in Environment::ALL {
            findings.add(
                &format!("ports of {environment}"),
                ports(engine, environment).await,
                "stop what listens there (ss -ltnp), or change environments/<env>.env",
            );
        }
        Ok(findings.tell(self.json))
    }

    async fn trivy(&self) -> Result<String> {
        let version = self.scanner.trivy(&self.source).version().await?;
        version.check_age(now())?;
        Ok(version.program)
    }

    async fn registry(&self) -> Result<String> {
        self.source.registry()?.ping().await?;
        Ok(self.source.registry.clone())
    }
}

async fn tool(name: &str, args: &[&str]) -> Result<String> {
    let mut command = process::program(name);
    let told = process::run(command.args(args), b"", TIMEOUT).await?;
    let version = told.lines().find(|line| line.contains("GitVersion"));
    Ok(version.map_or(told.clone(), |line| line.trim().to_owned()))
}

/// The engine's clock against this one's.
async fn clock(docker: &Docker) -> Result<String> {
    let there = docker
        .run(&["info", "--format", "{{.SystemTime}}"], &[])
        .await?;
    let there = there.trim();
    let there: chrono::DateTime<chrono::Utc> = there
        .parse()
        .with_context(|| format!("the engine says it is {there}"))?;
    let skew = (now() - there).num_seconds().abs();
    ensure!(
        skew <= MAX_CLOCK_SKEW_SECONDS,
        "the engine's clock and this one's differ by {skew} s"
    );
    Ok(format!("{skew} s apart"))
}

async fn disk(engine: &Engine) -> Result<String> {
    let free = engine.site(Environment::Dev).state.free_bytes().await?;
    let free_gibibytes = free / (1024 * 1024 * 1024);
    ensure!(
        free >= MIN_FREE_BYTES,
        "{} MiB left where the engine keeps its images",
        free / (1024 * 1024)
    );
    Ok(format!("{free_gibibytes} GiB left"))
}

/// Free, or the environment's own.
async fn ports(engine: &Engine, environment: Environment) -> Result<String> {
    let site = engine.site(environment);
    let seen = site.docker.look(environment).await?;
    let mut told = Vec::new();
    for part in [Part::Proxy, Part::Database] {
        let is_there = seen
            .iter()
            .any(|seen| seen.is(part) && seen.condition.holds_ports());
        for port in site.docker.published_ports(environment, part).await? {
            ensure!(
                is_there || site.docker.is_free(&port).await?,
                "{port} is taken, and {part} of {environment} is published there"
            );
            told.push(port);
        }
    }
    Ok(told.join(", "))
}
