//! `rollback`: what was in service comes back.

use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::Args;

use super::Engine;
use super::order::{How, Order};
use crate::environment::Environment;
use crate::ledger::{Action, Ledger};
use crate::release::Release;
use crate::tag;

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
            Some(tag) => self.resolve(engine, &ledger, tag).await?,
        };
        let order = Order {
            action: Action::Rollback,
            release,
            tags: Vec::new(),
            who: who.to_owned(),
        };
        self.how.deliver(&site, order).await
    }

    /// The release that this tag names now, if a rollback may go there.
    async fn resolve(&self, engine: &Engine, ledger: &Ledger, tag: &str) -> Result<Release> {
        let named = self.how.source.registry()?.resolve(tag).await?;
        let mut ledgers = vec![ledger.clone()];
        for environment in Environment::ALL {
            if environment == self.environment {
                continue;
            }
            // An environment that is not there has proven nothing.
            ledgers.extend(engine.site(environment).ledger().await.ok());
        }
        check(&named, self.environment, &ledgers)?;
        Ok(named)
    }
}

/// Fails unless a rollback may go to the release, by these ledgers. An environment that asks for approval takes one that has
/// never served: the plan finds its approval, or refuses it.
fn check(named: &Release, environment: Environment, ledgers: &[Ledger]) -> Result<()> {
    let served_as = |ledgers: &[Ledger]| {
        let mut served = ledgers.iter().flat_map(Ledger::proven);
        served.find(|release| release.tag == named.tag).cloned()
    };
    let moved = |other: Release| {
        anyhow!(
            "{} was in service as {other}, and names {named} now: it was moved, and is not trusted",
            named.tag
        )
    };
    // The environment's own record of the tag comes first, whatever else has served.
    if let Some(other) = served_as(&ledgers[..1])
        && !other.is_same(named)
        && named.tag != tag::LATEST
    {
        return Err(moved(other));
    }
    if ledgers.iter().any(|ledger| ledger.has_served(named)) {
        return Ok(());
    }
    if let Some(other) = served_as(ledgers) {
        return Err(moved(other));
    }
    ensure!(
        environment.asks_for_approval(),
        "{named} was never in service: `stocksctl deploy {environment} {}` brings it there",
        named.tag
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Outcome;
    use crate::ledger::tests::{entry, of};
    use crate::release::tests::release;

    #[test]
    fn a_rollback_goes_where_the_release_has_served_or_an_approval_is_looked_for() {
        let named = release("dev-1", 'a', 'b');
        let done = |release: Release| entry(release, Outcome::Done);
        let served = of([done(release("git-1", 'a', 'b'))]);
        let moved = of([done(release("dev-1", 'a', 'c'))]);
        let failed = of([entry(release("git-1", 'a', 'b'), Outcome::RolledBack)]);
        let none = Ledger::default();
        // The ledger of the environment itself comes first.
        for (environment, ledgers, refusal) in [
            (Environment::Dev, [&served, &none], None),
            (Environment::Dev, [&none, &served], None),
            (Environment::Dev, [&moved, &served], Some("it was moved")),
            (
                Environment::Dev,
                [&none, &none],
                Some("stocksctl deploy dev dev-1"),
            ),
            (
                Environment::Dev,
                [&failed, &none],
                Some("was never in service"),
            ),
            (
                Environment::Stage,
                [&none, &none],
                Some("was never in service"),
            ),
            (Environment::Dev, [&none, &moved], Some("it was moved")),
            (Environment::Prod, [&moved, &none], Some("it was moved")),
            (Environment::Prod, [&served, &none], None),
            (Environment::Prod, [&none, &none], None),
        ] {
            let ledgers = ledgers.map(Clone::clone);
            let checked = check(&named, environment, &ledgers);
            match (checked, refusal) {
                (Ok(()), None) => {}
                (Err(error), Some(refusal)) => {
                    assert!(error.to_string().contains(refusal), "{error}");
                }
                (checked, refusal) => panic!("{environment}: {checked:?} instead of {refusal:?}"),
            }
        }
    }
}
