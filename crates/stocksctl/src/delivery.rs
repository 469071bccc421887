//! A release on its way to an environment: how each step of the plan is done there.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use async_trait::async_trait;
use futures_util::future::try_join_all;
use hyper::Method;
use tokio::sync::Mutex;

use crate::adapters::docker::Seen;
use crate::adapters::registry::Registry;
use crate::admission::Admission;
use crate::approval::Approvals;
use crate::examine;
use crate::ledger::{Action, Entry, Ledger, Outcome};
use crate::plan::{Container, Images, Routes, Step};
use crate::release::{Release, Service};
use crate::run::World;
use crate::site::{Site, container, format_routes, now, proxy};

/// How long new containers may take to be well.
const READY_TIMEOUT: Duration = Duration::from_mins(1);
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// A release on its way to a site.
pub(crate) struct Delivery<'a> {
    pub(crate) site: &'a Site,
    pub(crate) registry: &'a Registry,
    pub(crate) admission: Admission,
    pub(crate) approvals: &'a Approvals,
    pub(crate) action: Action,
    pub(crate) release: Release,
    pub(crate) by: String,
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
        let note = format!("found by {}", self.by);
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

    /// Waits until the containers that were started for the images are well.
    async fn wait_ready(&self, images: &Images) -> Result<()> {
        let waiting = async {
            loop {
                let mut is_ready = true;
                for seen in started_for(&self.look().await?, images)? {
                    if seen.state != "running" && seen.state != "created" {
                        let said = self.site.docker.log(&seen.id).await;
                        bail!("{} is {}; it said:\n{said}", seen.name, seen.state);
                    }
                    is_ready &= seen.health == "healthy";
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
        let mut said = String::new();
        for seen in started_for(&self.look().await?, images)? {
            if seen.health != "healthy" {
                let log = self.site.docker.log(&seen.id).await;
                said += &["\n", &seen.name, ": ", &log].concat();
            }
        }
        bail!("not well within {READY_TIMEOUT:?}; they said:{said}")
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

    async fn check(&self) -> Result<()> {
        let seen = self.look().await?;
        let proxy = proxy(&seen)?;
        let checks = Service::ALL.map(async |service| {
            let mut tunnel = self.site.tunnel(&seen, proxy, service.port()).await?;
            let (status, body) = tunnel.call(Method::GET, "/readyz", None).await?;
            ensure!(
                status == 200,
                "{service} answers {status} through the proxy: {}",
                String::from_utf8_lossy(&body)
            );
            anyhow::Ok(())
        });
        try_join_all(checks).await.map(drop)
    }

    async fn smoke(&self, release: &Release) -> Result<()> {
        let seen = self.look().await?;
        let started = started_for(&seen, &release.images)?;
        self.site.smoke(&seen, &started).await
    }

    async fn admit(&self, release: &Release) -> Result<()> {
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
            Step::Examine(missing) => examine::examine(self.site, missing, self.action).await,
            Step::Admit(release) => self.admit(release).await,
            Step::Approve(release) => self.approve(release).await,
            Step::Pull(images) => {
                let pulls = images.values().map(|image| docker.pull(image));
                try_join_all(pulls).await.map(drop)
            }
            Step::Begin => self.record(Outcome::Begun, "").await,
            Step::Prepare(parts) => docker.prepare(environment, parts).await,
            Step::Dismantle(parts) => docker.dismantle(environment, parts).await,
            Step::Clear(containers) => docker.remove(&ids(containers)).await,
            Step::Start { launches, .. } => docker.start_beside(environment, launches).await,
            Step::Ready(images) => self.wait_ready(images).await,
            Step::Smoke(release) => self.smoke(release).await,
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
            by: self.by.clone(),
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

/// The containers of these images; there is one of each at least.
fn started_for<'a>(all: &'a [Seen], images: &Images) -> Result<Vec<&'a Seen>> {
    let mut found = Vec::new();
    for (service, image) in images {
        let before = found.len();
        let release = image.digest.short();
        let is_it = |seen: &&Seen| seen.service() == Some(*service) && seen.release == release;
        found.extend(all.iter().filter(is_it));
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
