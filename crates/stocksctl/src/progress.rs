//! A line for each step, on the standard error.
#![expect(clippy::print_stderr, reason = "this is where progress is told")]

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::Error;

use crate::plan::Step;

/// It is under way; on a terminal its line is finished by how it ended.
pub(crate) fn begins(step: &Step) {
    if std::io::stderr().is_terminal() {
        eprint!("  … {step}");
        drop(std::io::stderr().flush());
    }
}

/// It is done.
pub(crate) fn done(step: &Step, took: Duration) {
    finish(&format!(
        "  ✓ {step}  {}.{} s",
        took.as_secs(),
        took.subsec_millis() / 100
    ));
}

/// It has failed.
pub(crate) fn failed(step: &Step, error: &Error) {
    finish(&format!("  ✗ {step}: {error:#}"));
}

/// Something else that is to be known.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

fn finish(line: &str) {
    if std::io::stderr().is_terminal() {
        eprintln!("\r\x1b[2K{line}");
    } else {
        eprintln!("{line}");
    }
}
