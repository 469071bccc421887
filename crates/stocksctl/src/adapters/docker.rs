//! The engine, through the docker command: it knows contexts, so that an environment may be on another host.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::process::{self, Ended};
use crate::environment::Environment;
use crate::plan::{Launch, Part};
use crate::release::{Image, Service};

/// No command of the engine takes longer, a pull of an image over a slow line among them.
const TIMEOUT: Duration = Duration::from_mins(10);
/// What runs small scripts on the engine: it has a shell, and is part of every environment.
pub(super) const HELPER_IMAGE: &str = "postgres:15-alpine";
const RELEASE_LABEL: &str = "stocks.release";
const SERVICE_LABEL: &str = "com.docker.compose.service";

/// The docker command, run in the project's folder.
#[derive(Clone, Debug)]
pub(crate) struct Docker {
    /// Where the compose files are.
    pub(crate) folder: PathBuf,
    /// `docker context`, when it is not the one in use.
    pub(crate) context: Option<String>,
}

/// A container of an environment, as the engine describes it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Of which part or service of the Compose project.
    pub(crate) of: String,
    /// The short digest of the release that it was started for.
    pub(crate) release: String,
    /// `running`, `exited`, `paused`…
    pub(crate) state: String,
    /// `healthy`, `unhealthy`, `starting`; empty without a check.
    pub(crate) health: String,
    /// On the environment's network; empty while it is not running.
    pub(crate) address: String,
}

impl Docker {
    /// The command, with nothing else yet.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = process::program("docker");
        if let Some(context) = &self.context {
            command.args(["--context", context]);
        }
        command.args(args).current_dir(&self.folder);
        command
    }

    /// Starts a command that is spoken with; it ends with the first of what is returned.
    pub(super) fn converse(&self, args: &[&str]) -> Result<(Child, ChildStdin, ChildStdout)> {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("docker does not start")?;
        let input = child.stdin.take().context("it was asked for")?;
        let output = child.stdout.take().context("it was asked for")?;
        Ok((child, input, output))
    }

    /// Runs a command that must succeed; yields its output.
    pub(crate) async fn run(&self, args: &[&str], env: &[(String, String)]) -> Result<String> {
        let mut command = self.command(args);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        let ended = process::attempt(&mut command, b"", TIMEOUT).await?;
        if !ended.is_success() {
            bail!(
                "docker {}: {}",
                args.first().unwrap_or(&""),
                ended.complaint()
            );
        }
        Ok(ended.stdout)
    }

    /// Runs a command, whatever its exit code.
    pub(crate) async fn attempt(&self, args: &[&str]) -> Result<Ended> {
        process::attempt(&mut self.command(args), b"", TIMEOUT).await
    }

    /// Runs a command that must succeed and may take long: what it says is passed on.
    pub(crate) async fn watch(&self, args: &[&str], env: &[(String, String)]) -> Result<()> {
        let mut command = self.command(args);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        let watched = process::watch(&mut command, None).await?;
        let verb = args.first().unwrap_or(&"");
        ensure!(watched.is_success, "docker {verb} has failed");
        Ok(())
    }

    /// What a small command prints that runs beside the engine, in a container with these options.
    pub(crate) async fn ask_host(&self, options: &[&str], command: &[&str]) -> Result<String> {
        let run = ["run", "--rm", "--network=none", "--entrypoint="];
        let run = [&run[..], options, &[HELPER_IMAGE], command].concat();
        Ok(self.run(&run, &[]).await?.trim().to_owned())
    }

    /// `docker compose` on an environment.
    pub(crate) async fn compose(
        &self,
        environment: Environment,
        args: &[&str],
        env: &[(String, String)],
    ) -> Result<String> {
        let file = environment.compose_file();
        let compose = ["compose", "--file", &file];
        self.run(&[&compose[..], args].concat(), env).await
    }

    /// Every container of an environment, whatever its state.
    pub(crate) async fn look(&self, environment: Environment) -> Result<Vec<Seen>> {
        let project = format!("label=com.docker.compose.project={}", environment.project());
        let list = ["ps", "--all", "--no-trunc", "--quiet", "--filter", &project];
        loop {
            let ids = self.run(&list, &[]).await?;
            let ids: Vec<&str> = ids.split_whitespace().collect();
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            let found = self.attempt(&[&["inspect"], &ids[..]].concat()).await?;
            // One of them was removed in between.
            if !found.is_success() && found.stderr.contains("No such object") {
                continue;
            }
            if !found.is_success() {
                bail!("docker inspect: {}", found.complaint());
            }
            let found: Vec<Value> = serde_json::from_str(&found.stdout)?;
            let mut seen: Vec<_> = found.iter().map(|it| describe(it, environment)).collect();
            seen.sort_by(|one, other| one.name.cmp(&other.name));
            return Ok(seen);
        }
    }

    /// Brings an image here, by its digest.
    pub(crate) async fn pull(&self, image: &Image) -> Result<()> {
        let ended = self
            .attempt(&["pull", "--quiet", &image.to_string()])
            .await?;
        if ended.is_success() {
            return Ok(());
        }
        if ended.stderr.contains("no space left on device") {
            bail!(
                "the engine's disk is full: make room there (`docker system df`, `docker image prune`), and call again. {}",
                ended.reason()
            );
        }
        bail!("docker pull: {}", ended.complaint())
    }

    /// Starts containers of services beside those that are there.
    pub(crate) async fn start_beside(
        &self,
        environment: Environment,
        launches: &[Launch],
    ) -> Result<()> {
        let existing = self.look(environment).await?;
        let mut args: Vec<String> = ["up", "--detach", "--no-deps", "--no-recreate"]
            .map(str::to_owned)
            .into();
        let mut env = Vec::new();
        for Launch {
            service,
            image,
            count,
        } in launches
        {
            let there = existing.iter().filter(|seen| seen.of == service.name());
            let scale = there.count() + count;
            args.extend(["--scale".to_owned(), format!("{service}={scale}")]);
            let variable = service.variable();
            env.push((format!("{variable}_IMAGE"), image.to_string()));
            let release = image.digest.short().to_owned();
            env.push((format!("{variable}_RELEASE"), release));
        }
        args.extend(launches.iter().map(|launch| launch.service.to_string()));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.compose(environment, &args, &env).await.map(drop)
    }

    /// Starts what the services need, each when the one before it is well.
    pub(crate) async fn prepare(&self, environment: Environment, parts: &[Part]) -> Result<()> {
        for part in parts {
            let up = [
                "up",
                "--detach",
                "--wait",
                "--no-deps",
                "--no-recreate",
                part.name(),
            ];
            self.compose(environment, &up, &[]).await?;
        }
        Ok(())
    }

    /// Takes parts away; their volumes stay.
    pub(crate) async fn dismantle(&self, environment: Environment, parts: &[Part]) -> Result<()> {
        let names = parts.iter().map(|part| part.name());
        let remove: Vec<_> = ["rm", "--force", "--stop"]
            .into_iter()
            .chain(names)
            .collect();
        self.compose(environment, &remove, &[]).await.map(drop)
    }

    /// The ports of the host that a part of an environment is published at.
    pub(crate) async fn published_ports(
        &self,
        environment: Environment,
        part: Part,
    ) -> Result<Vec<String>> {
        let config = ["config", "--format", "json"];
        let config: Value = serde_json::from_str(&self.compose(environment, &config, &[]).await?)?;
        let ports = config["services"][part.name()]["ports"].as_array();
        let published = ports.into_iter().flatten().map(|port| {
            let address = port["host_ip"].as_str().unwrap_or("0.0.0.0");
            Some(format!("{address}:{}", port["published"].as_str()?))
        });
        published
            .collect::<Option<_>>()
            .with_context(|| format!("the ports of {part} cannot be read"))
    }

    /// Whether the engine can publish something at this address and port of its host.
    pub(crate) async fn is_free(&self, port: &str) -> Result<bool> {
        let publish = format!("--publish={port}:1");
        let run = ["run", "--rm", &publish, "--entrypoint=true", HELPER_IMAGE];
        let ended = self.attempt(&run).await?;
        if ended.is_success() {
            return Ok(true);
        }
        let is_taken = ["already allocated", "address already in use"];
        if is_taken.iter().any(|words| ended.stderr.contains(words)) {
            return Ok(false);
        }
        bail!("port {port} cannot be tried: {}", ended.complaint())
    }

    /// The last lines of a container's log.
    pub(crate) async fn log(&self, id: &str) -> String {
        let logs = self.attempt(&["logs", "--tail", "5", id]).await;
        logs.map(|ended| ended.stdout + &ended.stderr)
            .unwrap_or_default()
    }

    /// Lets containers finish, within the time that they were given, and removes them.
    pub(crate) async fn drain(&self, ids: &[&str]) -> Result<()> {
        self.run(&[&["stop"], ids].concat(), &[]).await?;
        self.remove(ids).await
    }

    /// Removes containers, as they are.
    pub(crate) async fn remove(&self, ids: &[&str]) -> Result<()> {
        let remove = [&["rm", "--force"], ids].concat();
        self.run(&remove, &[]).await.map(drop)
    }
}

impl Seen {
    /// The service that it is a container of, if it is one's.
    pub(crate) fn service(&self) -> Option<Service> {
        Service::ALL
            .into_iter()
            .find(|service| service.name() == self.of)
    }

    /// Whether it is the container of this part.
    pub(crate) fn is(&self, part: Part) -> bool {
        self.of == part.name()
    }
}

fn describe(container: &Value, environment: Environment) -> Seen {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let labels = &container["Config"]["Labels"];
    let network = &container["NetworkSettings"]["Networks"][environment.network()];
    Seen {
        id: text(&container["Id"]),
        name: text(&container["Name"]).trim_start_matches('/').to_owned(),
        of: text(&labels[SERVICE_LABEL]),
        release: text(&labels[RELEASE_LABEL]),
        state: text(&container["State"]["Status"]),
        health: text(&container["State"]["Health"]["Status"]),
        address: text(&network["IPAddress"]),
    }
}
