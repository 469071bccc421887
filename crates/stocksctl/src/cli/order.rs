//! What `deploy`, `promote` and `rollback` have in common: a release that is chosen, and its way into service.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Mutex;

use super::Source;
use crate::adapters::registry::Registry;
use crate::delivery::Delivery;
use crate::environment::Environment;
use crate::ledger::{Action, Ledger};
use crate::plan::{Step, Wanted, plan};
use crate::progress::{Progress, chain, note};
use crate::release::{Release, Service, Target};
use crate::run::{Ended, run};
use crate::site::{Lock, Site};
use crate::{approval, tag};

const FAILED: u8 = 1;
const ROLLED_BACK: u8 = 3;

#[derive(Args)]
pub(super) struct What {
    /// Further tags for the release once it serves, such as its version
    #[arg(long = "tag", value_name = "TAG")]
    pub(super) tags: Vec<String>,
}

#[derive(Args)]
pub(super) struct How {
    #[command(flatten)]
    pub(super) source: Source,
    /// Containers of each service; unset: as many as serve now
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=32))]
    replicas: Option<u8>,
    /// Prints the steps and does none of them
    #[arg(long)]
    pub(super) dry_run: bool,
    /// A file that a summary in Markdown is added to
    #[arg(long, env = "GITHUB_STEP_SUMMARY", hide_env = true)]
    summary: Option<PathBuf>,
}

/// A release on its way somewhere.
pub(super) struct Order {
    pub(super) action: Action,
    pub(super) release: Release,
    pub(super) tags: Vec<String>,
    pub(super) who: String,
}

/// The release that is asked for.
pub(super) async fn choose(registry: &Registry, site: &Site, target: &Target) -> Result<Release> {
    let digests = match target {
        Target::Tag(tag) => return registry.resolve(tag).await,
        Target::Digests(digests) => digests,
    };
    let ledger = site.ledger().await?;
    let current = ledger.current();
    let mut images = current.map_or_else(Default::default, |current| current.images.clone());
    let mut names = Vec::new();
    for (service, digest) in digests {
        let mut found = None;
        for service in Service::one_or_all(*service) {
            let image = registry.image_of(service, digest).await?;
            found = found.or(image.map(|image| (service, image)));
        }
        let (service, image) =
            found.with_context(|| format!("the registry has no image of the digest {digest}"))?;
        names.push(format!("{service}@{}", digest.short()));
        images.insert(service, image);
    }
    for service in Service::ALL {
        ensure!(
            images.contains_key(&service),
            "nothing is on record in {}, so a digest of {service} is wanted as well",
            site.environment
        );
    }
    Ok(Release {
        tag: names.join(","),
        images,
    })
}

impl How {
    pub(super) async fn deliver(&self, site: &Site, order: Order) -> Result<ExitCode> {
        let registry = self.source.registry()?;
        for tag in &order.tags {
            tag::check_new(tag)?;
            // A version that names other images would bring those back one day.
            for (service, image) in &order.release.images {
                registry.has_name(*service, image, tag).await?;
            }
        }
        if self.dry_run {
            for step in self.plan(site, &order, &site.ledger().await?).await? {
                println!("{step}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        let purpose = match order.action {
            Action::Deploy => format!("deploy {}", order.release.tag),
            Action::Rollback => format!("rollback to {}", order.release.tag),
        };
        // From here on a wish to stop is heard, whatever is being done.
        let stop = Stop::listen()?;
        note(&format!("{}: {purpose}", site.environment));
        let lock = site.lock(&order.who, &purpose).await?;
        let progress = Progress::default();
        let delivered = self
            .deliver_locked(site, &order, &registry, &lock, stop, &progress)
            .await;
        if let Err(error) = lock.release().await {
            note(&format!(
                "the lock could not be given back, and ends by itself: {}",
                chain(&error)
            ));
        }
        let (code, said) = tell(site.environment, &order.release, delivered?);
        if let Some(summary) = &self.summary {
            let title = format!("{}: {purpose}", site.environment);
            progress.summarise(&title, &said, summary)?;
        }
        Ok(code)
    }

    async fn plan(&self, site: &Site, order: &Order, ledger: &Ledger) -> Result<Vec<Step>> {
        let observed = site.observe().await?;
        let serve = |service| observed.serving(service).len();
        let serving = Service::ALL.into_iter().map(serve).max().unwrap_or(0);
        let release = &order.release;
        let current = ledger.current();
        let wanted = Wanted {
            replicas: self.replicas.map_or(serving.max(1), usize::from),
            needs_approval: approval::is_needed(site.environment, release, ledger),
            tags: tag::once_in_service(site.environment, &release.tag, &order.tags),
            // Under the same name: two commits may give the same images.
            is_on_record: current == Some(release),
            release: release.clone(),
        };
        Ok(plan(&observed, &wanted))
    }

    async fn deliver_locked(
        &self,
        site: &Site,
        order: &Order,
        registry: &Registry,
        lock: &Lock,
        mut stop: Stop,
        progress: &Progress,
    ) -> Result<Ended> {
        let installation = site.installation().await?;
        let delivery = Delivery {
            site,
            registry,
            admission: self.source.admission(&installation)?,
            approvals: &self.source.approvals(&installation)?,
            action: order.action,
            release: order.release.clone(),
            caller: self.source.caller(&installation, &order.who).await,
            token: lock.token().await,
            ledger: Mutex::new(site.ledger().await?),
            approved_by: Mutex::default(),
        };
        delivery.settle().await?;
        let steps = self
            .plan(site, order, &*delivery.ledger.lock().await)
            .await?;
        // A lock that was lost is as good as a stop: nothing more can be written. It is kept to the last step.
        let (lost, is_lost) = tokio::sync::oneshot::channel::<()>();
        let keeping = async {
            lock.keep().await;
            drop(lost);
            std::future::pending::<()>().await;
        };
        let stop = async {
            tokio::select! {
                () = stop.came() => {}
                _ = is_lost => {}
            }
        };
        tokio::select! {
            ended = run(&delivery, &steps, stop, progress) => Ok(ended),
            () = keeping => bail!("the lock was lost"),
        }
    }
}

/// Says how it ended.
fn tell(environment: Environment, release: &Release, ended: Ended) -> (ExitCode, String) {
    match ended {
        Ended::Done(complaints) => {
            for complaint in complaints {
                note(&format!(
                    "warning: {}; the next deployment tidies it up",
                    chain(&complaint)
                ));
            }
            let said = format!("{environment} serves {release}");
            println!("{said}");
            (ExitCode::SUCCESS, said)
        }
        Ended::Unchanged(error) => {
            let said = format!(
                "error: {}\n{environment} is as it was; nothing was changed",
                chain(&error)
            );
            note(&said);
            (ExitCode::from(FAILED), said)
        }
        Ended::RolledBack(error) => {
            let said = format!(
                "error: {}\n{environment} serves what it served before",
                chain(&error)
            );
            note(&said);
            (ExitCode::from(ROLLED_BACK), said)
        }
        Ended::Stuck(error, failures) => {
            let failures = failures.iter();
            let failures =
                failures.map(|it| format!("error: it cannot be taken back: {}\n", chain(it)));
            let said = format!(
                "error: {}\n{}see `stocksctl status {environment}`; the next deployment or rollback goes on from there",
                chain(&error),
                failures.collect::<String>()
            );
            note(&said);
            (ExitCode::from(FAILED), said)
        }
    }
}

/// Ctrl-C and SIGTERM.
struct Stop {
    terminated: Signal,
    interrupted: Signal,
}

impl Stop {
    fn listen() -> Result<Self> {
        Ok(Self {
            terminated: signal(SignalKind::terminate())?,
            interrupted: signal(SignalKind::interrupt())?,
        })
    }

    async fn came(&mut self) {
        tokio::select! {
            _ = self.terminated.recv() => {}
            _ = self.interrupted.recv() => {}
        }
    }
}
