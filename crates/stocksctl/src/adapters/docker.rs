//! The engine, through the docker command: it knows contexts, so that an environment may be on another host.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::environment::Environment;
use crate::plan::Container;
use crate::release::{Image, Service};

/// No command of the engine takes longer, a pull of an image over a slow line among them.
const TIMEOUT: Duration = Duration::from_mins(10);
/// Of a failed command's words.
const SHOWN_BYTES: usize = 2_000;
/// What runs small scripts on the engine: it has a shell, and is part of every environment.
pub(super) const HELPER_IMAGE: &str = "postgres:15-alpine";
const LABEL: &str = "stocks.release";

/// The docker command, run in the project's folder.
#[derive(Clone, Debug)]
pub(crate) struct Docker {
    /// Where the compose files are.
    pub(crate) folder: PathBuf,
    /// `docker context`, when it is not the one in use.
    pub(crate) context: Option<String>,
}

impl Docker {
    /// The command, with nothing else yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("docker");
        if let Some(context) = &self.context {
            command.args(["--context", context]);
        }
        command
            .args(args)
            .current_dir(&self.folder)
            .kill_on_drop(true);
        command
    }

    /// Runs a command that must succeed; yields its output.
    pub(crate) async fn run(
        &self,
        args: &[&str],
        env: &[(String, String)],
        stdin: &[u8],
    ) -> Result<String> {
        let (code, stdout, stderr) = self.attempt(args, env, stdin).await?;
        if code != Some(0) {
            let said = stderr.trim();
            let said = &said[said.floor_char_boundary(said.len().saturating_sub(SHOWN_BYTES))..];
            bail!("docker {}: {said}", args.first().unwrap_or(&""));
        }
        Ok(stdout)
    }

    /// Runs a command; yields its exit code and what it wrote.
    pub(crate) async fn attempt(
        &self,
        args: &[&str],
        env: &[(String, String)],
        stdin: &[u8],
    ) -> Result<(Option<i32>, String, String)> {
        let mut child = self
            .command(args)
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("docker does not start: is it installed?")?;
        let mut input = child.stdin.take().context("it was asked for")?;
        let given = stdin.to_vec();
        let feeding = tokio::spawn(async move { drop(input.write_all(&given).await) });
        let ended = tokio::time::timeout(TIMEOUT, child.wait_with_output()).await;
        let output =
            ended.with_context(|| format!("docker has not ended within {TIMEOUT:?}"))??;
        feeding.abort();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        ))
    }

    /// Every container of the services of an environment, whatever its state.
    pub(crate) async fn containers(&self, environment: Environment) -> Result<Vec<Container>> {
        let mut containers = Vec::new();
        for service in Service::ALL {
            let project = format!("label=com.docker.compose.project={}", environment.project());
            let of_service = format!("label=com.docker.compose.service={service}");
            let format = format!("{{{{.ID}}}}\t{{{{.Names}}}}\t{{{{.Label \"{LABEL}\"}}}}");
            let list = [
                "ps",
                "--all",
                "--no-trunc",
                "--filter",
                &project,
                "--filter",
                &of_service,
                "--format",
                &format,
            ];
            for line in self.run(&list, &[], b"").await?.lines() {
                let mut parts = line.split('\t');
                let mut part = || parts.next().unwrap_or_default().to_owned();
                containers.push(Container {
                    id: part(),
                    name: part(),
                    service,
                    release: part(),
                });
            }
        }
        Ok(containers)
    }

    /// Brings an image here, by its digest.
    pub(crate) async fn pull(&self, image: &Image) -> Result<()> {
        self.run(&["pull", "--quiet", &image.to_string()], &[], b"")
            .await
            .map(drop)
    }

    /// Starts containers of a service beside those that are there.
    pub(crate) async fn start_beside(
        &self,
        environment: Environment,
        service: Service,
        image: &Image,
        replicas: usize,
    ) -> Result<()> {
        let existing = self.containers(environment).await?;
        let existing = existing
            .iter()
            .filter(|container| container.service == service)
            .count();
        let scale = format!("{service}={}", existing + replicas);
        let file = environment.compose_file();
        let up = [
            "compose",
            "--file",
            &file,
            "up",
            "--detach",
            "--no-deps",
            "--no-recreate",
            "--scale",
            &scale,
            service.name(),
        ];
        let variable = service.variable();
        let env = [
            (format!("{variable}_IMAGE"), image.to_string()),
            (
                format!("{variable}_RELEASE"),
                image.digest.short().to_owned(),
            ),
        ];
        self.run(&up, &env, b"").await.map(drop)
    }

    /// What a container is like: its state, and its health where it has a check.
    pub(crate) async fn health(&self, id: &str) -> Result<(String, String)> {
        let container = self.inspect(id).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok((
            text(&container["State"]["Status"]),
            text(&container["State"]["Health"]["Status"]),
        ))
    }

    /// The address of a container on a network.
    pub(crate) async fn address(&self, id: &str, network: &str) -> Result<String> {
        let container = self.inspect(id).await?;
        let address = container["NetworkSettings"]["Networks"][network]["IPAddress"].as_str();
        let address = address.filter(|address| !address.is_empty());
        Ok(address
            .with_context(|| format!("{id} is not on {network}"))?
            .to_owned())
    }

    async fn inspect(&self, id: &str) -> Result<Value> {
        let mut found: Vec<Value> =
            serde_json::from_str(&self.run(&["inspect", id], &[], b"").await?)?;
        ensure!(found.len() == 1, "{} things are named {id}", found.len());
        Ok(found.remove(0))
    }

    /// The last lines of a container's log.
    pub(crate) async fn log(&self, id: &str) -> String {
        let logs = self.attempt(&["logs", "--tail", "5", id], &[], b"").await;
        logs.map(|(_, stdout, stderr)| stdout + &stderr)
            .unwrap_or_default()
    }

    /// Lets a container finish, within the time that it was given, and removes it.
    pub(crate) async fn drain(&self, id: &str) -> Result<()> {
        self.run(&["stop", id], &[], b"").await?;
        self.remove(id).await
    }

    /// Removes a container, as it is.
    pub(crate) async fn remove(&self, id: &str) -> Result<()> {
        self.run(&["rm", "--force", id], &[], b"").await.map(drop)
    }
}
