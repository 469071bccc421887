//! The verbs, a file each: parse, ask, print.

mod approve;
mod build;
mod ci;
mod deploy;
mod doctor;
mod findings;
mod harbor;
mod infra;
mod inspect;
mod keys;
mod order;
mod promote;
mod prune;
mod rollback;
mod scan;
mod secrets;
mod sonarqube;
mod tags;
mod trust;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use self::trust::{JobArgs, TrustArgs};
use crate::adapters::cosign::{self, Cosign, Signer};
use crate::adapters::docker::{Docker, helper_image};
use crate::adapters::registry::{Registry, is_local};
use crate::adapters::source::Source as Checkout;
use crate::adapters::trivy::Trivy;
use crate::admission::Admission;
use crate::approval::{Approvals, JobReviews};
use crate::caller::Caller;
use crate::environment::Environment;
use crate::exceptions::Exceptions;
use crate::installation::Installation;
use crate::progress::note;
use crate::signers::Signers;
use crate::site::{Site, SmokeKey, now};

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
    /// The image that runs small scripts on the engine: that of the environments' databases
    #[arg(long, global = true, env = "POSTGRES_IMAGE", hide = true)]
    helper_image: Option<String>,
    /// The key of smoke tests, where the environment wants one: `keys smoke` makes it
    #[arg(
        long,
        global = true,
        env = "SMOKE_KEY",
        hide = true,
        hide_env_values = true
    )]
    smoke_key: Option<String>,
    /// A file with it
    #[arg(long, global = true, env = "SMOKE_KEY_FILE")]
    smoke_key_file: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Verb {
    /// Builds the images of a commit, pushes and signs them, each with its bill of materials
    Build(build::Build),
    /// Looks for what is known to be wrong in a release, and attests what was found
    Scan(scan::Scan),
    /// Gives a release another name
    Tag(tags::Tag),
    /// What the registry has: digest, age, signature, names, where it serves
    Images(tags::Images),
    /// Brings a release into service: admits it, starts it beside the one that serves, tests it, switches, drains
    Deploy(deploy::Deploy),
    /// Prints the steps of a deployment and does none of them
    Plan(deploy::Plan),
    /// Says that a release may come into an environment that wants it said
    Approve(approve::Approve),
    /// Brings what serves in one environment into service in another
    Promote(promote::Promote),
    /// Brings back a release that was in service before
    Rollback(rollback::Rollback),
    /// Show or pin the signers, approvers and reviews that count in an environment
    #[command(subcommand)]
    Trust(trust::TrustVerb),
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
    /// What a person or a job may read of Vault
    Secrets(secrets::Secrets),
    /// Who may call the services of an environment
    Keys(keys::KeysVerbs),
    /// The pipeline
    #[command(subcommand)]
    Ci(ci::CiVerb),
    /// The platform: Harbor, `SonarQube`, Trivy and the runner of GitHub's jobs
    #[command(subcommand)]
    Infra(infra::InfraVerb),
    /// Gives Harbor the project of the images, with its rules and accounts
    HarborSetup(harbor::Setup),
    /// Gives `SonarQube` the projects, their quality gate and the pipeline's token
    #[command(name = "sonarqube-setup")]
    SonarQubeSetup(sonarqube::Setup),
    /// Whether this machine has what releases need, and how to mend what it lacks
    Doctor(doctor::Doctor),
    /// Prints what a shell completes these verbs with
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Prints the manual, for `man -l -`
    Manual {
        /// Writes a page for each verb into this folder instead
        #[arg(long)]
        to: Option<PathBuf>,
    },
}

/// What stands in a file, without the end of its line.
fn read_secret(file: &Path) -> Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Ok(text.trim_end().to_owned())
}

/// What was given: a workflow sets a variable that it has no value for to nothing.
fn given(value: Option<&String>) -> Option<String> {
    value.filter(|value| !value.is_empty()).cloned()
}

/// Where releases come from, and who must have signed them.
#[derive(Args)]
struct Source {
    /// The registry, `host:port`
    #[arg(long, env = "HARBOR_REGISTRY", default_value = "myregistry.local:5000")]
    registry: String,
    /// Who reads there; unset: whoever `docker login` was called for
    #[arg(long, env = "HARBOR_USERNAME", requires = "password_file")]
    username: Option<String>,
    /// The file with that user's password
    #[arg(long, env = "HARBOR_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
    /// Speaks HTTP without TLS to it, as to one on this host
    #[arg(long, env = "HARBOR_PLAIN_HTTP", value_parser = clap::builder::FalseyValueParser::new())]
    plain_http: bool,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    job: JobArgs,
    /// Findings that may pass for a while; there need not be any
    #[arg(long, env = "STOCKS_IGNORE_FILE", default_value = ".trivyignore")]
    ignore_file: PathBuf,
}

/// The place where GitHub gives a job its token, and the right to ask there.
#[derive(Args)]
struct IdTokenArgs {
    #[arg(
        id = "id_token_url",
        long = "id-token-url",
        env = "ACTIONS_ID_TOKEN_REQUEST_URL",
        hide = true
    )]
    url: Option<String>,
    #[arg(
        id = "id_token_token",
        long = "id-token-token",
        env = "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        hide = true,
        hide_env_values = true
    )]
    token: Option<String>,
}

/// Who signs.
#[derive(Args)]
struct Signing {
    /// The private key: a file, `env://NAME`, `hashivault://NAME`; unset: keyless, with the workflow's token
    #[arg(long, env = "COSIGN_KEY", hide_env_values = true)]
    sign_key: Option<String>,
    /// Which of sigstore's services take part
    #[arg(long, env = "COSIGN_SIGNING_CONFIG")]
    signing_config: Option<PathBuf>,
}

/// What scans.
#[derive(Args)]
struct Scanner {
    /// Trivy's name or path
    #[arg(long, env = "TRIVY", default_value = "trivy")]
    trivy: PathBuf,
    /// A Trivy that keeps the database of vulnerabilities, `http://trivy:4954`
    #[arg(long, env = "TRIVY_SERVER")]
    trivy_server: Option<String>,
}

impl Source {
    fn registry(&self) -> Result<Registry> {
        let password = self
            .password_file
            .as_ref()
            .map(|file| read_secret(file))
            .transpose()?;
        let credentials = self.username.clone().zip(password);
        Ok(Registry::new(&self.registry, credentials, self.plain_http))
    }

    fn is_plain(&self) -> bool {
        self.plain_http || is_local(&self.registry)
    }

    fn cosign(&self) -> Result<Cosign> {
        self.cosign_of(&self.trust.signers()?)
            .context("images cannot be verified")
    }

    /// Checks signatures of those that count today.
    fn cosign_of(&self, signers: &Signers) -> Result<Cosign> {
        Ok(Cosign {
            program: cosign::PROGRAM.into(),
            identities: signers.live(now().date_naive())?,
            is_plain: self.is_plain(),
        })
    }

    fn exceptions(&self) -> Result<Exceptions> {
        match std::fs::read_to_string(&self.ignore_file) {
            Ok(text) => Exceptions::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Exceptions::default()),
            Err(error) => Err(error.into()),
        }
        .with_context(|| self.ignore_file.display().to_string())
    }

    /// The admission of images to an environment with these settings, which win over the caller's.
    fn admission(&self, installation: &Installation) -> Result<Admission> {
        Ok(Admission {
            cosign: self.signers_of(installation)?,
            exceptions: self.exceptions()?,
            today: now().date_naive(),
        })
    }

    fn signers_of(&self, installation: &Installation) -> Result<Cosign> {
        match &installation.signers {
            Some(signers) => self.cosign_of(signers),
            None => self.cosign(),
        }
    }

    /// The approvals that count in an environment with these settings.
    fn approvals(&self, installation: &Installation) -> Result<Approvals> {
        let approvers = match &installation.approvers {
            Some(approvers) => approvers.clone(),
            None => self.trust.approvers()?,
        };
        let approvers = self.cosign_of(&approvers);
        let reviews = match (&installation.reviews, self.job.job()) {
            (Some(reviews), Some(job)) => Some(JobReviews {
                reviews: reviews.clone(),
                job,
                signers: self.signers_of(installation)?,
            }),
            _ => None,
        };
        Ok(Approvals {
            approvers: approvers.context("approvals cannot be verified")?,
            reviews,
        })
    }

    /// The proven identity of the caller; `remark` is what the machine says of it.
    async fn caller(&self, installation: &Installation, remark: &str) -> Caller {
        let proven = match self.job.job() {
            None => None,
            Some(job) => match job.prove(installation.issuer(), now()).await {
                Ok(claims) => Some(format!("oidc {}", claims.sub)),
                Err(error) => {
                    note(&format!(
                        "the identity of this job is not proven: {error:#}"
                    ));
                    None
                }
            },
        };
        Caller::new(proven, remark)
    }
}

impl Signing {
    fn signer(&self, source: &Source) -> Signer {
        Signer {
            key: self.sign_key.clone(),
            signing_config: self.signing_config.clone(),
            is_plain: source.is_plain(),
        }
    }
}

impl Scanner {
    fn trivy(&self, source: &Source) -> Trivy {
        Trivy {
            program: self.trivy.clone(),
            is_plain: source.is_plain(),
            server: self.trivy_server.clone(),
        }
    }
}

impl Engine {
    fn checkout(&self) -> Checkout {
        Checkout {
            folder: self.folder.clone(),
        }
    }

    fn docker(&self) -> Docker {
        Docker {
            folder: self.folder.clone(),
            context: self.context.clone(),
            helper_image: helper_image(self.helper_image.as_ref(), &self.folder),
        }
    }

    fn site(&self, environment: Environment) -> Site {
        let key = match given(self.smoke_key.as_ref()) {
            Some(key) => Some(SmokeKey::Text(key.into())),
            None => self.smoke_key_file.clone().map(SmokeKey::File),
        };
        Site::new(self.docker(), environment, key)
    }
}

impl Cli {
    /// Does what was asked for. `who` is `user@host`.
    pub(crate) async fn run(self, who: &str) -> Result<ExitCode> {
        let engine = self.engine;
        match self.verb {
            Verb::Build(build) => build.run(&engine).await,
            Verb::Scan(scan) => scan.run().await,
            Verb::Tag(tag) => tag.run(&engine).await,
            Verb::Images(images) => images.run(&engine).await,
            Verb::Deploy(deploy) => deploy.run(&engine, who).await,
            Verb::Plan(plan) => plan.run(&engine, who).await,
            Verb::Approve(approve) => approve.run(&engine, who).await,
            Verb::Promote(promote) => promote.run(&engine, who).await,
            Verb::Rollback(rollback) => rollback.run(&engine, who).await,
            Verb::Trust(verb) => verb.run(&engine).await,
            Verb::Status(status) => status.run(&engine).await,
            Verb::Ledger(verb) => verb.run(&engine).await,
            Verb::Lock(verb) => verb.run(&engine).await,
            Verb::Smoke(smoke) => smoke.run(&engine).await,
            Verb::Secrets(secrets) => secrets.run(&engine).await,
            Verb::Keys(verbs) => verbs.run().await,
            Verb::Ci(verb) => verb.run(&engine).await,
            Verb::Infra(verb) => verb.run(&engine).await,
            Verb::HarborSetup(setup) => setup.run().await,
            Verb::SonarQubeSetup(setup) => setup.run().await,
            Verb::Doctor(doctor) => doctor.run(&engine).await,
            Verb::Completions { shell } => {
                let mut command = Self::command();
                clap_complete::generate(shell, &mut command, "stocksctl", &mut std::io::stdout());
                Ok(ExitCode::SUCCESS)
            }
            Verb::Manual { to } => {
                match to {
                    Some(folder) => clap_mangen::generate_to(Self::command(), folder)?,
                    None => clap_mangen::Man::new(Self::command()).render(&mut std::io::stdout())?,
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_well_formed() {
        Cli::command().debug_assert();
    }
}
