//! `trust`, and the options that name trusted signers: of images, and of approvals.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Subcommand};

use super::{Engine, IdTokenArgs, given};
use crate::adapters::github::Job;
use crate::environment::Environment;
use crate::installation::{ISSUER, Installation, Reviews};
use crate::signers::{Identity, RepositoryName, Signers};

#[derive(Subcommand)]
pub(super) enum TrustVerb {
    /// Print the settings of an environment
    Show {
        /// The environment
        environment: Environment,
    },
    /// Replace the settings of an environment; from then on they win over options and variables of callers
    Set(Box<Set>),
}

#[derive(Args)]
pub(super) struct Set {
    /// The environment
    environment: Environment,
    /// Keep the signers that the options below name
    #[arg(long)]
    pin_signers: bool,
    /// Keep the approvers that the options below name
    #[arg(long)]
    pin_approvers: bool,
    /// Take reviews of deployments of this repository, OWNER/NAME, for approvals
    #[arg(long, value_name = "OWNER/NAME")]
    reviews_of: Option<RepositoryName>,
    /// The API that is asked for reviews
    #[arg(long, default_value = "https://api.github.com")]
    github_api: String,
    /// The issuer of the tokens of jobs
    #[arg(long, default_value = ISSUER)]
    job_issuer: String,
    /// Skip the confirmation
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    trust: TrustArgs,
}

impl TrustVerb {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        match self {
            Self::Show { environment } => {
                let installation = engine.site(environment).installation().await?;
                println!("{}", serde_json::to_string_pretty(&installation)?);
            }
            Self::Set(set) => {
                let installation = set.installation()?;
                let environment = set.environment;
                println!("{}", serde_json::to_string_pretty(&installation)?);
                ensure!(
                    set.yes,
                    "nothing was changed; --yes makes these the settings of {environment}"
                );
                engine.site(environment).install(&installation).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Set {
    fn installation(&self) -> Result<Installation> {
        // Keys go into the record themselves, so that a file of the caller's does not decide later.
        let pin = |is_wanted: bool, signers: Result<Signers>| {
            let pinned = is_wanted.then(|| signers.and_then(Signers::with_keys_read));
            pinned.transpose()
        };
        let is_safe = |url: &str| url.starts_with("https://");
        ensure!(
            is_safe(&self.github_api) && is_safe(&self.job_issuer),
            "the API and the issuer must be reached by TLS: https://..."
        );
        Ok(Installation {
            signers: pin(self.pin_signers, self.trust.signers())?,
            approvers: pin(self.pin_approvers, self.trust.approvers())?,
            reviews: self.reviews_of.clone().map(|repository| Reviews {
                repository,
                api: self.github_api.trim_end_matches('/').to_owned(),
                issuer: self.job_issuer.clone(),
            }),
        })
    }
}

/// The environment of a job. Nothing of it is believed before the job's token proves it.
#[derive(Args)]
pub(super) struct JobArgs {
    #[command(flatten)]
    id_token: IdTokenArgs,
    #[arg(long, env = "GITHUB_RUN_ID", hide = true)]
    github_run: Option<u64>,
    #[arg(long, env = "GITHUB_TOKEN", hide = true, hide_env_values = true)]
    github_token: Option<String>,
}

impl JobArgs {
    /// The job that calls, where it may get a token (`permissions: id-token: write`).
    pub(super) fn job(&self) -> Option<Job> {
        Some(Job {
            id_token_url: given(self.id_token.url.as_ref())?,
            id_token_token: given(self.id_token.token.as_ref())?,
            run_id: self.github_run,
            api_token: given(self.github_token.as_ref()),
        })
    }
}

#[derive(Args)]
pub(super) struct TrustArgs {
    /// The public key of the signatures
    #[arg(long, env = "COSIGN_PUBLIC_KEY", default_value = "cosign.pub")]
    key: String,
    /// The repository whose workflow `ci-cd.yml` must have signed, OWNER/NAME, instead of a key
    #[arg(long, env = "COSIGN_CERTIFICATE_REPOSITORY")]
    certificate_repository: Option<String>,
    /// The same as a regular expression for the identity in the certificate; it must begin with ^ and end with $
    #[arg(long, env = "COSIGN_CERTIFICATE_IDENTITY_REGEXP")]
    certificate_identity: Option<String>,
    /// The issuer of the workflow's tokens
    #[arg(
        long,
        env = "COSIGN_CERTIFICATE_OIDC_ISSUER",
        default_value = "https://token.actions.githubusercontent.com"
    )]
    certificate_oidc_issuer: String,
    /// A file with several keys and repositories that count, each with its last day, instead of the options above
    #[arg(long, env = "STOCKS_SIGNERS")]
    signers: Option<String>,
    /// The public key of approvals
    #[arg(
        long,
        env = "COSIGN_APPROVER_PUBLIC_KEY",
        default_value = "approver.pub"
    )]
    approver_public_key: String,
    /// A file with several keys of approvers, each with its last day, instead of that key
    #[arg(long, env = "STOCKS_APPROVERS")]
    approvers: Option<String>,
}

impl TrustArgs {
    /// The signers of images.
    pub(super) fn signers(&self) -> Result<Signers> {
        let issuer = &self.certificate_oidc_issuer;
        if let Some(file) = given(self.signers.as_ref()) {
            return self.read(&file);
        }
        let identity = if let Some(repository) = given(self.certificate_repository.as_ref()) {
            Identity::of_repository(&repository.parse()?, issuer)
        } else if let Some(expression) = given(self.certificate_identity.as_ref()) {
            Identity::of_expression(&expression, issuer)?
        } else {
            Identity::Key(self.key.clone())
        };
        Ok(Signers::one(identity))
    }

    /// The signers of approvals.
    pub(super) fn approvers(&self) -> Result<Signers> {
        match given(self.approvers.as_ref()) {
            Some(file) => self.read(&file),
            None => Ok(Signers::one(Identity::Key(
                self.approver_public_key.clone(),
            ))),
        }
    }

    fn read(&self, file: &str) -> Result<Signers> {
        let file = Path::new(file);
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let folder = file.parent().map(PathBuf::from).unwrap_or_default();
        Signers::parse(&text, &folder, &self.certificate_oidc_issuer)
            .with_context(|| file.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        trust: TrustArgs,
    }

    fn parsed(args: &[&str]) -> TrustArgs {
        Only::try_parse_from([&["test"], args].concat())
            .unwrap()
            .trust
    }

    fn signers(args: &[&str]) -> Result<Signers> {
        parsed(args).signers()
    }

    #[test]
    fn a_variable_that_is_empty_was_not_given() {
        let key = Signers::one(Identity::Key("cosign.pub".to_owned()));
        for option in [
            "--certificate-repository=",
            "--certificate-identity=",
            "--signers=",
        ] {
            assert_eq!(signers(&[option]).unwrap(), key, "{option}");
        }
        assert!(parsed(&["--approvers="]).approvers().is_ok());
    }

    #[test]
    fn a_repository_is_an_exact_identity_and_an_expression_must_be_anchored() {
        let issuer = "https://token.actions.githubusercontent.com";
        let exact = Identity::of_repository(&"owner/stocks-app".parse().unwrap(), issuer);
        let of_repository = signers(&["--certificate-repository=owner/stocks-app"]).unwrap();
        assert_eq!(of_repository, Signers::one(exact));
        assert!(signers(&["--certificate-repository=owner/.*"]).is_err());
        assert!(signers(&["--certificate-identity=^https://github.com/owner/"]).is_err());
        assert!(signers(&["--certificate-identity=^https://github.com/owner/app/x@y$"]).is_ok());
    }

    #[derive(Parser)]
    struct Verb {
        #[command(flatten)]
        set: Set,
    }

    #[test]
    fn settings_hold_keys_themselves_and_addresses_with_tls() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cosign.pub");
        let pem = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n";
        std::fs::write(&file, pem).unwrap();
        let key = format!("--key={}", file.display());
        let made = |args: &[&str]| {
            let args = [&["test", "prod", &key][..], args].concat();
            Verb::try_parse_from(args).unwrap().set.installation()
        };
        assert_eq!(made(&[]).unwrap(), Installation::default());
        let signers = made(&["--pin-signers"]).unwrap().signers.unwrap();
        assert_eq!(signers, Signers::one(Identity::Key(pem.to_owned())));
        assert!(made(&["--pin-approvers", "--approver-public-key=/nowhere"]).is_err());
        let reviews = made(&["--reviews-of=owner/app"]).unwrap().reviews.unwrap();
        assert_eq!(
            (reviews.api.as_str(), reviews.issuer.as_str()),
            ("https://api.github.com", ISSUER)
        );
        assert!(made(&["--github-api=http://api.example"]).is_err());
        assert!(made(&["--job-issuer=http://issuer.example"]).is_err());
    }

    #[test]
    fn a_file_names_signers_whose_keys_are_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signers");
        std::fs::write(&path, "key old.pub exp:2026-12-31\n").unwrap();
        let file = path.display().to_string();
        let read = signers(&[&format!("--signers={file}")]).unwrap();
        let key = folder.path().join("old.pub").display().to_string();
        let before = "2026-12-31".parse().unwrap();
        assert_eq!(read.live(before).unwrap(), [Identity::Key(key)]);
        let approvers = parsed(&[&format!("--approvers={file}")]).approvers();
        assert_eq!(approvers.unwrap(), read);
        std::fs::write(&path, "key old.pub\n").unwrap();
        let refused = signers(&[&format!("--signers={file}")]).unwrap_err();
        assert!(format!("{refused:#}").contains("line 1"), "{refused:#}");
    }
}
