//! `images prune`: deletes the images in Harbor that nothing needs any more.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use super::Engine;
use super::harbor::{Account, PROJECT};
use crate::adapters::docker::Docker;
use crate::environment::Environment;
use crate::prune::{in_use, surplus};
use crate::release::Service;
use crate::site::{Site, now};

#[derive(Args)]
pub(super) struct Prune {
    /// Keep the newest images of each service
    #[arg(long, default_value_t = 100)]
    newest: usize,
    /// Keep so many releases to roll back to in each environment [default: all that have served there]
    #[arg(long)]
    rollbacks: Option<usize>,
    /// The docker context of an environment on another engine
    #[arg(long = "at", value_name = "ENV=CONTEXT", value_parser = parse_place)]
    places: Vec<(Environment, String)>,
    /// An environment that does not exist
    #[arg(long = "without", value_name = "ENV")]
    absent: Vec<Environment>,
    /// Delete the images; without it they are only listed
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    account: Account,
}

impl Prune {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        let harbor = self.account.harbor()?;
        let harbor = harbor.context("--harbor names Harbor's address")?;
        // The images first: a release that comes into service meanwhile stands in a ledger that is read after them.
        let mut repositories = Vec::new();
        for service in Service::ALL {
            repositories.push((service, harbor.artifacts(PROJECT, service.name()).await?));
        }
        let kept = self.in_use(engine).await?;
        let mut count = 0;
        for (service, images) in &repositories {
            for image in surplus(images, self.newest, &kept, now()) {
                let tags: Vec<_> = image.tags.iter().map(|tag| tag.name.as_str()).collect();
                let line = format!("{service} {} {}", image.digest, tags.join(" "));
                if self.yes {
                    let deleted = harbor.delete_artifact(PROJECT, service.name(), &image.digest);
                    deleted.await.with_context(|| line.clone())?;
                }
                println!("{line}");
                count += 1;
            }
        }
        match (self.yes, count) {
            (_, 0) => println!("No image can be deleted."),
            (true, _) => println!("{count} images deleted. Harbor frees their layers at night."),
            (false, _) => println!("{count} images can be deleted. Delete them with --yes."),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The digests that the ledgers of all environments name. A ledger that cannot be read fails the call: its images would go.
    async fn in_use(&self, engine: &Engine) -> Result<BTreeSet<String>> {
        let mut digests = BTreeSet::new();
        for environment in Environment::ALL {
            if self.absent.contains(&environment) {
                continue;
            }
            let site = self.site(engine, environment);
            let ledger = site.ledger().await?;
            ensure!(
                !ledger.entries().is_empty(),
                "{environment} has no ledger on this engine: name its docker context with --at {environment}=CONTEXT, or say --without {environment} if it does not exist. Nothing was deleted"
            );
            digests.extend(in_use(&ledger, self.rollbacks));
        }
        Ok(digests)
    }

    fn site(&self, engine: &Engine, environment: Environment) -> Site {
        let place = self.places.iter().find(|(at, _)| *at == environment);
        match place {
            None => engine.site(environment),
            Some((_, context)) => {
                let docker = Docker {
                    context: Some(context.clone()),
                    ..engine.docker()
                };
                Site::new(docker, environment, None)
            }
        }
    }
}

fn parse_place(text: &str) -> Result<(Environment, String), String> {
    let (environment, context) = text.split_once('=').ok_or("ENV=CONTEXT")?;
    let environment = <Environment as clap::ValueEnum>::from_str(environment, false)?;
    if context.is_empty() {
        return Err("ENV=CONTEXT".to_owned());
    }
    Ok((environment, context.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_environment_and_a_context() {
        let expected = (Environment::Prod, "prod-host".to_owned());
        assert_eq!(parse_place("prod=prod-host"), Ok(expected));
        for wrong in ["prod", "prod=", "=prod-host", "live=prod-host", ""] {
            assert!(parse_place(wrong).is_err(), "{wrong}");
        }
    }
}
