//! What a doctor has found: what is well, and how to mend what is not.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

#[derive(Default)]
pub(super) struct Findings(Vec<Finding>);

struct Finding {
    what: String,
    result: Result<String>,
    mend: &'static str,
}

impl Findings {
    pub(super) fn add(&mut self, what: &str, result: Result<String>, mend: &'static str) {
        let what = what.to_owned();
        self.0.push(Finding { what, result, mend });
    }

    /// Prints them; fails when anything is not well.
    pub(super) fn tell(&self, as_json: bool) -> ExitCode {
        if as_json {
            let told = self.0.iter().map(|finding| {
                let (is_well, said) = match &finding.result {
                    Ok(said) => (true, said.trim().to_owned()),
                    Err(error) => (false, format!("{error:#}")),
                };
                let mend = (!is_well).then_some(finding.mend);
                json!({"check": finding.what, "ok": is_well, "said": said, "mend": mend})
            });
            println!("{}", json!(told.collect::<Vec<_>>()));
        } else {
            for Finding { what, result, mend } in &self.0 {
                match result {
                    Ok(said) => {
                        let first = said.lines().find(|line| !line.trim().is_empty());
                        println!("✓ {what:<18} {}", first.unwrap_or_default().trim());
                    }
                    Err(error) => {
                        println!("✗ {what:<18} {error:#}");
                        println!("  {:<18} → {mend}", "");
                    }
                }
            }
        }
        if self.0.iter().all(|finding| finding.result.is_ok()) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
