//! The verbs, a file each: parse, ask, print.

mod deploy;
mod inspect;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::adapters::cosign::Cosign;
use crate::adapters::docker::Docker;
use crate::adapters::registry::Registry;
use crate::environment::Environment;
use crate::site::Site;

/// Deploys and rolls back releases of Stocks App, by digest and without a failed request.
///
/// Ends with 0 when it is done, with 1 when it failed and nothing is changed, with 2 when it was called in a wrong way, and
/// with 3 when it failed and what served before serves again.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(flatten)]
    engine: Engine,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Args)]
struct Engine {
    /// The docker context of the environment's engine; unset: the one in use
    #[arg(long, global = true, env = "STOCKS_DOCKER_CONTEXT")]
    context: Option<String>,
    /// The folder with the compose files
    #[arg(long, global = true, default_value = ".")]
    folder: PathBuf,
}

#[derive(Subcommand)]
enum Verb {
    /// Brings a release into service: admits it, starts it beside the one that serves, tests it, switches, drains
    Deploy(deploy::Deploy),
    /// Brings back a release that was in service before
    Rollback(deploy::Rollback),
    /// What serves, where and since when
    Status(inspect::Status),
    /// The record of what was done
    #[command(subcommand)]
    Ledger(inspect::LedgerVerb),
    /// Who works on an environment
    #[command(subcommand)]
    Lock(inspect::LockVerb),
    /// Tests what serves, as a deployment does before it switches
    Smoke(inspect::Smoke),
}

/// Where releases come from, and who must have signed them.
#[derive(Args)]
struct Source {
    /// The registry, `host:port`
    #[arg(long, env = "HARBOR_REGISTRY", default_value = "myregistry.local:5000")]
    registry: String,
    /// Who reads there; unset: nobody in particular
    #[arg(long, env = "HARBOR_USERNAME", requires = "password_file")]
    username: Option<String>,
    /// The file with that user's password
    #[arg(long, env = "HARBOR_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
    /// The public key of the signatures
    #[arg(long, env = "COSIGN_PUBLIC_KEY", default_value = "cosign.pub")]
    key: PathBuf,
}

impl Source {
    fn registry(&self) -> Result<Registry> {
        let password = self
            .password_file
            .as_ref()
            .map(std::fs::read_to_string)
            .transpose()?;
        let credentials = self
            .username
            .clone()
            .zip(password.map(|password| password.trim_end().to_owned()));
        Ok(Registry::new(&self.registry, credentials))
    }

    fn cosign(&self) -> Cosign {
        Cosign {
            key: self.key.clone(),
        }
    }
}

impl Engine {
    fn site(&self, environment: Environment) -> Site {
        let docker = Docker {
            folder: self.folder.clone(),
            context: self.context.clone(),
        };
        Site::new(docker, environment)
    }
}

impl Cli {
    /// Does what was asked for. `who` is `user@host`.
    pub(crate) async fn run(self, who: &str) -> Result<ExitCode> {
        let engine = self.engine;
        match self.verb {
            Verb::Deploy(deploy) => deploy.run(&engine, who).await,
            Verb::Rollback(rollback) => rollback.run(&engine, who).await,
            Verb::Status(status) => status.run(&engine).await,
            Verb::Ledger(verb) => verb.run(&engine).await,
            Verb::Lock(verb) => verb.run(&engine).await,
            Verb::Smoke(smoke) => smoke.run(&engine).await,
        }
    }
}
