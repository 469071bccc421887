//! An environment as it is: its engine, its record, and how each step is done there.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use async_trait::async_trait;
use chrono::Utc;
use hyper::Method;
use tokio::sync::Mutex;

use crate::adapters::cosign::Cosign;
use crate::adapters::docker::Docker;
use crate::adapters::state::{Conflict, File, State};
use crate::adapters::tunnel::Tunnel;
use crate::environment::Environment;
use crate::ledger::{Action, Entry, Ledger, Outcome};
use crate::lock::Lease;
use crate::plan::{BY_HAND, Container, Observed, Routes, Step};
use crate::release::{Release, Service};
use crate::run::World;
use crate::{admission, progress, smoke};

/// How long new containers may take to be well.
const READY_TIMEOUT: Duration = Duration::from_mins(1);
const LOOK_PAUSE: Duration = Duration::from_millis(250);
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
        let state = State {
            docker: docker.clone(),
            environment,
        };
        Self {
            docker,
            state,
            environment,
        }
    }

    /// What is there.
    pub(crate) async fn observe(&self) -> Result<Observed> {
        Ok(Observed {
            routes: parse_routes(&self.state.live().await?),
            containers: self.docker.containers(self.environment).await?,
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

    /// Tries a container itself.
    pub(crate) async fn smoke(&self, service: Service, container: &Container) -> Result<()> {
        let mut tunnel = self.tunnel(&container.id, service.port()).await?;
        let tested = smoke::test(service, &mut tunnel).await;
        tested.with_context(|| container.name.clone())
    }

    /// A connection to a container, from within the environment.
    async fn tunnel(&self, container: &str, port: u16) -> Result<Tunnel> {
        let network = self.environment.network();
        let address = self.docker.address(container, &network).await?;
        Tunnel::open(&self.docker, &network, &address, port).await
    }
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
    pub(crate) cosign: &'a Cosign,
    pub(crate) action: Action,
    pub(crate) release: Release,
    pub(crate) by: String,
    pub(crate) token: u64,
    /// As it is while the lock is held.
    pub(crate) ledger: Mutex<Ledger>,
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

    /// Waits until the containers that were started for the image are well.
    async fn wait_ready(&self, service: Service, release: &str) -> Result<()> {
        let waiting = async {
            loop {
                let containers = self.started_for(service, release).await?;
                let mut well = 0;
                for container in &containers {
                    let (state, health) = self.site.docker.health(&container.id).await?;
                    if state != "running" && state != "created" {
                        bail!(
                            "{} is {state}; it said:\n{}",
                            container.name,
                            self.site.docker.log(&container.id).await
                        );
                    }
                    well += usize::from(health == "healthy");
                }
                if well == containers.len() {
                    return Ok(());
                }
                tokio::time::sleep(LOOK_PAUSE).await;
            }
        };
        if let Ok(ready) = tokio::time::timeout(READY_TIMEOUT, waiting).await {
            return ready;
        }
        let mut said = String::new();
        for container in self.started_for(service, release).await? {
            said += &self.site.docker.log(&container.id).await;
        }
        bail!("{service} is not well within {READY_TIMEOUT:?}; it said:\n{said}")
    }

    async fn started_for(&self, service: Service, release: &str) -> Result<Vec<Container>> {
        let all = self.site.docker.containers(self.site.environment).await?;
        let is_it =
            |container: &Container| container.service == service && container.release == release;
        let found: Vec<_> = all.into_iter().filter(is_it).collect();
        ensure!(
            !found.is_empty(),
            "no container of {service} runs for {release}"
        );
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
        let proxy = self.site.environment.container("proxy");
        for service in Service::ALL {
            let mut tunnel = self.site.tunnel(&proxy, service.port()).await?;
            let (status, body) = tunnel.call(Method::GET, "/readyz", None).await?;
            ensure!(
                status == 200,
                "{service} answers {status} through the proxy: {}",
                String::from_utf8_lossy(&body)
            );
        }
        Ok(())
    }

    async fn smoke(&self, release: &Release) -> Result<()> {
        for (service, image) in &release.images {
            for container in self.started_for(*service, image.digest.short()).await? {
                self.site.smoke(*service, &container).await?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl World for Delivery<'_> {
    async fn perform(&self, step: &Step) -> Result<()> {
        let docker = &self.site.docker;
        match step {
            Step::Admit(_, image) => admission::admit(self.cosign, image).await,
            Step::Pull(_, image) => docker.pull(image).await,
            Step::Begin => self.record(Outcome::Begun, "").await,
            Step::Clear(containers) => {
                for container in containers {
                    docker.remove(&container.id).await?;
                }
                Ok(())
            }
            Step::Start {
                service,
                image,
                replicas,
            } => {
                docker
                    .start_beside(self.site.environment, *service, image, *replicas)
                    .await
            }
            Step::Ready(service, image) => self.wait_ready(*service, image.digest.short()).await,
            Step::Smoke(release) => self.smoke(release).await,
            Step::Switch { to, .. } => self.switch(to).await,
            Step::Check => self.check().await,
            Step::Drain(containers) => {
                for container in containers {
                    docker.drain(&container.id).await?;
                }
                Ok(())
            }
            Step::End => self.record(Outcome::Done, "").await,
        }
    }

    async fn containers(&self) -> Result<Vec<Container>> {
        self.site.docker.containers(self.site.environment).await
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
            token: self.token,
            previous: String::new(),
        };
        self.append(entry).await
    }
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
fn now() -> chrono::DateTime<Utc> {
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
