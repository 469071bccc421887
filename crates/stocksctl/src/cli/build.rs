//! `build`: images of a commit, pushed, signed, each with its bill of materials.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{Engine, Scanner, Signing, Source, given};
use crate::adapters::bill::BillTool;
use crate::adapters::buildx::Builder;
use crate::adapters::source::{Commit, Source as Checkout};
use crate::build_cache::BuildCache;
use crate::origin::{Origin, checked_repository, repository_of};
use crate::publication::{Claim, Publication};
use crate::release::Service;
use crate::tag::{self, BuildKind};
use crate::workbench::Workbench;

/// Of the files that differ from the commit.
const SHOWN_CHANGES: usize = 10;

#[derive(Args)]
pub(super) struct Build {
    /// Of this service alone
    #[arg(long)]
    service: Option<Service>,
    /// Builds files that are not committed too, as `dirty-<sha7>`, without an attested origin
    #[arg(long)]
    dirty: bool,
    /// Neither signs nor attests, and tags `unsigned-<sha7>`: no environment admits such an image
    #[arg(long)]
    unsigned: bool,
    /// The repository that the attested origin names, `owner/name`; default: that of the remote `origin`
    #[arg(long, env = "GITHUB_REPOSITORY", value_name = "OWNER/NAME")]
    repository: Option<String>,
    /// `docker build --network`
    #[arg(long, default_value = "default", env = "STOCKS_BUILD_NETWORK")]
    network: String,
    /// More of `docker build --build-arg`
    #[arg(long = "build-arg", value_name = "NAME=VALUE")]
    arguments: Vec<String>,
    /// What makes the bill of materials
    #[arg(long, value_enum, default_value_t = BillBy::Trivy, env = "STOCKS_SBOM_TOOL")]
    sbom_tool: BillBy,
    /// A folder for `<service>.cdx.json`
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    scanner: Scanner,
    #[command(flatten)]
    source: Source,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum BillBy {
    Trivy,
    Syft,
}

impl Build {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        let checkout = engine.checkout();
        let head = checkout.head().await?;
        let kind = self.kind(&checkout).await?;
        let tag = tag::of_commit(&head.id, kind);
        let repository = self.repository(&checkout).await;
        let claim = self.claim(kind, &head, &repository)?;
        let registry = self.source.registry()?;
        let builder = Builder {
            folder: checkout.folder.clone(),
            network: self.network.clone(),
            arguments: self.arguments.clone(),
            is_plain: self.source.is_plain(),
        };
        let (cosign, signer) = (self.source.cosign()?, self.signing.signer(&self.source));
        let bill_tool = self.bill_tool();
        for service in Service::one_or_all(self.service) {
            let workbench = Workbench {
                service,
                checkout: &checkout,
                registry: &registry,
                builder: &builder,
                cosign: &cosign,
                signer: &signer,
                bill_tool: &bill_tool,
                commit: (kind != BuildKind::Dirty).then_some(head.id.as_str()),
            };
            let publication = Publication {
                service,
                tag: tag.clone(),
                claim: claim.clone(),
                cache: repository.as_ref().ok().map(|repository| BuildCache {
                    repository: repository.clone(),
                    service,
                }),
            };
            let published = publication.publish(&workbench).await?;
            if let Some(bill) = &published.bill {
                self.write_bill(service, bill)?;
            }
            let image = published.image;
            println!("{}:{tag} {}", image.repository, image.digest);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Fails when files differ from the commit, unless they may.
    async fn kind(&self, checkout: &Checkout) -> Result<BuildKind> {
        let changes = checkout.changes().await?;
        if changes.is_empty() {
            return Ok(if self.unsigned {
                BuildKind::Unsigned
            } else {
                BuildKind::Commit
            });
        }
        let shown: Vec<_> = changes.iter().take(SHOWN_CHANGES).cloned().collect();
        ensure!(
            self.dirty,
            "{} files differ from the commit, so its tag would not say what is in the image: commit them, or say --dirty\n{}",
            changes.len(),
            shown.join("\n")
        );
        Ok(BuildKind::Dirty)
    }

    /// `owner/name` of the repository that is checked out.
    async fn repository(&self, checkout: &Checkout) -> Result<String> {
        if let Some(repository) = given(self.repository.as_ref()) {
            return checked_repository(&repository).map(str::to_owned);
        }
        let remote = checkout.remote().await?;
        repository_of(&remote.context("git has no remote \"origin\"")?)
    }

    fn claim(&self, kind: BuildKind, head: &Commit, repository: &Result<String>) -> Result<Claim> {
        if self.unsigned {
            return Ok(Claim::Unsigned);
        }
        if kind == BuildKind::Dirty {
            return Ok(Claim::NoOrigin);
        }
        let repository = repository.as_ref().map_err(|error| {
            anyhow!("the attested origin needs the name of this repository: pass --repository OWNER/NAME, or set GITHUB_REPOSITORY ({error:#})")
        })?;
        Ok(Claim::Origin(Origin::new(repository, &head.id)?))
    }

    fn write_bill(&self, service: Service, bill: &Value) -> Result<()> {
        let Some(out) = &self.out else { return Ok(()) };
        std::fs::create_dir_all(out)?;
        let text = serde_json::to_string_pretty(bill)?;
        let file = out.join(format!("{service}.cdx.json"));
        std::fs::write(&file, text).with_context(|| file.display().to_string())
    }

    fn bill_tool(&self) -> BillTool {
        match self.sbom_tool {
            BillBy::Trivy => BillTool::Trivy(self.scanner.trivy(&self.source)),
            BillBy::Syft => BillTool::Syft {
                is_plain: self.source.is_plain(),
            },
        }
    }
}
