//! Programs of others: started without a shell, fed, bounded in time.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// A cold build compiles everything.
pub(crate) const COMPILE_TIMEOUT: Duration = Duration::from_hours(1);
/// Of a failed program's words.
const SHOWN_BYTES: usize = 2_000;

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// None when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn is_success(&self) -> bool {
        self.code == Some(0)
    }

    /// The end of what it complained about.
    pub(crate) fn complaint(&self) -> &str {
        let said = self.stderr.trim();
        &said[said.floor_char_boundary(said.len().saturating_sub(SHOWN_BYTES))..]
    }

    /// The last line of it.
    pub(crate) fn reason(&self) -> &str {
        let mut lines = self.stderr.lines().rev().map(str::trim);
        lines
            .find(|line| !line.is_empty())
            .unwrap_or("it gave no reason")
    }
}

/// A program that is on the PATH; it ends with whoever waits for it. Ctrl-C on a terminal is not for it: what it has begun is
/// undone in order.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.kill_on_drop(true).process_group(0);
    command
}

fn name_of(command: &Command) -> String {
    command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned()
}

fn start(command: &mut Command) -> Result<Child> {
    command.spawn().with_context(|| {
        let name = name_of(command);
        format!("{name} does not start: is it installed, and on the PATH?")
    })
}

/// Runs a program, whatever its exit code.
pub(crate) async fn attempt(
    command: &mut Command,
    stdin: &[u8],
    timeout: Duration,
) -> Result<Ended> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = start(command)?;
    let mut input = child.stdin.take().context("it was asked for")?;
    let given = stdin.to_vec();
    // A program that ends without reading is no failure.
    let feeding = tokio::spawn(async move { drop(input.write_all(&given).await) });
    let ended = tokio::time::timeout(timeout, child.wait_with_output()).await;
    let output = ended
        .with_context(|| format!("{} has not ended within {timeout:?}", name_of(command)))??;
    feeding.abort();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Ended {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    })
}

/// Runs a program that must succeed; yields its output.
pub(crate) async fn run(command: &mut Command, stdin: &[u8], timeout: Duration) -> Result<String> {
    let ended = attempt(command, stdin, timeout).await?;
    if !ended.is_success() {
        let name = name_of(command);
        let verb = command.as_std().get_args().next().unwrap_or_default();
        bail!("{name} {}: {}", verb.to_string_lossy(), ended.complaint());
    }
    Ok(ended.stdout)
}

/// How a program that was watched ended, and what it said on both of its outputs.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) is_success: bool,
    pub(crate) output: String,
}

/// Runs a program that may take long. What it says is passed on to our standard error, and kept: in memory, and in a file where
/// one is named.
///
/// Ctrl-C on a terminal reaches it as well.
pub(crate) async fn watch(command: &mut Command, log: Option<&Path>) -> Result<Watched> {
    let mut file = match log {
        Some(path) => {
            Some(std::fs::File::create(path).with_context(|| path.display().to_string())?)
        }
        None => None,
    };
    let (reader, writer) = std::io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .kill_on_drop(true);
    let mut child = start(command)?;
    // The command holds the pipe's other end, and with it the end of what is read.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let reading = tokio::task::spawn_blocking(move || -> std::io::Result<String> {
        let mut output = String::new();
        let mut reader = std::io::BufReader::new(reader);
        let mut line = Vec::new();
        while std::io::BufRead::read_until(&mut reader, b'\n', &mut line)? > 0 {
            std::io::Write::write_all(&mut std::io::stderr(), &line)?;
            if let Some(file) = &mut file {
                std::io::Write::write_all(file, &line)?;
            }
            output += &String::from_utf8_lossy(&line);
            line.clear();
        }
        Ok(output)
    });
    let status = child.wait().await?;
    Ok(Watched {
        is_success: status.success(),
        output: reading.await??,
    })
}
