//! A program that the bench runs, behind a guard, with an environment of its own and its output in a file.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Read as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::session::Surroundings;

/// Longer than any run: a program that hangs does not outlive it.
const LIMIT: Duration = Duration::from_hours(2);
const START_DEADLINE: Duration = Duration::from_mins(1);
/// More than the guard gives to the program.
const STOP_DEADLINE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(5);
/// Of a log, in a message.
const LAST_LINES: usize = 15;

/// A program to be run.
pub(crate) struct Program {
    name: String,
    command: Command,
    log: PathBuf,
}

impl Program {
    /// `name` is for messages and for the log file.
    pub(crate) fn new(surroundings: &Surroundings, name: &str, program: &Path) -> Result<Self> {
        Self::limited(surroundings, name, program, LIMIT)
    }

    /// A program that is ended when it runs for longer than `limit`.
    pub(crate) fn limited(
        surroundings: &Surroundings,
        name: &str,
        program: &Path,
        limit: Duration,
    ) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("guard")
            .arg("--bench")
            .arg(std::process::id().to_string())
            .arg("--limit-seconds")
            .arg(limit.as_secs().to_string())
            .arg("--")
            .arg(program)
            .env_clear()
            .env("PATH", &surroundings.path)
            .env("HOME", &surroundings.home)
            .stdin(Stdio::null())
            .current_dir(surroundings.folder.path());
        Ok(Self {
            name: name.to_owned(),
            command,
            log: surroundings.folder.path().join(format!("{name}.log")),
        })
    }

    pub(crate) fn arguments<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, more: I) -> Self {
        self.command.args(more);
        self
    }

    pub(crate) fn environment(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts a program that goes on until it is dropped.
    pub(crate) fn start(mut self) -> Result<Process> {
        let log = self.open_log()?;
        self.command.stdout(log.try_clone()?).stderr(log);
        self.spawn()
    }

    /// Starts a program that is talked to by its input and output.
    pub(crate) fn converse(mut self) -> Result<(Process, ChildStdin, ChildStdout)> {
        let log = self.open_log()?;
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut process = self.spawn()?;
        let input = process.guard.stdin.take().context("its input is a pipe")?;
        let output = process
            .guard
            .stdout
            .take()
            .context("its output is a pipe")?;
        Ok((process, input, output))
    }

    /// Runs a program to its end, and yields what it printed.
    pub(crate) fn output(mut self) -> Result<String> {
        let log = self.open_log()?;
        self.command.stdout(Stdio::piped()).stderr(log);
        let mut process = self.spawn()?;
        let mut printed = String::new();
        if let Some(mut output) = process.guard.stdout.take() {
            output.read_to_string(&mut printed)?;
        }
        let status = process.guard.wait()?;
        ensure!(
            status.success(),
            "{}: {status}\n{printed}{}",
            process.name,
            process.log()
        );
        Ok(printed)
    }

    fn open_log(&self) -> Result<File> {
        File::create(&self.log).with_context(|| format!("{} cannot be written", self.log.display()))
    }

    fn spawn(mut self) -> Result<Process> {
        let guard = self.command.spawn();
        Ok(Process {
            guard: guard.with_context(|| format!("the guard of {} does not start", self.name))?,
            name: self.name,
            log: self.log,
        })
    }
}

/// A program that runs. Dropping it ends it and its children.
pub(crate) struct Process {
    guard: Child,
    name: String,
    log: PathBuf,
}

impl Process {
    /// The process whose tree is the program: its guard, which itself does nothing.
    pub(crate) fn id(&self) -> u32 {
        self.guard.id()
    }

    /// The program's own process.
    pub(crate) fn program_id(&self) -> Result<u32> {
        let guard = self.guard.id();
        let path = format!("/proc/{guard}/task/{guard}/children");
        let children = fs::read_to_string(&path).with_context(|| format!("no {path}"))?;
        let first = children.split_whitespace().next();
        let id = first.and_then(|id| id.parse().ok());
        id.with_context(|| format!("{} has ended", self.name))
    }

    /// Where it says that it listens, as our services do:
    /// `{"fields": {"message": "listening", "address": "127.0.0.1:41234", …}, …}`.
    pub(crate) fn address(&mut self) -> Result<SocketAddr> {
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            if let Some(address) = log.lines().find_map(announced) {
                return Ok(address);
            }
            self.ensure_running()?;
            ensure!(
                Instant::now() < deadline,
                "{} does not say where it listens\n{}",
                self.name,
                self.log()
            );
            thread::sleep(PAUSE);
        }
    }

    /// An error with the end of its log when it has ended.
    pub(crate) fn ensure_running(&mut self) -> Result<()> {
        if let Some(status) = self.guard.try_wait()? {
            bail!("{} has ended: {status}\n{}", self.name, self.log());
        }
        Ok(())
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        Ok(self.guard.wait()?)
    }

    /// The last lines that it wrote.
    pub(crate) fn log(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.guard.try_wait(), Ok(Some(_))) {
            return;
        }
        let _ = kill_process(Pid::from_child(&self.guard), Signal::TERM);
        let deadline = Instant::now() + STOP_DEADLINE;
        while let Ok(None) = self.guard.try_wait() {
            if Instant::now() > deadline {
                let _ = self.guard.kill();
            }
            thread::sleep(PAUSE);
        }
    }
}

fn announced(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = &line["fields"];
    if fields["message"] != "listening" {
        return None;
    }
    fields["address"].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_from_the_line_that_announces_it() {
        let line = r#"{"fields":{"message":"listening","address":"127.0.0.1:41234"}}"#;
        assert_eq!(announced(line), "127.0.0.1:41234".parse().ok());
        assert_eq!(announced(r#"{"fields":{"message":"ready"}}"#), None);
        assert_eq!(announced("listening on 127.0.0.1:41234"), None);
    }
}
