//! What only looks: `status`, `ledger`, `lock`, `smoke`.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use serde_json::json;

use super::Engine;
use super::order::drift;
use crate::adapters::docker::Seen;
use crate::environment::Environment;
use crate::ledger::Ledger;
use crate::release::Service;

#[derive(Args)]
pub(super) struct Status {
    /// Only this one; unset: all that are there
    environment: Option<Environment>,
    /// For machines
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        let environments = self
            .environment
            .map_or_else(|| Environment::ALL.to_vec(), |one| vec![one]);
        let mut told = Vec::new();
        for environment in environments {
            let site = engine.site(environment);
            let observed = site.observe().await?;
            let ledger = site.ledger().await;
            let entry = ledger.as_ref().ok().and_then(Ledger::serving);
            let current = entry.map(|entry| &entry.release);
            let mut services = serde_json::Map::new();
            let mut drift = drift(&observed, current);
            for service in Service::ALL {
                let serving = observed.serving(service);
                let names: Vec<_> = serving
                    .iter()
                    .map(|container| json!({"name": container.name, "release": container.release}))
                    .collect();
                services.insert(service.name().to_owned(), json!(names));
            }
            if let Err(error) = &ledger {
                drift.push(format!("{error:#}"));
            }
            let lease = site.lease().await?;
            told.push(json!({
                "environment": environment.name(),
                "release": current.map(|release| &release.tag),
                "since": entry.map(|entry| entry.at.to_rfc3339()),
                "by": entry.map(|entry| &entry.by),
                "approved_by": entry.and_then(|entry| entry.approved_by.as_ref()),
                "services": services,
                "drift": drift,
                "lock": lease,
            }));
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(&told)?);
        } else {
            told.iter().for_each(print);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print(status: &serde_json::Value) {
    let text = |name: &str| status[name].as_str().unwrap_or("-").to_owned();
    println!(
        "{:<6} {}  since {}",
        text("environment"),
        text("release"),
        text("since")
    );
    for (service, containers) in status["services"].as_object().into_iter().flatten() {
        for container in containers.as_array().into_iter().flatten() {
            let release = container["release"].as_str();
            let name = container["name"].as_str().unwrap_or_default();
            println!(
                "       {service:<14} {}  {name}",
                release.unwrap_or_default()
            );
        }
    }
    for drift in status["drift"].as_array().into_iter().flatten() {
        println!("       drift: {}", drift.as_str().unwrap_or_default());
    }
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
                        entry.by,
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
