//! A walk through printed commands: a file of them, those that stand instead of some, and one shell that runs them all.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A cold build of an image takes longest.
const TIMEOUT: Duration = Duration::from_mins(25);
/// Begins the line behind a command's output, which has its exit code.
const END: &str = "\u{1e}";
/// Runs a command in this very shell, so that what it exports stays. `typed` is what an operator would type.
const RUN: &str = r#"eval "$command" <"$typed" 2>&1; printf '\n\036%s\n' "$?""#;

/// A line of the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Line {
    /// A command, on one line.
    Command(String),
    /// A point at which something is looked at.
    Point(String),
}

/// Reads a file of commands.
pub(crate) fn lines(text: &str) -> Vec<Line> {
    let joined = text.replace("\\\n", " ");
    joined
        .lines()
        .filter_map(|line| {
            let line = one_line(line);
            if let Some(point) = line.strip_prefix("#: ") {
                return Some(Line::Point(point.to_owned()));
            }
            (!line.is_empty() && !line.starts_with('#')).then_some(Line::Command(line))
        })
        .collect()
}

/// Reads the list of commands that are not run as printed: items that begin with a command in backticks, and have another one
/// behind "Instead:" where one stands instead.
pub(crate) fn replacements(section: &str) -> Result<BTreeMap<String, Option<String>>> {
    let mut found = BTreeMap::new();
    // An item may go on in the next lines.
    let joined = section.replace("\n  ", " ");
    for item in joined.lines().filter_map(|line| line.strip_prefix("- `")) {
        let (printed, rest) = item.split_once('`').context("an item without end")?;
        let instead = rest.split_once("Instead: `");
        let instead = instead.and_then(|(_, rest)| rest.split_once('`'));
        let instead = instead.map(|(command, _)| command.to_owned());
        let twice = found.insert(one_line(printed), instead).is_some();
        ensure!(!twice, "listed twice: {printed}");
    }
    ensure!(!found.is_empty(), "the list has no item");
    Ok(found)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One shell.
pub(crate) struct Shell {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _child: Child,
}

impl Shell {
    /// Starts it in a folder, with variables.
    pub(crate) fn start(folder: &Path, variables: &[(&str, &str)]) -> Result<Self> {
        let mut child = Command::new("bash")
            .args(["--noprofile", "--norc", "-o", "pipefail"])
            .current_dir(folder)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("bash does not start")?;
        Ok(Self {
            input: child.stdin.take().context("it was asked for")?,
            output: BufReader::new(child.stdout.take().context("it was asked for")?),
            _child: child,
        })
    }

    /// Runs a command, whatever its exit code; returns both streams with the code.
    pub(crate) async fn attempt(&mut self, command: &str) -> Result<(i32, String)> {
        let quoted = command.replace('\'', r"'\''");
        let script = format!("command='{quoted}'; {RUN}\n");
        self.input.write_all(script.as_bytes()).await?;
        self.input.flush().await?;
        let reading = async {
            let mut said = String::new();
            loop {
                let mut line = String::new();
                let read = self.output.read_line(&mut line).await?;
                ensure!(read > 0, "the shell has ended: {said}");
                if let Some(code) = line.strip_prefix(END) {
                    return Ok((code.trim().parse()?, said));
                }
                said += &line;
            }
        };
        tokio::time::timeout(TIMEOUT, reading)
            .await
            .with_context(|| format!("{command} has not ended within {TIMEOUT:?}"))?
    }

    /// Runs a command that must succeed; returns what it said.
    pub(crate) async fn run(&mut self, command: &str) -> Result<String> {
        let (code, said) = self.attempt(command).await?;
        ensure!(code == 0, "{command} ended with {code}:\n{said}");
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_line_however_it_is_printed() {
        let text = "# Step\ncp  a \\\n  b\n\n#: there\nls\n";
        let command = |text: &str| Line::Command(text.to_owned());
        let point = Line::Point("there".to_owned());
        assert_eq!(lines(text), [command("cp a b"), point, command("ls")]);
    }

    #[test]
    fn a_list_names_what_is_not_run_and_what_stands_instead() {
        let section = "Text.\n\n- `a b`: why. Instead: `c\n  d`.\n- `e`: not here.\n";
        let found = replacements(section).unwrap();
        assert_eq!(found["a b"].as_deref(), Some("c d"));
        assert_eq!(found["e"], None);
        assert!(replacements("Text.\n").is_err());
        assert!(replacements("- `a`: x.\n- `a`: y.\n").is_err());
    }

    #[tokio::test]
    async fn one_shell_keeps_what_is_exported_and_goes_on_after_a_failure() {
        let mut shell = Shell::start(Path::new("."), &[("typed", "/dev/null")]).unwrap();
        shell.run("export A=\"it's\"").await.unwrap();
        assert!(shell.run("false").await.is_err());
        let said = shell.run("printf %s \"$A\"; echo; cat; echo out >&2").await;
        assert_eq!(said.unwrap(), "it's\nout\n\n");
    }
}
