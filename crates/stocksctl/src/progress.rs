//! A line for each step, on the standard error, and the same as a table for a workflow's summary.
#![expect(clippy::print_stderr, reason = "this is where progress is told")]

use std::fmt::{Display, Write as _};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Error, Result};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

const TICK: Duration = Duration::from_millis(100);

/// Something else that is to be known.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// An error and its causes, each said once: some errors say their cause in their own words as well.
pub(crate) fn chain(error: &Error) -> String {
    let mut told = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if cause.is_empty() || told.contains(&cause) {
            continue;
        }
        if !told.is_empty() {
            told += ": ";
        }
        told += &cause;
    }
    told
}

/// What was done so far.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    spinners: MultiProgress,
    rows: Mutex<Vec<Row>>,
}

#[derive(Debug)]
struct Row {
    step: String,
    took: Duration,
    failure: Option<String>,
}

/// A step under way: a spinner on a terminal, nothing elsewhere.
pub(crate) struct Line<'a> {
    progress: &'a Progress,
    step: String,
    began: Instant,
    spinner: ProgressBar,
}

impl Progress {
    pub(crate) fn begins(&self, step: &impl Display) -> Line<'_> {
        // It draws itself on a terminal alone.
        let spinner = self.spinners.add(ProgressBar::new_spinner()).with_style(
            ProgressStyle::with_template("  {spinner} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        spinner.set_message(step.to_string());
        spinner.enable_steady_tick(TICK);
        Line {
            progress: self,
            step: step.to_string(),
            began: Instant::now(),
            spinner,
        }
    }

    /// Adds what was done to a workflow's summary, in Markdown.
    pub(crate) fn summarise(&self, title: &str, ended: &str, file: &Path) -> Result<()> {
        let mut text = format!("### {title}\n\n{ended}\n\n| step | | s |\n|---|---|---|\n");
        for row in self
            .rows
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            let outcome = row.failure.as_deref().unwrap_or("done");
            let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
            let seconds = row.took.as_millis() / 100;
            writeln!(
                text,
                "| {} | {} | {}.{} |",
                cell(&row.step),
                cell(outcome),
                seconds / 10,
                seconds % 10
            )?;
        }
        add_to_summary(file, &text)
    }
}

/// Adds a part to a workflow's summary, in Markdown.
pub(crate) fn add_to_summary(file: &Path, text: &str) -> Result<()> {
    let file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file);
    writeln!(file.context("the summary")?, "{text}").context("the summary")
}

impl Line<'_> {
    pub(crate) fn done(self) {
        let took = self.began.elapsed();
        let line = format!(
            "  ✓ {}  {}.{} s",
            self.step,
            took.as_secs(),
            took.subsec_millis() / 100
        );
        self.finish(&line, None);
    }

    /// The reason is told by the caller, once.
    pub(crate) fn failed(self) {
        let line = format!("  ✗ {}", self.step);
        self.finish(&line, Some("**failed**".to_owned()));
    }

    /// The end of a step whose reason is told here alone.
    pub(crate) fn failed_because(self, reason: &str) {
        let line = format!("  ✗ {}: {reason}", self.step);
        self.finish(&line, Some(format!("**failed**: {reason}")));
    }

    fn finish(self, line: &str, failure: Option<String>) {
        self.spinner.finish_and_clear();
        self.progress.spinners.suspend(|| eprintln!("{line}"));
        let row = Row {
            step: self.step,
            took: self.began.elapsed(),
            failure,
        };
        let rows = &self.progress.rows;
        rows.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(row);
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the registry does not answer: {0}")]
    struct Repeats(#[source] std::io::Error);

    #[test]
    fn each_cause_of_an_error_is_told_once() {
        let cause = || std::io::Error::other("connection refused");
        let repeats = || Error::new(Repeats(cause()));
        for (error, expected) in [
            (anyhow!("disk full"), "disk full"),
            (
                Error::new(cause()).context("cannot pull"),
                "cannot pull: connection refused",
            ),
            (
                repeats(),
                "the registry does not answer: connection refused",
            ),
            (
                repeats().context("cannot admit"),
                "cannot admit: the registry does not answer: connection refused",
            ),
            (anyhow!("disk full").context("disk full"), "disk full"),
        ] {
            assert_eq!(chain(&error), expected);
        }
    }

    #[test]
    fn a_summary_says_of_each_step_whether_it_was_done_and_no_reason_twice() {
        let progress = Progress::default();
        progress.begins(&"pull").done();
        progress.begins(&"smoke-test").failed();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("summary");
        progress
            .summarise("dev: deploy", "error: no answer", &file)
            .unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains("| pull | done |"), "{text}");
        assert!(text.contains("| smoke-test | **failed** |"), "{text}");
        assert_eq!(text.matches("no answer").count(), 1, "{text}");
    }
}
