//! `build`: images of a commit, pushed, signed, each with its bill of materials.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{Engine, Scanner, Signing, Source};
use crate::adapters::bill::BillTool;
use crate::adapters::registry::Registry;
use crate::adapters::source::{Build as ImageBuild, Source as Checkout};
use crate::progress::note;
use crate::release::{Image, Service};
use crate::tag;

/// Of the files that differ from the commit.
const SHOWN_CHANGES: usize = 10;

#[derive(Args)]
pub(super) struct Build {
    /// Of this service alone
    #[arg(long)]
    service: Option<Service>,
    /// Builds files that are not committed too, as `dirty-<sha7>`
    #[arg(long)]
    dirty: bool,
    /// Neither signs nor attests: such an image is not admitted anywhere
    #[arg(long)]
    unsigned: bool,
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
        let tag = self.tag(&checkout).await?;
        let registry = self.source.registry()?;
        for service in Service::one_or_all(self.service) {
            let image = self.image(&checkout, &registry, service, &tag).await?;
            if !self.unsigned {
                self.sign(service, &image).await?;
            }
            println!("{}:{tag} {}", image.repository, image.digest);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The tag of what is checked out.
    async fn tag(&self, checkout: &Checkout) -> Result<String> {
        let head = checkout.head().await?;
        let changes = checkout.changes().await?;
        if changes.is_empty() {
            return Ok(tag::of_commit(&head.id));
        }
        let shown: Vec<_> = changes.iter().take(SHOWN_CHANGES).cloned().collect();
        ensure!(
            self.dirty,
            "{} files differ from the commit, so its tag would not say what is in the image: commit them, or say --dirty\n{}",
            changes.len(),
            shown.join("\n")
        );
        Ok(tag::of_commit(&head.id).replacen("git", "dirty", 1))
    }

    /// The image of the tag, which is built unless it is there: what a commit was built to is built once.
    async fn image(
        &self,
        checkout: &Checkout,
        registry: &Registry,
        service: Service,
        tag: &str,
    ) -> Result<Image> {
        if tag::is_fixed(tag)
            && let Some(image) = registry.image(service, tag).await?
        {
            note(&format!("{service}: {tag} was built before"));
            return Ok(image);
        }
        let inputs = checkout.inputs(service).await?;
        let made_of = checkout.last_change(&inputs).await?;
        note(&format!("{service}: building {tag}"));
        let build = ImageBuild {
            service,
            repository: &registry.repository(service),
            tag,
            made_of: &made_of,
            network: &self.network,
            arguments: &self.arguments,
        };
        checkout.build(&build).await?;
        let image = registry.image(service, tag).await?;
        image.with_context(|| format!("{tag} of {service} was pushed and is not there"))
    }

    /// Signs it and attests its bill of materials, unless that was done.
    async fn sign(&self, service: Service, image: &Image) -> Result<()> {
        let cosign = self.source.cosign()?;
        let signer = self.signing.signer(&self.source);
        if cosign.verify(image).await.is_err() {
            signer.sign(image).await?;
        }
        let attested = cosign
            .attested(image, "cyclonedx")
            .await
            .unwrap_or_default();
        let bill: Value = if let Some(bill) = attested.into_iter().next() {
            bill
        } else {
            let bill = self.bill_tool().make(image).await?;
            signer.attest(image, "cyclonedx", &bill).await?;
            bill
        };
        if let Some(out) = &self.out {
            std::fs::create_dir_all(out)?;
            let text = serde_json::to_string_pretty(&bill)?;
            std::fs::write(out.join(format!("{service}.cdx.json")), text)?;
        }
        Ok(())
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
