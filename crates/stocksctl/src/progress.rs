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

    pub(crate) fn failed(self, error: &Error) {
        let line = format!("  ✗ {}: {error:#}", self.step);
        self.finish(&line, Some(format!("**failed**: {error:#}")));
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
