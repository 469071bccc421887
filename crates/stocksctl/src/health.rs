//! The judgement of `status`: what stands between an environment and its users, found from what was seen of it.

use std::collections::BTreeMap;

use crate::environment::Environment;
use crate::ledger::Entry;
use crate::plan::{BY_HAND, Condition, Observed};
use crate::release::{Release, Service};
use crate::seal::Vault;

/// An environment, as far as requests are concerned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// Nothing of it is there, and nothing should be.
    NotRunning,
    /// It serves.
    Serving,
    /// Something is to be done.
    Failing,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NotRunning => "not running",
            Self::Serving => "serving",
            Self::Failing => "failing",
        }
    }
}

/// The answer of a service to `/readyz` through the proxy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// A status, and what was said with it.
    Status(u16, String),
    /// None, for this reason.
    Nothing(String),
}

impl Answer {
    /// The fault in it, if there is one.
    pub(crate) fn fault(&self, service: Service) -> Option<String> {
        match self {
            Self::Status(200, _) => None,
            Self::Status(status, said) => Some(format!(
                "{service} answers {status} through the proxy: {said}"
            )),
            Self::Nothing(reason) => Some(format!(
                "{service} does not answer through the proxy: {reason}"
            )),
        }
    }
}

/// Everything that was seen of an environment at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) environment: Environment,
    pub(crate) observed: Observed,
    /// The entry of the recorded release, or what is wrong with the ledger.
    pub(crate) recorded: Result<Option<Entry>, String>,
    /// The services that were asked.
    pub(crate) answers: BTreeMap<Service, Answer>,
    /// Vault, where there is something to ask it through.
    pub(crate) vault: Option<Vault>,
}

impl Snapshot {
    pub(crate) fn state(&self) -> State {
        if !self.faults().is_empty() {
            State::Failing
        } else if self.observed.is_there() {
            State::Serving
        } else {
            State::NotRunning
        }
    }

    /// The recorded release.
    pub(crate) fn release(&self) -> Option<&Release> {
        let entry = self.recorded.as_ref().ok()?.as_ref();
        entry.map(|entry| &entry.release)
    }

    /// Everything that is wrong, each with what it is wrong with.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Err(reason) = &self.recorded {
            faults.push(reason.clone());
        }
        if self.observed.is_there() {
            self.add_parts(&mut faults);
            self.add_services(&mut faults);
            let answers = self.answers.iter();
            faults.extend(answers.filter_map(|(service, answer)| answer.fault(*service)));
            faults.extend(self.vault.as_ref().and_then(Vault::fault));
        } else if let Some(release) = self.release() {
            faults.push(format!(
                "nothing of it runs, and the ledger says that {} serves",
                release.tag
            ));
        }
        faults
    }

    fn add_parts(&self, faults: &mut Vec<String>) {
        let observed = &self.observed;
        let missing = observed.missing.iter();
        faults.extend(missing.map(|part| format!("{part} is missing")));
        let broken = observed.broken.iter();
        faults.extend(broken.map(|broken| told(&broken.name, &broken.condition)));
        let failed = observed.failed_tasks.iter();
        faults.extend(failed.map(|task| {
            let name = &task.name;
            format!(
                "{name} has failed with exit code {}: see `docker logs {name}`",
                task.code
            )
        }));
    }

    fn add_services(&self, faults: &mut Vec<String>) {
        for service in Service::ALL {
            let serving = self.observed.serving(service);
            if serving.is_empty() {
                faults.push(format!("no container of {service} is there"));
            }
            let broken = serving
                .into_iter()
                .filter(|it| it.condition != Condition::Healthy);
            faults.extend(broken.map(|it| told(&it.name, &it.condition)));
        }
    }

    /// Each container that serves and is not of the recorded release. It serves all the same, so that it is no fault.
    pub(crate) fn drift(&self) -> Vec<String> {
        drift(&self.observed, self.release())
    }

    /// The command that repairs it, once Vault is open; none where nothing is to be repaired, or no command can.
    pub(crate) fn repair(&self) -> Option<String> {
        let vault = usize::from(
            self.vault
                .as_ref()
                .is_some_and(|vault| vault.fault().is_some()),
        );
        let environment = self.environment;
        match &self.recorded {
            Err(_) => None,
            Ok(_) if self.faults().len() <= vault => None,
            Ok(Some(entry)) => Some(format!(
                "stocksctl deploy {environment} {}",
                entry.release.as_target()
            )),
            Ok(None) => Some(format!("./stocks up {environment}")),
        }
    }
}

/// A container's condition, and where the reason is found.
fn told(name: &str, condition: &Condition) -> String {
    let has_reason = match condition {
        Condition::Unhealthy | Condition::Restarting => true,
        Condition::Stopped(code) => *code != 0,
        _ => false,
    };
    let reason = has_reason.then(|| format!(": see `docker logs {name}`"));
    format!("{name} is {condition}{}", reason.unwrap_or_default())
}

/// Each container that serves and is not of the recorded release.
pub(crate) fn drift(observed: &Observed, recorded: Option<&Release>) -> Vec<String> {
    let mut drift = Vec::new();
    for service in Service::ALL {
        let recorded = recorded.and_then(|release| release.image(service));
        let recorded = recorded.map(|image| image.digest.short());
        for container in observed.serving(service) {
            // An environment of plain Compose has no record that it could differ from.
            let as_recorded = recorded.unwrap_or(BY_HAND);
            if container.release == as_recorded {
                continue;
            }
            let is = match container.release.as_str() {
                BY_HAND => "was started by hand".to_owned(),
                release => format!("is of {release}"),
            };
            let says = recorded.map_or_else(
                || "the ledger has no release".to_owned(),
                |recorded| format!("the ledger says {recorded}"),
            );
            drift.push(format!("{} {is}; {says}", container.name));
        }
    }
    drift
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
