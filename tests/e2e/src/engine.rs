//! The Docker engine, through its command line: what a user would type.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// A cold build of an image takes longest.
const TIMEOUT: Duration = Duration::from_mins(25);
/// More of a failed command's output is not shown.
const SHOWN_BYTES: usize = 4_000;

/// What a command has written, and how it ended.
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Output {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Both streams.
    pub(crate) fn all(&self) -> Vec<u8> {
        [&self.stdout[..], &self.stderr].concat()
    }
}

/// Runs a command in the project's folder, whatever its exit code.
pub(crate) async fn run(
    program: &str,
    args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    stdin: &[u8],
) -> Result<Output> {
    run_in(Path::new("."), program, args, stdin).await
}

/// [`run`] in another folder.
pub(crate) async fn run_in(
    folder: &Path,
    program: &str,
    args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    stdin: &[u8],
) -> Result<Output> {
    let mut child = Command::new(program)
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{program} does not start"))?;
    let mut input = child.stdin.take().context("it was asked for")?;
    let given = stdin.to_vec();
    // A command that ends without reading is no failure.
    let feeding = tokio::spawn(async move { drop(input.write_all(&given).await) });
    let output = tokio::time::timeout(TIMEOUT, child.wait_with_output())
        .await
        .with_context(|| format!("{program} has not ended within {TIMEOUT:?}"))??;
    feeding.abort();
    Ok(Output {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: output.stderr,
    })
}

/// Runs a command that must succeed; yields what it wrote.
pub(crate) async fn expect(program: &str, args: &[&str], stdin: &[u8]) -> Result<Vec<u8>> {
    let output = run(program, args, stdin).await?;
    if output.code != Some(0) {
        let all = output.all();
        let shown =
            String::from_utf8_lossy(&all[all.len().saturating_sub(SHOWN_BYTES)..]).into_owned();
        bail!(
            "{program} {} ended with {:?}:\n{shown}",
            args.join(" "),
            output.code
        );
    }
    Ok(output.stdout)
}

/// The delivery tool, as it was built with these checks.
pub(crate) fn stocksctl() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("stocksctl");
    ensure!(program.exists(), "{} is not built", program.display());
    Ok(program)
}

/// `docker ARGS`, which must succeed; yields its output without the line's end.
pub(crate) async fn docker(args: &[&str]) -> Result<String> {
    let output = expect("docker", args, b"").await?;
    Ok(String::from_utf8_lossy(&output).trim_end().to_owned())
}

/// `docker inspect` of one thing.
pub(crate) async fn inspect(name: &str) -> Result<Value> {
    let text = docker(&["inspect", name]).await?;
    let mut found: Vec<Value> = serde_json::from_str(&text)?;
    ensure!(found.len() == 1, "{} things are named {name}", found.len());
    Ok(found.remove(0))
}

/// The containers of a Compose project, by their names.
pub(crate) async fn containers(project: &str) -> Result<Vec<String>> {
    let filter = format!("label=com.docker.compose.project={project}");
    let names = docker(&["ps", "--all", "--filter", &filter, "--format", "{{.Names}}"]).await?;
    Ok(names.lines().map(str::to_owned).collect())
}

/// Whether a container's health check passes.
pub(crate) async fn is_healthy(container: &str) -> bool {
    let health = "{{if .State.Running}}{{.State.Health.Status}}{{end}}";
    docker(&["inspect", "--format", health, container])
        .await
        .is_ok_and(|status| status == "healthy")
}

/// `kill -9` of a container's first process, from outside: the engine takes `docker kill` for a wish that it stay down.
pub(crate) async fn kill_hard(container: &str) -> Result<()> {
    let id = inspect(container).await?["State"]["Pid"].to_string();
    on_host(&["sh", "-c", &format!("kill -9 {id}")])
        .await
        .map(drop)
}

/// A command among the host's processes, as its administrator.
pub(crate) async fn on_host(command: &[&str]) -> Result<Vec<u8>> {
    let run = [
        "run",
        "--rm",
        "--pid=host",
        "--privileged",
        "--user=0",
        "--network=none",
    ];
    let image = ["--entrypoint", command[0], crate::stack::helper_image()];
    let args = [&run[..], &image, &command[1..]].concat();
    expect("docker", &args, b"").await
}
