//! `ci changed`: which parts a change concerns, as the matrices of a workflow.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::json;

use super::Engine;
use crate::adapters::source::Source;
use crate::progress::note;
use crate::workspace::Part;

#[derive(Args)]
pub(in crate::cli) struct Changed {
    /// A commit: what differs between it and what is checked out counts. Empty, or one that git does not know, such as the
    /// zeros that GitHub says of a new branch: everything
    #[arg(long, default_value = "")]
    since: String,
    /// The file that takes a workflow's outputs
    #[arg(long, env = "GITHUB_OUTPUT", hide_env = true)]
    output: Option<PathBuf>,
}

impl Changed {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        let source = engine.checkout();
        let parts = changed(&source, &self.since).await?;
        let services = parts.iter().filter(|part| part.service().is_some());
        let lines = format!(
            "parts={}\nservices={}\n",
            json!(parts.iter().map(|part| part.name()).collect::<Vec<_>>()),
            json!(services.map(|part| part.name()).collect::<Vec<_>>())
        );
        print!("{lines}");
        if let Some(output) = self.output {
            let file = OpenOptions::new().append(true).create(true).open(&output);
            let written = file.and_then(|mut file| file.write_all(lines.as_bytes()));
            written.with_context(|| output.display().to_string())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The parts that what came after a commit concerns.
pub(super) async fn changed(source: &Source, since: &str) -> Result<BTreeSet<Part>> {
    let files = match since {
        "" => None,
        since => source.changed_since(since).await?,
    };
    let Some(files) = files else {
        note("there is nothing to compare with: everything counts as changed");
        return Ok(Part::ALL.into());
    };
    let workspace = source.workspace().await?;
    let parts = files.iter().flat_map(|file| workspace.parts_of(file));
    Ok(parts.collect())
}
