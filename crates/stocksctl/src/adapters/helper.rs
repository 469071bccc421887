//! A shell beside an environment's record: one container for as long as it is needed, scripts go in, what they print comes out.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::Mutex;

use super::docker::Docker;
use crate::environment::Environment;

/// The first one waits for the container to start.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Ends what a script prints; no text that is kept has it.
const END: u8 = 0x1d;
/// A script a line, so that nothing is run that was cut off. It ends with whoever started it, when its input does.
const RUN_LINES: &str = r#"while IFS= read -r line; do printf %s "$line" | base64 -d | sh 2>&1; printf '\035%s\n' "$?"; done"#;

/// The shell of one environment. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Helper {
    docker: Docker,
    environment: Environment,
    session: Arc<Mutex<Option<Session>>>,
}

#[derive(Debug)]
struct Session {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    image: String,
    _child: Child,
}

impl Helper {
    pub(crate) fn new(docker: Docker, environment: Environment) -> Self {
        Self {
            docker,
            environment,
            session: Arc::default(),
        }
    }

    /// Whether there is a record at all.
    pub(crate) async fn has_record(&self) -> Result<bool> {
        if self.session.lock().await.is_some() {
            return Ok(true);
        }
        let filter = format!("name=^{}$", self.environment.releases_volume());
        let list = ["volume", "ls", "--quiet", "--filter", &filter];
        Ok(!self.docker.run(&list, &[]).await?.trim().is_empty())
    }

    /// Runs a script, with `args` as $1 and so on; yields its exit code and what it printed. The record is at `/release`.
    pub(crate) async fn run(&self, script: &str, args: &[&str]) -> Result<(i32, String)> {
        let mut held = self.session.lock().await;
        let mut session = match held.take() {
            Some(session) => session,
            None => self.start().await?,
        };
        let ended = tokio::time::timeout(TIMEOUT, session.run(script, args)).await;
        let ended = ended.context("it has not answered in time");
        let printed = ended
            .and_then(|ended| ended)
            .with_context(|| format!("the record of {} is out of reach", self.environment))?;
        *held = Some(session);
        Ok(printed)
    }

    async fn start(&self) -> Result<Session> {
        let volume = self.environment.releases_volume();
        // As Compose makes it: a deployment may come before the rest of the environment.
        let project = format!("com.docker.compose.project={}", self.environment.project());
        let labels = [
            "--label",
            &project,
            "--label",
            "com.docker.compose.volume=releases",
        ];
        let create = [&["volume", "create"], &labels[..], &[&volume]].concat();
        self.docker.run(&create, &[]).await?;

        let volume = format!("--volume={volume}:/release");
        let run = [
            "run",
            "--rm",
            "--interactive",
            "--network=none",
            "--user=0",
            &volume,
            "--entrypoint=sh",
            &self.docker.helper_image,
            "-c",
            RUN_LINES,
        ];
        let (child, input, output) = self.docker.converse(&run)?;
        Ok(Session {
            input,
            output: BufReader::new(output),
            image: self.docker.helper_image.clone(),
            _child: child,
        })
    }
}

impl Session {
    async fn run(&mut self, script: &str, args: &[&str]) -> Result<(i32, String)> {
        let quoted: Vec<_> = args.iter().map(|arg| quote(arg)).collect();
        let script = format!("set -- {}\n{script}", quoted.join(" "));
        let line = BASE64_STANDARD.encode(script) + "\n";
        self.input.write_all(line.as_bytes()).await?;
        self.input.flush().await?;
        let mut printed = Vec::new();
        self.output.read_until(END, &mut printed).await?;
        ensure!(
            printed.pop() == Some(END),
            "the container that reads it has ended: `docker run --rm {} true` says why",
            self.image
        );
        let mut code = String::new();
        self.output.read_line(&mut code).await?;
        Ok((code.trim().parse()?, String::from_utf8(printed)?))
    }
}

/// As one word of a shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_one_word_of_the_shell() {
        for text in ["", "a b", "it's", "$(id) `id` \\ \"\n*"] {
            let printed = std::process::Command::new("sh")
                .args(["-c", &format!("printf %s {}", quote(text))])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(printed.stdout).unwrap(), text);
        }
    }
}
