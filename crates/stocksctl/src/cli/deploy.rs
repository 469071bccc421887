//! `deploy` and `plan`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::Engine;
use super::order::{How, Order, What, choose};
use crate::environment::Environment;
use crate::ledger::Action;
use crate::release::Target;

#[derive(Args)]
pub(super) struct Deploy {
    /// Where to
    environment: Environment,
    /// The tag of the release in the registry, or `sha256:…`, or `trade@sha256:…` to change that service alone
    release: Target,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    what: What,
}

#[derive(Args)]
pub(super) struct Plan {
    #[command(flatten)]
    deploy: Deploy,
}

impl Deploy {
    pub(super) async fn run(self, engine: &Engine, who: &str) -> Result<ExitCode> {
        let registry = self.how.source.registry()?;
        let site = engine.site(self.environment);
        let release = choose(&registry, &site, &self.release).await?;
        let order = Order {
            action: Action::Deploy,
            release,
            tags: self.what.tags,
            who: who.to_owned(),
        };
        self.how.deliver(&site, order).await
    }
}

impl Plan {
    pub(super) async fn run(mut self, engine: &Engine, who: &str) -> Result<ExitCode> {
        self.deploy.how.dry_run = true;
        self.deploy.run(engine, who).await
    }
}
