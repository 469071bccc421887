//! `ci`: the pipeline, on a laptop as in the workflow.

mod analyse;
mod changed;
mod notify;
mod run;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use super::Engine;

#[derive(Subcommand)]
pub(super) enum CiVerb {
    /// Runs the pipeline here: the same jobs as the workflow, beside each other where it runs them so
    Run(run::Run),
    /// Which parts a change concerns
    Changed(changed::Changed),
    /// Runs the tests of a part, and fails when there are none
    Test(test::Test),
    /// Lets `SonarQube` look at a service with its lints and coverage, and waits for the quality gate
    Analyse(analyse::Analyse),
    /// Says which jobs of a workflow failed: in its summary, and in Slack where there is a webhook
    Notify(notify::Notify),
}

impl CiVerb {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        match self {
            Self::Run(run) => run.run(engine).await,
            Self::Changed(changed) => changed.run(engine).await,
            Self::Test(test) => test.run(engine).await,
            Self::Analyse(analyse) => analyse.run(engine).await,
            Self::Notify(notify) => notify.run().await,
        }
    }
}
