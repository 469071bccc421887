//! The verbs that only look: `status`, `ledger`, `lock`, `smoke`.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::process::ExitCode;

use anyhow::{Result, ensure};
use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::Engine;
use crate::adapters::docker::Seen;
use crate::environment::Environment;
use crate::health::{Snapshot, State};
use crate::lock::Lease;
use crate::release::Service;
use crate::site::now;

#[derive(Args)]
pub(super) struct Status {
    /// Only this environment; unset: all of them
    environment: Option<Environment>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        let environments = self
            .environment
            .map_or_else(|| Environment::ALL.to_vec(), |one| vec![one]);
        let looks = environments.into_iter().map(async |environment| {
            let site = engine.site(environment);
            let snapshot = site.snapshot().await?;
            let lease = site.lease().await?.filter(|lease| lease.holds(now()));
            anyhow::Ok((snapshot, lease))
        });
        let looked = try_join_all(looks).await?;
        if self.json {
            let told: Vec<_> = looked
                .iter()
                .map(|(snapshot, lease)| as_json(snapshot, lease.as_ref()))
                .collect();
            println!("{}", serde_json::to_string_pretty(&told)?);
        } else {
            for (snapshot, lease) in &looked {
                print!("{}", as_text(snapshot, lease.as_ref()));
            }
        }
        let is_failing = |(snapshot, _): &(Snapshot, _)| snapshot.state() == State::Failing;
        Ok(if looked.iter().any(is_failing) {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn as_json(snapshot: &Snapshot, lease: Option<&Lease>) -> Value {
    let entry = snapshot.recorded.as_ref().ok().and_then(Option::as_ref);
    let services = Service::ALL.map(|service| {
        let serving = snapshot.observed.serving(service).into_iter();
        let containers = serving.map(|container| {
            json!({
                "name": container.name,
                "release": container.release,
                "condition": container.condition.to_string(),
            })
        });
        (service.name().to_owned(), containers.collect())
    });
    json!({
        "environment": snapshot.environment.name(),
        "state": snapshot.state().name(),
        "release": entry.map(|entry| &entry.release.tag),
        "since": entry.map(|entry| entry.at.to_rfc3339()),
        "by": entry.map(|entry| &entry.by),
        "remark": entry.map(|entry| &entry.remark),
        "approved_by": entry.and_then(|entry| entry.approved_by.as_ref()),
        "services": serde_json::Map::from_iter(services),
        "faults": snapshot.faults(),
        "drift": snapshot.drift(),
        "repair": snapshot.repair(),
        "lock": lease,
    })
}

fn as_text(snapshot: &Snapshot, lease: Option<&Lease>) -> String {
    let entry = snapshot.recorded.as_ref().ok().and_then(Option::as_ref);
    let served = entry.map(|entry| {
        let since = entry.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        format!("  {} since {since}", entry.release.tag)
    });
    let mut lines = vec![format!(
        "{:<6} {}{}",
        snapshot.environment.name(),
        snapshot.state().name(),
        served.unwrap_or_default()
    )];
    for service in Service::ALL {
        for container in snapshot.observed.serving(service) {
            lines.push(format!(
                "       {:<14} {:<12} {}, {}",
                service.name(),
                container.release,
                container.name,
                container.condition
            ));
        }
    }
    let mut add = |what: &str, text: String| lines.push(format!("       {what}: {text}"));
    for fault in snapshot.faults() {
        add("fault", fault);
    }
    for drift in snapshot.drift() {
        add("drift", drift);
    }
    if let Some(lease) = lease {
        add("lock", format!("{} has it: {}", lease.owner, lease.purpose));
    }
    if let Some(repair) = snapshot.repair() {
        add("repair", format!("`{repair}`"));
    }
    lines.join("\n") + "\n"
}

#[derive(Subcommand)]
pub(super) enum LedgerVerb {
    /// Finds any change of what was written
    Verify {
        /// Of which environment
        environment: Environment,
    },
    /// Prints it, the newest last
    Show {
        /// Of which environment
        environment: Environment,
    },
}

impl LedgerVerb {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        match self {
            Self::Verify { environment } => {
                let ledger = engine.site(environment).ledger().await?;
                println!("{} entries, each as it was written", ledger.entries().len());
            }
            Self::Show { environment } => {
                for entry in engine.site(environment).ledger().await?.entries() {
                    let what = serde_json::to_string(&(entry.action, entry.outcome))?;
                    println!(
                        "{:>4} {} {:<12} {what} {} {}",
                        entry.number,
                        entry.at.to_rfc3339(),
                        entry.caller(),
                        entry.release,
                        entry.note
                    );
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Subcommand)]
pub(super) enum LockVerb {
    /// Prints who holds it
    Show {
        /// Of which environment
        environment: Environment,
    },
    /// Takes it away from whoever holds it, who cannot write any more
    Break {
        /// Of which environment
        environment: Environment,
        /// It is known that whoever holds it is gone
        #[arg(long, required = true)]
        yes: bool,
    },
}

impl LockVerb {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        match self {
            Self::Show { environment } => {
                println!(
                    "{}",
                    serde_json::to_string_pretty(&engine.site(environment).lease().await?)?
                );
            }
            Self::Break { environment, .. } => match engine.site(environment).break_lock().await? {
                Some(lease) => println!("taken from {}", lease.owner),
                None => println!("nobody holds it"),
            },
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Args)]
pub(super) struct Smoke {
    /// Where
    environment: Environment,
}

impl Smoke {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        let site = engine.site(self.environment);
        let observed = site.observe().await?;
        let seen = site.docker.look(self.environment).await?;
        for service in Service::ALL {
            let serving = observed.serving(service);
            ensure!(!serving.is_empty(), "no container of {service} is there");
            let is_serving = |seen: &&Seen| serving.iter().any(|it| it.id == seen.id);
            let there: Vec<_> = seen.iter().filter(is_serving).collect();
            ensure!(
                there.len() == serving.len(),
                "a container of {service} is gone"
            );
            site.smoke(&seen, &there).await?;
            for container in there {
                println!("{} is well", container.name);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
