//! `ci test`: the tests of a part.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use tokio::process::Command;

use super::Engine;
use crate::adapters::process;
use crate::progress::{add_to_summary, note};
use crate::workspace::Part;

#[derive(Args)]
pub(in crate::cli) struct Test {
    /// A service with all that it is made of, or `tools`: the rest
    part: Part,
    /// A folder for `test-<part>.log`
    #[arg(long)]
    out: Option<PathBuf>,
    /// A file that a summary in Markdown is added to
    #[arg(long, env = "GITHUB_STEP_SUMMARY", hide_env = true)]
    summary: Option<PathBuf>,
}

impl Test {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        let source = engine.checkout();
        let workspace = source.workspace().await?;
        let mut command = Command::new("cargo");
        command
            .args(["test", "--locked"])
            .current_dir(&engine.folder);
        for package in workspace.packages(self.part) {
            command.args(["--package", package]);
        }
        let log = match &self.out {
            Some(out) => {
                std::fs::create_dir_all(out)?;
                Some(out.join(format!("test-{}.log", self.part)))
            }
            None => None,
        };
        let ended = process::watch(&mut command, log.as_deref()).await?;
        let count = Count::of(&ended.output);
        if let Some(file) = &self.summary {
            let text = format!(
                "### Tests of {}\n\n{} passed, {} failed, {} ignored\n",
                self.part, count.passed, count.failed, count.ignored
            );
            add_to_summary(file, &text)?;
        }
        ensure!(
            ended.is_success,
            "the tests of {} failed: {} of {}",
            self.part,
            count.failed,
            count.passed + count.failed
        );
        count.check().with_context(|| self.part.to_string())?;
        if self.part == Part::Tools && engine.folder.join(PAGE).is_dir() {
            check_page(&engine.folder).await?;
        }
        note(&format!("{}: {} tests passed", self.part, count.passed));
        Ok(ExitCode::SUCCESS)
    }
}

/// Where the page is.
const PAGE: &str = "web";

/// The page's own tests, and that what is kept of it is what its sources make. The script brings what it needs, or fails.
async fn check_page(folder: &Path) -> Result<()> {
    let mut command = Command::new("bash");
    command.args([".ci/web", "check"]).current_dir(folder);
    let ended = process::watch(&mut command, None).await?;
    ensure!(
        ended.is_success,
        "the page is not as it must be: .ci/web check"
    );
    Ok(())
}

/// How many tests did what.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Count {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) ignored: usize,
}

impl Count {
    /// Adds up what each test program says at its end.
    pub(super) fn of(output: &str) -> Self {
        let mut sum = Self::default();
        for line in output.lines() {
            let Some(result) = line.strip_prefix("test result: ") else {
                continue;
            };
            // `ok. 3 passed; 0 failed; 0 ignored; …`
            let counted = result.split_once(". ").map_or("", |(_, counted)| counted);
            for part in counted.split("; ") {
                match part.split_once(' ') {
                    Some((number, "passed")) => sum.passed += number.parse().unwrap_or(0),
                    Some((number, "failed")) => sum.failed += number.parse().unwrap_or(0),
                    Some((number, "ignored")) => sum.ignored += number.parse().unwrap_or(0),
                    _ => {}
                }
            }
        }
        sum
    }

    /// A run without a test proves nothing.
    pub(super) fn check(&self) -> Result<()> {
        ensure!(self.passed > 0, "not one test was run");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted_over_all_programs() {
        let output = "\
running 3 tests
test a ... ok
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s
   Doc-tests market
test result: FAILED. 40 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s
";
        let expected = Count {
            passed: 42,
            failed: 2,
            ignored: 1,
        };
        assert_eq!(Count::of(output), expected);
    }

    #[test]
    fn no_test_is_a_failure() {
        let none = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.00s";
        assert!(Count::of(none).check().is_err());
        assert!(Count::of("").check().is_err());
    }
}
