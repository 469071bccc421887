//! `approve`: somebody who may says that a release may come into prod.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Args;

use super::order::choose;
use super::{Engine, Source};
use crate::adapters::cosign::Signer;
use crate::approval::{Approval, PREDICATE};
use crate::environment::Environment;
use crate::release::Target;
use crate::site::now;

#[derive(Args)]
pub(super) struct Approve {
    /// Where it may come
    environment: Environment,
    /// The release: its tag, or digests
    release: Target,
    /// The private key of those who may approve; not the one that images are signed with
    #[arg(long, env = "COSIGN_APPROVER_KEY")]
    approver_key: String,
    /// Which of sigstore's services take part
    #[arg(long, env = "COSIGN_SIGNING_CONFIG")]
    signing_config: Option<PathBuf>,
    /// It is meant
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    source: Source,
}

impl Approve {
    pub(super) async fn run(self, engine: &Engine, who: &str) -> Result<ExitCode> {
        let registry = self.source.registry()?;
        let site = engine.site(self.environment);
        let release = choose(&registry, &site, &self.release).await?;
        let admission = self.source.admission(&site.installation().await?)?;
        admission.check_commit(&release).await?;
        for image in release.images.values() {
            admission.admit(image).await?;
            println!("{image} may run");
        }
        ensure!(
            self.yes,
            "--yes says that {release} may come into {}",
            self.environment
        );
        let approval = Approval::new(self.environment, &release, who, now());
        let predicate = serde_json::to_value(&approval)?;
        let signer = Signer {
            key: Some(self.approver_key),
            signing_config: self.signing_config,
            is_plain: self.source.is_plain(),
        };
        for image in release.images.values() {
            signer.attest(image, PREDICATE, &predicate).await?;
        }
        println!(
            "{release} may come into {} until {}",
            self.environment,
            approval.until.to_rfc3339()
        );
        Ok(ExitCode::SUCCESS)
    }
}
