//! An environment as it is: its engine, its record, its lock.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use chrono::Utc;
use futures_util::future::{join_all, try_join_all};
use hyper::Method;
use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::adapters::docker::{Docker, Seen};
use crate::adapters::state::{Conflict, File, State};
use crate::adapters::tunnel::Tunnel;
use crate::environment::Environment;
use crate::health::{Answer, Snapshot};
use crate::installation::Installation;
use crate::ledger::Ledger;
use crate::lock::Lease;
use crate::plan::{BY_HAND, BrokenPart, Condition, Container, FailedTask, Observed, Part, Routes};
use crate::progress::chain;
use crate::release::Service;
use crate::seal::Vault;
use crate::{progress, smoke};

/// Longest text of an answer that is shown.
const SHOWN_CHARACTERS: usize = 300;
/// Well within a lease.
const RENEW_PAUSE: Duration = Duration::from_secs(15);

/// An environment on its engine.
pub(crate) struct Site {
    pub(crate) docker: Docker,
    pub(crate) state: State,
    pub(crate) environment: Environment,
    smoke_key: Option<SmokeKey>,
}

/// What smoke tests show the services.
pub(crate) enum SmokeKey {
    Text(SecretString),
    File(PathBuf),
}

impl SmokeKey {
    fn read(&self) -> Result<SecretString> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(file) => {
                let text = std::fs::read_to_string(file);
                let text = text.with_context(|| file.display().to_string())?;
                Ok(text.trim_end().into())
            }
        }
    }
}

impl Site {
    pub(crate) fn new(
        docker: Docker,
        environment: Environment,
        smoke_key: Option<SmokeKey>,
    ) -> Self {
        Self {
            state: State::new(docker.clone(), environment),
            docker,
            environment,
            smoke_key,
        }
    }

    /// What is there.
    pub(crate) async fn observe(&self) -> Result<Observed> {
        let (live, seen) = tokio::try_join!(self.state.live(), self.docker.look(self.environment))?;
        Ok(observed(&live, &seen))
    }

    /// Everything that `status` judges.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot> {
        let (live, seen) = tokio::try_join!(self.state.live(), self.docker.look(self.environment))?;
        let observed = observed(&live, &seen);
        let ledger = self.ledger().await;
        let recorded = ledger.map(|ledger| ledger.serving().cloned());
        let (answers, vault) = if observed.is_there() {
            tokio::join!(self.answers(&seen), Vault::look(&self.docker, &seen))
        } else {
            (BTreeMap::new(), Ok(None))
        };
        Ok(Snapshot {
            environment: self.environment,
            observed,
            recorded: recorded.map_err(|error| chain(&error)),
            answers,
            vault: vault?,
        })
    }

    /// The answer of each service through the proxy; nothing where the proxy does not run, which is a fault of its own.
    async fn answers(&self, seen: &[Seen]) -> BTreeMap<Service, Answer> {
        let is_running = proxy(seen).is_ok_and(|proxy| proxy.condition.is_running());
        if !is_running {
            return BTreeMap::new();
        }
        let answers = Service::ALL.map(async |service| (service, self.ask(seen, service).await));
        join_all(answers).await.into_iter().collect()
    }

    /// Asks a service through the proxy whether it is ready.
    pub(crate) async fn ask(&self, seen: &[Seen], service: Service) -> Answer {
        let asked = async {
            let mut tunnel = self.tunnel(seen, proxy(seen)?, service.port()).await?;
            tunnel.call(Method::GET, "/readyz", None).await
        };
        match asked.await {
            Ok((status, body)) => Answer::Status(status, detail(&body)),
            Err(error) => Answer::Nothing(chain(&error)),
        }
    }

    /// The ledger, which must be whole.
    pub(crate) async fn ledger(&self) -> Result<Ledger> {
        let [text, head] = self.state.read([File::Ledger, File::Head]).await?;
        let head = (!head.is_empty()).then_some(head.as_str());
        Ledger::parse(&text, head)
            .with_context(|| format!("the ledger of {} is not what was written", self.environment))
    }

    /// The settings of the installation.
    pub(crate) async fn installation(&self) -> Result<Installation> {
        let [text] = self.state.read([File::Installation]).await?;
        Installation::parse(&text).with_context(|| self.environment.name())
    }

    /// Replaces them. The lock is not needed: each call reads them once, at its start.
    pub(crate) async fn install(&self, installation: &Installation) -> Result<()> {
        let [old] = self.state.read([File::Installation]).await?;
        let new = serde_json::to_string(installation)?;
        self.state
            .replace(File::Installation, &old, &new, None)
            .await
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

    /// Tries containers themselves, which are among those `seen`. Those of one service one after the other, as they trade for
    /// the same user.
    pub(crate) async fn smoke(&self, seen: &[Seen], containers: &[&Seen]) -> Result<()> {
        let key = self.smoke_key.as_ref().map(SmokeKey::read).transpose()?;
        let tests = Service::ALL.map(async |service| {
            let of_service = containers.iter().filter(|it| it.service() == Some(service));
            for container in of_service {
                let tunnel = self.tunnel(seen, container, service.port()).await?;
                let mut tunnel = tunnel.with_key(key.clone());
                if let Err(error) = smoke::test(service, &mut tunnel).await {
                    // It is removed before anybody could ask it.
                    let lines = self.docker.last_lines(&container.id).await;
                    return Err(anyhow!("{}: {}{lines}", container.name, chain(&error)));
                }
            }
            anyhow::Ok(())
        });
        try_join_all(tests).await.map(drop)
    }

    /// A connection to a container, from within the environment: from its proxy, which has a shell.
    pub(crate) async fn tunnel(&self, seen: &[Seen], target: &Seen, port: u16) -> Result<Tunnel> {
        ensure!(
            !target.address.is_empty(),
            "{} is {} and has no address",
            target.name,
            target.condition
        );
        Tunnel::open(&self.docker, &proxy(seen)?.id, &target.address, port).await
    }
}

/// The proxy's container.
pub(crate) fn proxy(seen: &[Seen]) -> Result<&Seen> {
    let proxy = seen.iter().find(|seen| seen.is(Part::Proxy));
    proxy.context("the proxy is not there")
}

pub(crate) fn container(seen: &Seen) -> Option<Container> {
    Some(Container {
        id: seen.id.clone(),
        name: seen.name.clone(),
        service: seen.service()?,
        release: seen.release.clone(),
        condition: seen.condition.clone(),
    })
}

fn observed(live: &str, seen: &[Seen]) -> Observed {
    let is_missing = |part: &Part| !seen.iter().any(|seen| seen.is(*part));
    let broken = |seen: &Seen| {
        let part = seen.part()?;
        (seen.condition != Condition::Healthy).then(|| BrokenPart {
            part,
            name: seen.name.clone(),
            condition: seen.condition.clone(),
        })
    };
    // A container of neither a service nor a part has one task, and ends with 0.
    let failed = |seen: &Seen| match seen.condition {
        Condition::Stopped(code) if code != 0 => Some(FailedTask {
            name: seen.name.clone(),
            code,
        }),
        _ => None,
    };
    let tasks = seen
        .iter()
        .filter(|seen| seen.part().is_none() && seen.service().is_none());
    let mut broken: Vec<_> = seen.iter().filter_map(broken).collect();
    broken.sort_by_key(|broken| broken.part);
    Observed {
        missing: Part::ALL.into_iter().filter(is_missing).collect(),
        broken,
        failed_tasks: tasks.filter_map(failed).collect(),
        routes: parse_routes(live),
        containers: seen.iter().filter_map(container).collect(),
    }
}

/// The part of an answer that says what is wrong: that of a problem document, or all of it.
fn detail(body: &[u8]) -> String {
    let problem = serde_json::from_slice::<serde_json::Value>(body).ok();
    let detail = problem.as_ref().and_then(|problem| {
        let detail = problem["detail"].as_str();
        detail.or_else(|| problem["title"].as_str())
    });
    let text = String::from_utf8_lossy(body);
    let text = detail.map_or_else(|| text.trim(), str::trim);
    text.chars().take(SHOWN_CHARACTERS).collect()
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
                progress::note(&format!("cannot renew the lock: {}", chain(&error)));
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

fn parse_lease(text: &str) -> Result<Option<Lease>> {
    if text.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(text)
        .map(Some)
        .context("the lock cannot be read")
}

/// The name of the file that the proxy looks up: `-0123456789ab_-cdef01234567.release`.
pub(crate) fn format_routes(routes: &Routes) -> String {
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

    fn seen(of: &str, condition: Condition) -> Seen {
        Seen {
            id: of.to_owned(),
            name: format!("stocks-dev-{of}-1"),
            of: of.to_owned(),
            release: BY_HAND.to_owned(),
            condition,
            address: String::new(),
        }
    }

    #[test]
    fn one_shot_containers_end_with_0_and_are_neither_services_nor_parts() {
        let all = [
            seen("files", Condition::Stopped(0)),
            seen("secrets", Condition::Healthy),
            seen("vault-agent", Condition::Healthy),
            seen("db", Condition::Stopped(0)),
        ];
        let found = observed("", &all);
        assert_eq!(found.failed_tasks, []);
        assert_eq!(found.missing, [Part::Proxy]);
        assert!(found.containers.is_empty());
        let broken: Vec<_> = found.broken.iter().map(|it| it.part).collect();
        assert_eq!(broken, [Part::Database]);
        assert!(!observed("", &all[..2]).is_there());

        let failed = observed("", &[seen("files", Condition::Stopped(3))]).failed_tasks;
        let name = "stocks-dev-files-1".to_owned();
        assert_eq!(failed, [FailedTask { name, code: 3 }]);
    }

    #[test]
    fn an_answer_is_told_by_what_it_says_is_wrong() {
        for (body, expected) in [
            (
                r#"{"title":"Not ready","detail":"no database"}"#,
                "no database",
            ),
            (r#"{"title":"Not ready"}"#, "Not ready"),
            ("bad gateway\n", "bad gateway"),
            ("", ""),
        ] {
            assert_eq!(detail(body.as_bytes()), expected);
        }
        assert_eq!(detail("x".repeat(1000).as_bytes()).len(), SHOWN_CHARACTERS);
    }

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
