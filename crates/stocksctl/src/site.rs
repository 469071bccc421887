//! An environment as it is: its engine, its record, and how each step is done there.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use async_trait::async_trait;
use chrono::Utc;
use futures_util::future::try_join_all;
use hyper::Method;
use tokio::sync::Mutex;

use crate::adapters::docker::{Docker, Seen};
use crate::adapters::registry::Registry;
use crate::adapters::state::{Conflict, File, State};
use crate::adapters::tunnel::Tunnel;
use crate::admission::Admission;
use crate::approval::Approvals;
use crate::environment::Environment;
use crate::ledger::{Action, Entry, Ledger, Outcome};
use crate::lock::Lease;
use crate::plan::{BY_HAND, Container, Images, Observed, Part, Routes, Step};
use crate::release::{Release, Service};
use crate::run::World;
use crate::{examine, progress, smoke};

/// How long new containers may take to be well.
const READY_TIMEOUT: Duration = Duration::from_mins(1);
const LOOK_PAUSE: Duration = Duration::from_millis(100);
/// Well within a lease.
const RENEW_PAUSE: Duration = Duration::from_secs(15);

/// An environment on its engine.
pub(crate) struct Site {
    pub(crate) docker: Docker,
    pub(crate) state: State,
    pub(crate) environment: Environment,
}

impl Site {
    pub(crate) fn new(docker: Docker, environment: Environment) -> Self {
        Self {
            state: State::new(docker.clone(), environment),
            docker,
            environment,
        }
    }

    /// What is there.
    pub(crate) async fn observe(&self) -> Result<Observed> {
        let (live, seen) = tokio::try_join!(self.state.live(), self.docker.look(self.environment))?;
        let is_missing = |part: &Part| !seen.iter().any(|seen| seen.is(*part));
        Ok(Observed {
            missing: Part::ALL.into_iter().filter(is_missing).collect(),
            routes: parse_routes(&live),
            containers: seen.iter().filter_map(container).collect(),
        })
    }

    /// The ledger, which must be whole.
    pub(crate) async fn ledger(&self) -> Result<Ledger> {
        let [text, head] = self.state.read([File::Ledger, File::Head]).await?;
        let head = (!head.is_empty()).then_some(head.as_str());
        Ledger::parse(&text, head)
            .with_context(|| format!("the ledger of {} is not what was written", self.environment))
    }

    /// Who works on it, or did last.
    pub(crate) async fn lease(&self) -> Result<Option<Lease>> {
        let [text] = self.state.read([File::Lock]).await?;
        parse_lease(&text)
    }

    /// Takes the lock.
    pub(crate) async fn lock(&self, owner: &str, purpose: &str) -> Result<Lock> {
        let [text] = self.state.read([File::Lock]).await?;
        let lease = Lease::take(
            parse_lease(&text)?.as_ref(),
            owner,
            std::process::id(),
            purpose,
            now(),
        )?;
        let new = serde_json::to_string(&lease)?;
        match self.state.replace(File::Lock, &text, &new, None).await {
            Err(error) if error.is::<Conflict>() => bail!(
                "somebody else has just taken the lock of {}",
                self.environment
            ),
            other => other?,
        }
        Ok(Lock {
            state: self.state.clone(),
            held: Mutex::new((lease, new)),
        })
    }

    /// Takes the lock away from whoever has it.
    pub(crate) async fn break_lock(&self) -> Result<Option<Lease>> {
        let [text] = self.state.read([File::Lock]).await?;
        let Some(lease) = parse_lease(&text)?.filter(|lease| lease.holds(now())) else {
            return Ok(None);
        };
        // A token is used up, so that the one who had it cannot write any more.
        let ended = Lease {
            token: lease.token + 1,
            ..lease.ended(now())
        };
        self.state
            .replace(File::Lock, &text, &serde_json::to_string(&ended)?, None)
            .await?;
        Ok(Some(lease))
    }

    /// Tries containers themselves. Those of one service one after the other, as they trade for the same user.
    pub(crate) async fn smoke(&self, containers: &[Container]) -> Result<()> {
        let seen = self.docker.look(self.environment).await?;
        let tests = Service::ALL.map(async |service| {
            for container in containers.iter().filter(|it| it.service == service) {
                let mut tunnel = self.tunnel(&seen, &container.id, service.port()).await?;
                let tested = smoke::test(service, &mut tunnel).await;
                tested.with_context(|| container.name.clone())?;
            }
            anyhow::Ok(())
        });
        try_join_all(tests).await.map(drop)
    }

    /// A connection to a container, from within the environment: from its proxy, which has a shell.
    async fn tunnel(&self, seen: &[Seen], id: &str, port: u16) -> Result<Tunnel> {
        let proxy = seen.iter().find(|seen| seen.is(Part::Proxy));
        let proxy = proxy.context("the proxy is not there")?;
        let target = seen.iter().find(|seen| seen.id == id);
        let target = target.with_context(|| format!("{id} is gone"))?;
        ensure!(
            !target.address.is_empty(),
            "{} is {} and has no address",
            target.name,
            target.state
        );
        Tunnel::open(&self.docker, &proxy.id, &target.address, port).await
    }
}

fn container(seen: &Seen) -> Option<Container> {
    Some(Container {
        id: seen.id.clone(),
        name: seen.name.clone(),
        service: seen.service()?,
        release: seen.release.clone(),
    })
}

/// The lock, held.
pub(crate) struct Lock {
    state: State,
    held: Mutex<(Lease, String)>,
}

impl Lock {
    pub(crate) async fn token(&self) -> u64 {
        self.held.lock().await.0.token
    }

    /// Renews it for ever; ends only when it is lost.
    pub(crate) async fn keep(&self) {
        loop {
            tokio::time::sleep(RENEW_PAUSE).await;
            if let Err(error) = self.become_lease(|lease| lease.renewed(now())).await {
                progress::note(&format!("cannot renew the lock: {error:#}"));
                if error.is::<Conflict>() {
                    return;
                }
            }
        }
    }

    /// Gives it back.
    pub(crate) async fn release(&self) -> Result<()> {
        self.become_lease(|lease| lease.ended(now())).await
    }

    async fn become_lease(&self, next: impl Fn(&Lease) -> Lease) -> Result<()> {
        let mut held = self.held.lock().await;
        let lease = next(&held.0);
        let text = serde_json::to_string(&lease)?;
        self.state
            .replace(File::Lock, &held.1, &text, Some(lease.token))
            .await?;
        *held = (lease, text);
        Ok(())
    }
}

/// A release on its way to a site.
pub(crate) struct Delivery<'a> {
    pub(crate) site: &'a Site,
    pub(crate) registry: &'a Registry,
    pub(crate) admission: Admission<'a>,
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
                for seen in self.started_for(images).await? {
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
        for seen in self.started_for(images).await? {
            if seen.health != "healthy" {
                let log = self.site.docker.log(&seen.id).await;
                said += &["\n", &seen.name, ": ", &log].concat();
            }
        }
        bail!("not well within {READY_TIMEOUT:?}; they said:{said}")
    }

    /// The containers of these images; there is one of each at least.
    async fn started_for(&self, images: &Images) -> Result<Vec<Seen>> {
        let all = self.site.docker.look(self.site.environment).await?;
        let mut found = Vec::new();
        for (service, image) in images {
            let before = found.len();
            let is_it = |seen: &&Seen| {
                seen.service() == Some(*service) && seen.release == image.digest.short()
            };
            found.extend(all.iter().filter(is_it).cloned());
            ensure!(
                found.len() > before,
                "no container of {service} runs for {}",
                image.digest.short()
            );
        }
        Ok(found)
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
        let seen = self.site.docker.look(self.site.environment).await?;
        let proxy = seen.iter().find(|seen| seen.is(Part::Proxy));
        let proxy = &proxy.context("the proxy is not there")?.id;
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
        let started = self.started_for(&release.images).await?;
        let containers: Vec<_> = started.iter().filter_map(container).collect();
        self.site.smoke(&containers).await
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
        let seen = self.site.docker.look(self.site.environment).await?;
        Ok(seen.iter().filter_map(container).collect())
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

fn ids(containers: &[Container]) -> Vec<&str> {
    let ids = containers.iter().map(|container| container.id.as_str());
    ids.collect()
}

fn parse_lease(text: &str) -> Result<Option<Lease>> {
    if text.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(text)
        .map(Some)
        .context("the lock cannot be read")
}

/// The name of the file that the proxy looks up: `-0123456789ab_-cdef01234567.release`.
fn format_routes(routes: &Routes) -> String {
    let suffix = |service| format!("-{}", routes.get(&service).map_or(BY_HAND, String::as_str));
    format!("{}.release", Service::ALL.map(suffix).join("_"))
}

/// Without a name, and for what is not in it, what was started by hand serves.
fn parse_routes(name: &str) -> Routes {
    let mut suffixes = name.trim_end_matches(".release").split('_');
    let mut route = || {
        let suffix = suffixes.next().and_then(|suffix| suffix.strip_prefix('-'));
        suffix.unwrap_or(BY_HAND).to_owned()
    };
    Service::ALL.map(|service| (service, route())).into()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a person reads these times, and leases end by them"
)]
pub(crate) fn now() -> chrono::DateTime<Utc> {
    Utc::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_as_they_are_written() {
        let route = |name: &str| name.to_owned();
        let routes: Routes = [
            (Service::StockListing, route("0123456789ab")),
            (Service::Trade, route(BY_HAND)),
        ]
        .into();
        let name = format_routes(&routes);
        assert_eq!(name, "-0123456789ab_-by-hand.release");
        assert_eq!(parse_routes(&name), routes);
        assert_eq!(
            parse_routes(""),
            Service::ALL.map(|service| (service, route(BY_HAND))).into()
        );
    }
}
