//! `rollback`: what was in service comes back.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::Engine;
use super::order::{How, Order};
use crate::environment::Environment;
use crate::ledger::Action;
use crate::release::Release;

#[derive(Args)]
pub(super) struct Rollback {
    /// Where
    environment: Environment,
    /// The tag of a release that was in service; unset: the release before the one that serves
    tag: Option<String>,
    #[command(flatten)]
    how: How,
}

impl Rollback {
    pub(super) async fn run(self, engine: &Engine, who: &str) -> Result<ExitCode> {
        let site = engine.site(self.environment);
        let ledger = site.ledger().await?;
        let release = match &self.tag {
            None => ledger
                .before()
                .cloned()
                .context("no other release was in service here before")?,
            Some(tag) => self.proven(engine, tag).await?,
        };
        let order = Order {
            action: Action::Rollback,
            release,
            tags: Vec::new(),
            who: who.to_owned(),
        };
        self.how.deliver(&site, order).await
    }

    /// The release that was in service under this tag, anywhere; the tag must still name it.
    async fn proven(&self, engine: &Engine, tag: &str) -> Result<Release> {
        let named = self.how.source.registry()?.resolve(tag).await?;
        let mut was_other = None;
        for environment in Environment::ALL {
            let ledger = match engine.site(environment).ledger().await {
                Ok(ledger) => ledger,
                Err(error) if environment == self.environment => return Err(error),
                // An environment that is not there has proven nothing.
                Err(_) => continue,
            };
            for release in ledger.proven() {
                if release.is_same(&named) {
                    return Ok(named);
                }
                if release.tag == tag {
                    was_other.get_or_insert_with(|| release.clone());
                }
            }
        }
        match was_other {
            Some(other) => bail!(
                "{tag} was in service as {other}, and names {named} now: it was moved, and is not trusted"
            ),
            None => bail!("{named} was never in service: deploy it first"),
        }
    }
}
