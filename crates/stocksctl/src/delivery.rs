//! A release on its way to an environment: how each step of the plan is done there.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use async_trait::async_trait;
use futures_util::future::{join_all, try_join_all};
use tokio::sync::Mutex;

use crate::adapters::docker::Seen;
use crate::adapters::registry::Registry;
use crate::admission::Admission;
use crate::approval::Approvals;
use crate::caller::Caller;
use crate::examine;
use crate::ledger::{Action, Entry, Ledger, Outcome};
use crate::plan::{BrokenPart, Condition, Container, Images, Routes, Step};
use crate::release::{Release, Service};
use crate::run::World;
use crate::site::{Site, container, format_routes, now};

/// Longest time in which new or repaired containers become healthy.
const READY_TIMEOUT: Duration = Duration::from_mins(1);
/// Longest time in which the services answer through the proxy.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// A release on its way to a site.
pub(crate) struct Delivery<'a> {
    pub(crate) site: &'a Site,
    pub(crate) registry: &'a Registry,
    pub(crate) admission: Admission,
    pub(crate) approvals: &'a Approvals,
    pub(crate) action: Action,
    pub(crate) release: Release,
    pub(crate) caller: Caller,
    pub(crate) token: u64,
    /// As it is while the lock is held.
    pub(crate) ledger: Mutex<Ledger>,
    /// Who has said that it may, once that was found.
    pub(crate) approved_by: Mutex<Option<String>>,
}

impl Delivery<'_> {
    /// What somebody has begun and not ended is on record as interrupted, before anything else begins.
    pub(crate) async fn settle(&self) -> Result<()> {
        let open = self.ledger.lock().await.open().cloned();
        let Some(open) = open else {
            return Ok(());
        };
        let note = format!("found by {}", self.caller);
        self.append(Entry {
            outcome: Outcome::Interrupted,
            note,
            ..open
        })
        .await
    }

    async fn append(&self, entry: Entry) -> Result<()> {
        let mut ledger = self.ledger.lock().await;
        let next = ledger.with(Entry {
            at: now(),
            token: self.token,
            ..entry
        })?;
        let head = serde_json::to_string(&next.head())?;
        self.site
            .state
            .append(ledger.text(), next.last_line(), &head, self.token)
            .await?;
        *ledger = next;
        Ok(())
    }

    /// Waits until the containers that were started for the images are healthy.
    async fn wait_ready(&self, images: &Images, leaving: &[Container]) -> Result<()> {
        let waiting = async {
            loop {
                let mut is_ready = true;
                for seen in started_for(&self.look().await?, images, leaving)? {
                    match seen.condition {
                        Condition::Healthy => {}
                        Condition::Starting | Condition::Unhealthy | Condition::Created => {
                            is_ready = false;
                        }
                        _ => {
                            let lines = self.site.docker.last_lines(&seen.id).await;
                            bail!("{} is {}{lines}", seen.name, seen.condition);
                        }
                    }
                }
                if is_ready {
                    return Ok(());
                }
                tokio::time::sleep(LOOK_PAUSE).await;
            }
        };
        if let Ok(ready) = tokio::time::timeout(READY_TIMEOUT, waiting).await {
            return ready;
        }
        let mut said = Vec::new();
        for seen in started_for(&self.look().await?, images, leaving)? {
            if seen.condition != Condition::Healthy {
                let lines = self.site.docker.last_lines(&seen.id).await;
                said.push(format!("{} is {}{lines}", seen.name, seen.condition));
            }
        }
        bail!("not healthy within {READY_TIMEOUT:?}:\n{}", said.join("\n"))
    }

    async fn look(&self) -> Result<Vec<Seen>> {
        self.site.docker.look(self.site.environment).await
    }

    async fn switch(&self, to: &Routes) -> Result<()> {
        let live = self.site.state.live().await?;
        let wanted = format_routes(to);
        if live != wanted {
            self.site.state.switch(&live, &wanted, self.token).await?;
        }
        Ok(())
    }

    /// Asks through the proxy. A service that has lost its database for a moment gets the time to find it again.
    async fn check(&self) -> Result<()> {
        let asking = async {
            loop {
                let faults = self.faults().await?;
                if faults.is_empty() {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(LOOK_PAUSE).await;
            }
        };
        if let Ok(asked) = tokio::time::timeout(ANSWER_TIMEOUT, asking).await {
            return asked;
        }
        let faults = self.faults().await?;
        ensure!(faults.is_empty(), "{}", faults.join("; "));
        Ok(())
    }

    /// The faults in the services' answers through the proxy.
    async fn faults(&self) -> Result<Vec<String>> {
        let seen = self.look().await?;
        let answers = Service::ALL.map(async |service| {
            let answer = self.site.ask(&seen, service).await;
            answer.fault(service)
        });
        Ok(join_all(answers).await.into_iter().flatten().collect())
    }

    async fn smoke(&self, release: &Release, leaving: &[Container]) -> Result<()> {
        let seen = self.look().await?;
        let started = started_for(&seen, &release.images, leaving)?;
        self.site.smoke(&seen, &started).await
    }

    /// Repairs parts, and waits until they are healthy: what was paused may have failed its health check meanwhile.
    async fn repair(&self, parts: &[BrokenPart]) -> Result<()> {
        for broken in parts {
            let repaired = self.site.docker.repair(self.site.environment, broken).await;
            repaired.with_context(|| broken.name.clone())?;
        }
        let is_repaired = |seen: &Seen| {
            let is_it = |broken: &BrokenPart| seen.is(broken.part);
            !parts.iter().any(is_it) || seen.condition == Condition::Healthy
        };
        let waiting = async {
            while !self.look().await?.iter().all(is_repaired) {
                tokio::time::sleep(LOOK_PAUSE).await;
            }
            anyhow::Ok(())
        };
        if let Ok(repaired) = tokio::time::timeout(READY_TIMEOUT, waiting).await {
            return repaired;
        }
        let seen = self.look().await?;
        let broken = seen.iter().find(|seen| !is_repaired(seen));
        let broken = broken.context("it became healthy too late")?;
        let lines = self.site.docker.last_lines(&broken.id).await;
        bail!(
            "{} is {} after {READY_TIMEOUT:?}{lines}",
            broken.name,
            broken.condition
        )
    }

    async fn admit(&self, release: &Release) -> Result<()> {
        // A rollback goes by the ledger, also to images of a time before origins.
        if self.action == Action::Deploy {
            self.admission.check_commit(release).await?;
        }
        let admitted = release
            .images
            .values()
            .map(|image| self.admission.admit(image));
        try_join_all(admitted).await.map(drop)
    }

    async fn approve(&self, release: &Release) -> Result<()> {
        let found = self.approvals.find(self.site.environment, release, now());
        *self.approved_by.lock().await = Some(found.await?);
        Ok(())
    }

    async fn tag(&self, release: &Release, tags: &[String]) -> Result<()> {
        for tag in tags {
            for (service, image) in &release.images {
                self.registry.tag(*service, image, tag).await?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl World for Delivery<'_> {
    async fn perform(&self, step: &Step) -> Result<()> {
        let docker = &self.site.docker;
        let environment = self.site.environment;
        match step {
            Step::Examine(lacking) => examine::examine(self.site, lacking, self.action).await,
            Step::Admit(release) => self.admit(release).await,
            Step::Approve(release) => self.approve(release).await,
            Step::Pull(images) => {
                let pulls = images.values().map(|image| docker.pull(image));
                try_join_all(pulls).await.map(drop)
            }
            Step::Begin => self.record(Outcome::Begun, "").await,
            Step::Prepare(parts) => docker.prepare(environment, parts).await,
            Step::Dismantle(parts) => docker.dismantle(environment, parts).await,
            Step::Repair(parts) => self.repair(parts).await,
            Step::Resume(containers) => docker.resume(&ids(containers)).await,
            Step::Clear(containers) => docker.remove(&ids(containers)).await,
            Step::Start { launches, .. } => docker.start_beside(environment, launches).await,
            Step::Ready(images, leaving) => self.wait_ready(images, leaving).await,
            Step::Smoke(release, leaving) => self.smoke(release, leaving).await,
            Step::Switch { to, .. } => self.switch(to).await,
            Step::Check => self.check().await,
            Step::Drain(containers) => docker.drain(&ids(containers)).await,
            Step::Tag(release, tags) => self.tag(release, tags).await,
            Step::End => self.record(Outcome::Done, "").await,
        }
    }

    async fn containers(&self) -> Result<Vec<Container>> {
        Ok(self.look().await?.iter().filter_map(container).collect())
    }

    async fn record(&self, outcome: Outcome, note: &str) -> Result<()> {
        let entry = Entry {
            number: 0,
            at: now(),
            by: self.caller.by.clone(),
            remark: Some(self.caller.remark.clone()),
            environment: self.site.environment,
            action: self.action,
            release: self.release.clone(),
            outcome,
            note: note.to_owned(),
            approved_by: self.approved_by.lock().await.clone(),
            token: self.token,
            previous: String::new(),
        };
        self.append(entry).await
    }
}

/// The containers of these images without those that are replaced; there is one of each at least.
fn started_for<'a>(
    all: &'a [Seen],
    images: &Images,
    leaving: &[Container],
) -> Result<Vec<&'a Seen>> {
    let stays = |seen: &&Seen| leaving.iter().all(|leaving| leaving.id != seen.id);
    let mut found = Vec::new();
    for (service, image) in images {
        let before = found.len();
        let release = image.digest.short();
        let is_it = |seen: &&Seen| seen.service() == Some(*service) && seen.release == release;
        found.extend(all.iter().filter(is_it).filter(stays));
        ensure!(
            found.len() > before,
            "no container of {service} runs for {release}"
        );
    }
    Ok(found)
}

fn ids(containers: &[Container]) -> Vec<&str> {
    let ids = containers.iter().map(|container| container.id.as_str());
    ids.collect()
}
