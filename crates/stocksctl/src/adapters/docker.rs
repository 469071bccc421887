//! The engine, through the docker command: it knows contexts, so that an environment may be on another host.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::compose::tasks_before;
use super::process::{self, Ended};
pub(crate) use super::seen::Seen;
use crate::environment::Environment;
use crate::plan::{BrokenPart, Condition, Launch, Part};
use crate::release::Image;

/// No command of the engine takes longer, a pull of an image over a slow line among them.
const TIMEOUT: Duration = Duration::from_mins(10);
/// A one-shot container of an environment takes no longer. One of them waits for secrets.
const TASK_TIMEOUT: Duration = Duration::from_mins(4);
/// Lines of a container's log that are shown, and characters of each.
const SHOWN_LINES: &str = "10";
const SHOWN_CHARACTERS: usize = 400;
const POSTGRES_IMAGE: &str = "POSTGRES_IMAGE";
const DEFAULT_POSTGRES_IMAGE: &str = "postgres:15-alpine";

/// The docker command, run in the project's folder.
#[derive(Clone, Debug)]
pub(crate) struct Docker {
    /// Where the compose files are.
    pub(crate) folder: PathBuf,
    /// `docker context`, when it is not the one in use.
    pub(crate) context: Option<String>,
    /// The image that runs small scripts on the engine: it has a shell, and is that of every environment's database.
    pub(crate) helper_image: String,
}

impl Docker {
    /// The command as a person types it.
    pub(crate) fn typed(&self) -> String {
        let context = self.context.as_ref();
        context.map_or_else(
            || "docker".to_owned(),
            |context| format!("docker --context {context}"),
        )
    }

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
        let run = [&run[..], options, &[&self.helper_image], command].concat();
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
            let described = found.iter().filter_map(|it| Seen::read(it, environment));
            let mut seen: Vec<_> = described.collect();
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

    /// Starts what the services need, each when the one before it is healthy.
    pub(crate) async fn prepare(&self, environment: Environment, parts: &[Part]) -> Result<()> {
        for part in parts {
            self.start(environment, *part).await?;
        }
        Ok(())
    }

    /// Repairs a part. Its container is replaced, as the reason may be in its mounts or its networks; one that is paused goes
    /// on, so that nothing it works on is lost.
    pub(crate) async fn repair(&self, environment: Environment, broken: &BrokenPart) -> Result<()> {
        match broken.condition {
            Condition::Paused => self.resume(&[&broken.name]).await,
            Condition::Healthy | Condition::Starting => Ok(()),
            _ => {
                // `up --force-recreate` would leave the container's volumes without a name behind.
                self.dismantle(environment, &[broken.part]).await?;
                self.start(environment, broken.part).await
            }
        }
    }

    /// Starts a part, after the one-shot containers that it needs, and waits until it is healthy. The services, which it may
    /// depend on as well, are left alone.
    async fn start(&self, environment: Environment, part: Part) -> Result<()> {
        let config = self.config(environment).await?;
        for task in tasks_before(&config, part.name()) {
            self.run_task(environment, &task).await?;
        }
        let up = [
            "up",
            "--detach",
            "--wait",
            "--no-deps",
            "--no-recreate",
            part.name(),
        ];
        self.compose(environment, &up, &[]).await.map(drop)
    }

    /// Runs a one-shot container to its end, which must be a good one.
    async fn run_task(&self, environment: Environment, task: &str) -> Result<()> {
        let up = ["up", "--detach", "--no-deps", task];
        self.compose(environment, &up, &[]).await?;
        let list = ["ps", "--all", "--quiet", task];
        let id = self.compose(environment, &list, &[]).await?;
        let id = id.trim();
        let ended = tokio::time::timeout(TASK_TIMEOUT, self.run(&["wait", id], &[])).await;
        let failure = match ended {
            Ok(code) => match code?.trim() {
                "0" => return Ok(()),
                code => format!("has failed with exit code {code}"),
            },
            Err(_) => format!("has not ended within {TASK_TIMEOUT:?}"),
        };
        bail!("{task} {failure}{}", self.last_lines(id).await)
    }

    /// Lets paused containers go on.
    pub(crate) async fn resume(&self, ids: &[&str]) -> Result<()> {
        self.run(&[&["unpause"], ids].concat(), &[]).await.map(drop)
    }

    /// Takes parts away; their named volumes stay.
    pub(crate) async fn dismantle(&self, environment: Environment, parts: &[Part]) -> Result<()> {
        let names = parts.iter().map(|part| part.name());
        let remove: Vec<_> = ["rm", "--force", "--stop", "--volumes"]
            .into_iter()
            .chain(names)
            .collect();
        self.compose(environment, &remove, &[]).await.map(drop)
    }

    /// The environment as Compose understands it.
    async fn config(&self, environment: Environment) -> Result<Value> {
        let config = ["config", "--format", "json"];
        let config = self.compose(environment, &config, &[]).await?;
        Ok(serde_json::from_str(&config)?)
    }

    /// The ports of the host that a part of an environment is published at.
    pub(crate) async fn published_ports(
        &self,
        environment: Environment,
        part: Part,
    ) -> Result<Vec<String>> {
        let config = self.config(environment).await?;
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
        let run = [
            "run",
            "--rm",
            &publish,
            "--entrypoint=true",
            &self.helper_image,
        ];
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

    /// The last lines of a container's log, as the end of a message.
    pub(crate) async fn last_lines(&self, id: &str) -> String {
        let logs = self.attempt(&["logs", "--tail", SHOWN_LINES, id]).await;
        let lines = match logs {
            Ok(ended) if ended.is_success() => quote_lines(&(ended.stdout + &ended.stderr)),
            Ok(ended) => return format!("; its log cannot be read: {}", ended.complaint()),
            Err(error) => return format!("; its log cannot be read: {error:#}"),
        };
        if lines.is_empty() {
            return "; its log is empty".to_owned();
        }
        format!("\nthe last lines of its log:{lines}")
    }

    /// Lets containers finish, within the time that they were given, and removes them.
    pub(crate) async fn drain(&self, ids: &[&str]) -> Result<()> {
        self.run(&[&["stop"], ids].concat(), &[]).await?;
        self.remove(ids).await
    }

    /// Removes containers, as they are, with the volumes that have no name.
    pub(crate) async fn remove(&self, ids: &[&str]) -> Result<()> {
        let remove = [&["rm", "--force", "--volumes"], ids].concat();
        self.run(&remove, &[]).await.map(drop)
    }
}

/// The image of the environments' databases, as Compose takes it: from the shell, then from the folder's `.env`.
pub(crate) fn helper_image(given: Option<&String>, folder: &Path) -> String {
    let given = given.filter(|given| !given.is_empty()).cloned();
    let kept = || {
        let text = std::fs::read_to_string(folder.join(".env")).ok()?;
        variable_in(&text, POSTGRES_IMAGE)
    };
    given
        .or_else(kept)
        .unwrap_or_else(|| DEFAULT_POSTGRES_IMAGE.to_owned())
}

/// The value of a variable in a file of `NAME=value` lines; none when it is empty.
fn variable_in(text: &str, name: &str) -> Option<String> {
    let value = |line: &str| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (found, value) = line.split_once('=')?;
        (found.trim_end() == name).then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    };
    let last = text.lines().filter_map(value).next_back()?;
    (!last.is_empty()).then_some(last)
}

/// Each line on a line of its own, none longer than is shown.
fn quote_lines(text: &str) -> String {
    let shown = |line: &str| line.chars().take(SHOWN_CHARACTERS).collect::<String>();
    let lines = text.lines().map(|line| format!("\n    {}", shown(line)));
    lines.collect()
}

#[cfg(test)]
#[path = "docker_tests.rs"]
mod tests;
