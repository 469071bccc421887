//! `promote`: what serves in one environment comes into service in another.

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use super::Engine;
use super::order::{How, Order, What};
use crate::environment::Environment;
use crate::health::drift;
use crate::ledger::Action;
use crate::release::Service;

#[derive(Args)]
pub(super) struct Promote {
    /// Where it serves
    from: Environment,
    /// Where to
    to: Environment,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    what: What,
}

impl Promote {
    pub(super) async fn run(self, engine: &Engine, who: &str) -> Result<ExitCode> {
        ensure!(self.from != self.to, "it serves in {} already", self.to);
        let from = engine.site(self.from);
        let ledger = from.ledger().await?;
        let release = ledger.current().cloned();
        let release = release.with_context(|| format!("nothing is on record in {}", self.from))?;
        let observed = from.observe().await?;
        for service in Service::ALL {
            ensure!(
                !observed.serving(service).is_empty(),
                "no container of {service} is there in {}: see `stocksctl status {}`",
                self.from,
                self.from
            );
        }
        let drift = drift(&observed, Some(&release));
        ensure!(
            drift.is_empty(),
            "what serves in {} is not what is on record: {}",
            self.from,
            drift.join("; ")
        );
        let order = Order {
            action: Action::Deploy,
            release,
            tags: self.what.tags,
            who: who.to_owned(),
        };
        self.how.deliver(&engine.site(self.to), order).await
    }
}
