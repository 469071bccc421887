//! The platform's containers: what `docker-compose.infra.yml` says of them, and what the engine does.

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::docker::Docker;
use super::trivy::Version;

const FILE: &str = "docker-compose.infra.yml";
/// The services that only GitHub's jobs need.
const RUNNERS: [&str; 5] = [
    "github-runner",
    "runner-registrar",
    "pr-runner",
    "pr-runner-registrar",
    "buildkit",
];
/// Names the services of every profile. Compose reads `COMPOSE_PROFILES` for those to start.
const ALL_PROFILES: [&str; 2] = ["--profile", "*"];
/// The search of `SonarQube` maps that many files.
const MIN_MAPS: u64 = 262_144;

/// The platform, on one engine.
#[derive(Clone, Debug)]
pub(crate) struct Platform {
    docker: Docker,
}

/// A container of it (`docker compose ps --format json`).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Container {
    pub(crate) service: String,
    /// `running`, `exited`, `restarting`…
    pub(crate) state: String,
    /// Empty without a check.
    #[serde(default)]
    pub(crate) health: String,
    #[serde(default)]
    pub(crate) exit_code: i64,
}

impl Container {
    /// It does its work, or has done it.
    pub(crate) fn is_well(&self) -> bool {
        match self.state.as_str() {
            "running" => matches!(self.health.as_str(), "" | "healthy"),
            "exited" => self.exit_code == 0,
            _ => false,
        }
    }

    /// `running, starting`.
    pub(crate) fn condition(&self) -> String {
        match (self.health.as_str(), self.exit_code) {
            ("", 0) => self.state.clone(),
            ("", code) => format!("{} with {code}", self.state),
            (health, _) => format!("{}, {health}", self.state),
        }
    }
}

impl Platform {
    pub(crate) fn new(docker: Docker) -> Self {
        Self { docker }
    }

    /// All services of it; without the runner while nothing says whose jobs it takes.
    pub(crate) async fn services(&self) -> Result<Vec<String>> {
        let config = self.compose(&["config", "--format", "json"]).await?;
        let config: Value = serde_json::from_str(&config)?;
        let services = config["services"].as_object();
        let services = services.with_context(|| format!("{FILE} has no services"))?;
        let owner = services["github-runner"]["environment"]["GITHUB_ORG"].as_str();
        let has_owner = owner.is_some_and(|owner| !owner.is_empty());
        let names = services
            .keys()
            .filter(|name| has_owner || !RUNNERS.contains(&name.as_str()));
        Ok(names.cloned().collect())
    }

    /// Starts services; yields before they are well.
    pub(crate) async fn start(&self, services: &[String]) -> Result<()> {
        let socket = ["--volume=/var/run/docker.sock:/socket:ro"];
        let group = ["stat", "-c", "%g", "/socket"];
        let group = self.docker.ask_host(&socket, &group).await?;
        let mut env = vec![("DOCKER_GID".to_owned(), group)];
        env.extend(without_orphans());
        let up = ["compose", "--file", FILE, "up", "--detach"].into_iter();
        let up: Vec<_> = up.chain(services.iter().map(String::as_str)).collect();
        self.docker.watch(&up, &env).await
    }

    /// Takes the containers away; the volumes that have a name stay. `down` would leave the others behind, or take all.
    pub(crate) async fn stop(&self) -> Result<()> {
        for verb in [&["rm", "--stop", "--force", "--volumes"][..], &["down"]] {
            let args = [&["compose", "--file", FILE][..], &ALL_PROFILES, verb].concat();
            self.docker.watch(&args, &without_orphans()).await?;
        }
        Ok(())
    }

    /// Every container of it, whatever its state.
    pub(crate) async fn look(&self) -> Result<Vec<Container>> {
        let all = ["ps", "--all", "--orphans=false", "--format", "json"];
        let told = self.compose(&[&ALL_PROFILES[..], &all].concat()).await?;
        let containers = told.lines().map(serde_json::from_str);
        containers
            .collect::<Result<_, _>>()
            .context("docker compose ps")
    }

    /// What the Trivy that is kept alive says of itself.
    pub(crate) async fn trivy_version(&self) -> Result<Version> {
        let url = "http://127.0.0.1:4954/version";
        let told = ["exec", "trivy", "wget", "-q", "-O", "-", url];
        let told = self.docker.run(&told, &[]).await?;
        Version::told(&serde_json::from_str(&told)?)
    }

    /// Whether the host lets `SonarQube` search.
    pub(crate) async fn check_maps(&self) -> Result<String> {
        let sysctl = "/proc/sys/vm/max_map_count";
        let told = self.docker.ask_host(&[], &["cat", sysctl]).await?;
        let maps: u64 = told.parse().with_context(|| sysctl.to_owned())?;
        ensure!(
            maps >= MIN_MAPS,
            "vm.max_map_count is {maps}, and {MIN_MAPS} is the least"
        );
        Ok(maps.to_string())
    }

    async fn compose(&self, args: &[&str]) -> Result<String> {
        let args = [&["compose", "--file", FILE][..], args].concat();
        self.docker.run(&args, &[]).await
    }
}

/// Vault is of the same project, and of another file.
fn without_orphans() -> [(String, String); 1] {
    [("COMPOSE_IGNORE_ORPHANS".to_owned(), "true".to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `docker compose ps --format json` prints a line, without what is not read.
    fn container(told: &str) -> Container {
        serde_json::from_str(told).unwrap()
    }

    #[test]
    fn what_has_no_check_is_well_when_it_runs_and_what_has_one_when_it_says_so() {
        for (told, is_well, condition) in [
            (
                r#"{"Service":"harbor","State":"running","Health":"healthy","ExitCode":0}"#,
                true,
                "running, healthy",
            ),
            (
                r#"{"Service":"harbor","State":"running","Health":"starting","ExitCode":0}"#,
                false,
                "running, starting",
            ),
            (
                r#"{"Service":"harbor","State":"running","Health":"unhealthy","ExitCode":0}"#,
                false,
                "running, unhealthy",
            ),
            (
                r#"{"Service":"github-runner","State":"running","Health":"","ExitCode":0}"#,
                true,
                "running",
            ),
            (
                r#"{"Service":"folders","State":"exited","Health":"","ExitCode":0}"#,
                true,
                "exited",
            ),
            (
                r#"{"Service":"folders","State":"exited","Health":"","ExitCode":1}"#,
                false,
                "exited with 1",
            ),
            (
                r#"{"Service":"trivy","State":"restarting","Health":"","ExitCode":1}"#,
                false,
                "restarting with 1",
            ),
        ] {
            let container = container(told);
            assert_eq!(container.is_well(), is_well, "{told}");
            assert_eq!(container.condition(), condition);
        }
    }
}
