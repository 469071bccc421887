//! Bills of materials, in `CycloneDX`: what an image is made of.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::process;
use super::trivy::Trivy;
use crate::admission;
use crate::release::Image;

const TIMEOUT: Duration = Duration::from_mins(10);

/// What makes it.
#[derive(Clone, Debug)]
pub(crate) enum BillTool {
    Trivy(Trivy),
    Syft {
        /// Whether images are fetched over plain HTTP.
        is_plain: bool,
    },
}

impl BillTool {
    /// The bill of an image, which names something.
    pub(crate) async fn make(&self, image: &Image) -> Result<Value> {
        let bill = match self {
            Self::Trivy(trivy) => trivy.bill(image).await?,
            Self::Syft { is_plain } => syft(image, *is_plain).await?,
        };
        admission::check_bill(&bill)
            .with_context(|| format!("the bill of materials of {image}"))?;
        Ok(bill)
    }
}

async fn syft(image: &Image, is_plain: bool) -> Result<Value> {
    let mut command = process::program("syft");
    command.args(["scan", "--quiet", "--output", "cyclonedx-json"]);
    command.arg(format!("registry:{image}"));
    if is_plain {
        command.env("SYFT_REGISTRY_INSECURE_USE_HTTP", "true");
    }
    let text = process::run(&mut command, b"", TIMEOUT).await?;
    serde_json::from_str(&text).context("the bill of materials is no JSON")
}
