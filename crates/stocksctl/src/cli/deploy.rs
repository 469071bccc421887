//! `deploy` and `rollback`: two ways to choose a release, one way to bring it into service.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;

use super::{Engine, Source};
use crate::environment::Environment;
use crate::ledger::{Action, Ledger};
use crate::plan::{Step, plan};
use crate::progress::note;
use crate::release::Release;
use crate::run::{Ended, run};
use crate::site::{Delivery, Lock, Site};

const FAILED: u8 = 1;
const ROLLED_BACK: u8 = 3;

#[derive(Args)]
pub(super) struct Deploy {
    /// Where to
    environment: Environment,
    /// The tag of the release in the registry
    tag: String,
    #[command(flatten)]
    how: How,
}

#[derive(Args)]
pub(super) struct Rollback {
    /// Where
    environment: Environment,
    /// The tag under which it was in service; unset: the release before the one that serves
    tag: Option<String>,
    #[command(flatten)]
    how: How,
}

#[derive(Args)]
struct How {
    #[command(flatten)]
    source: Source,
    /// Containers of each service
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=32))]
    replicas: u8,
    /// Prints the steps and does none of them
    #[arg(long)]
    dry_run: bool,
}

impl Deploy {
    pub(super) async fn run(self, engine: &Engine, who: &str) -> Result<ExitCode> {
        // Until an approval can be recorded, nothing may take its place.
        ensure!(
            self.environment != Environment::Prod,
            "prod wants an approval on record, and there is no way to give one yet; a rollback there needs none"
        );
        let release = self.how.source.registry()?.resolve(&self.tag).await?;
        let site = engine.site(self.environment);
        self.how.deliver(&site, Action::Deploy, release, who).await
    }
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
        self.how
            .deliver(&site, Action::Rollback, release, who)
            .await
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

impl How {
    async fn deliver(
        &self,
        site: &Site,
        action: Action,
        release: Release,
        who: &str,
    ) -> Result<ExitCode> {
        if self.dry_run {
            for step in self.plan(site, &release, &site.ledger().await?).await? {
                println!("{step}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        let purpose = match action {
            Action::Deploy => format!("deploy {}", release.tag),
            Action::Rollback => format!("rollback to {}", release.tag),
        };
        note(&format!("{}: {purpose}", site.environment));
        let lock = site.lock(who, &purpose).await?;
        let delivered = self
            .deliver_locked(site, action, &release, who, &lock)
            .await;
        if let Err(error) = lock.release().await {
            note(&format!(
                "the lock could not be given back, and ends by itself: {error:#}"
            ));
        }
        Ok(Self::tell(site.environment, &release, delivered?))
    }

    async fn plan(&self, site: &Site, release: &Release, ledger: &Ledger) -> Result<Vec<Step>> {
        let is_on_record = ledger
            .current()
            .is_some_and(|current| current.is_same(release));
        Ok(plan(
            &site.observe().await?,
            release,
            usize::from(self.replicas),
            is_on_record,
        ))
    }

    async fn deliver_locked(
        &self,
        site: &Site,
        action: Action,
        release: &Release,
        who: &str,
        lock: &Lock,
    ) -> Result<Ended> {
        let delivery = Delivery {
            site,
            cosign: &self.source.cosign(),
            action,
            release: release.clone(),
            by: who.to_owned(),
            token: lock.token().await,
            ledger: Mutex::new(site.ledger().await?),
        };
        delivery.settle().await?;
        let steps = self
            .plan(site, release, &*delivery.ledger.lock().await)
            .await?;
        // A lock that was lost is as good as a stop: nothing more can be written.
        let stop = async {
            tokio::select! {
                () = told_to_stop() => {}
                () = lock.keep() => {}
            }
        };
        Ok(run(&delivery, &steps, stop).await)
    }

    fn tell(environment: Environment, release: &Release, ended: Ended) -> ExitCode {
        match ended {
            Ended::Done(complaints) => {
                for complaint in complaints {
                    note(&format!(
                        "warning: {complaint:#}; the next deployment tidies it up"
                    ));
                }
                println!("{environment} serves {release}");
                ExitCode::SUCCESS
            }
            Ended::Unchanged(error) => {
                note(&format!(
                    "error: {error:#}\n{environment} is as it was; nothing was changed"
                ));
                ExitCode::from(FAILED)
            }
            Ended::RolledBack(error) => {
                note(&format!(
                    "error: {error:#}\n{environment} serves what it served before"
                ));
                ExitCode::from(ROLLED_BACK)
            }
            Ended::Stuck(error, failures) => {
                note(&format!("error: {error:#}"));
                for failure in failures {
                    note(&format!("error: it cannot be taken back: {failure:#}"));
                }
                note(&format!(
                    "see `stocksctl status {environment}`; the next deployment or rollback goes on from there"
                ));
                ExitCode::from(FAILED)
            }
        }
    }
}

async fn told_to_stop() {
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminated.recv() => {}
        stopped = tokio::signal::ctrl_c() => {
            if stopped.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
