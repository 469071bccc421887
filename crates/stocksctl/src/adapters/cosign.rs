//! Signatures and attestations, through the cosign command.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tokio::process::Command;

use crate::release::Image;

const TIMEOUT: Duration = Duration::from_mins(2);

/// Who must have signed.
#[derive(Clone, Debug)]
pub(crate) struct Cosign {
    /// The public key, as a file or a reference to a key store.
    pub(crate) key: PathBuf,
}

impl Cosign {
    /// Fails unless the image is signed by the key.
    pub(crate) async fn verify(&self, image: &Image) -> Result<()> {
        self.run("verify", &[], image)
            .await
            .map(drop)
            .with_context(|| format!("{image} is not signed by {}", self.key.display()))
    }

    /// The predicates of this type that the key has attested of the image.
    pub(crate) async fn attested(&self, image: &Image, kind: &str) -> Result<Vec<Value>> {
        let output = self
            .run("verify-attestation", &["--type", kind], image)
            .await;
        let output = output.with_context(|| {
            format!(
                "{image} has no attestation of {kind} by {}",
                self.key.display()
            )
        })?;
        output
            .lines()
            .filter(|line| line.starts_with('{'))
            .map(predicate)
            .collect()
    }

    async fn run(&self, verb: &str, more: &[&str], image: &Image) -> Result<String> {
        let mut command = Command::new("cosign");
        command.arg(verb).arg("--key").arg(&self.key).args(more);
        // The key itself is what is trusted, not a public log of who signed when.
        command.arg("--insecure-ignore-tlog=true");
        if image.repository.starts_with("localhost") || image.repository.starts_with("127.0.0.1") {
            command.arg("--allow-http-registry=true");
        }
        command
            .arg(image.to_string())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let ended = tokio::time::timeout(TIMEOUT, command.output()).await;
        let output = ended.with_context(|| format!("cosign has not ended within {TIMEOUT:?}"))?;
        let output = output.context("cosign does not start: without it nothing can be admitted")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let reason = said
                .lines()
                .rev()
                .find(|line| !line.trim().is_empty())
                .unwrap_or("no reason given");
            bail!("cosign {verb}: {}", reason.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// What is attested, out of its envelope (DSSE with an in-toto statement).
fn predicate(line: &str) -> Result<Value> {
    let envelope: Value = serde_json::from_str(line)?;
    let payload = envelope["payload"]
        .as_str()
        .context("an envelope without payload")?;
    let statement: Value = serde_json::from_slice(&BASE64_STANDARD.decode(payload)?)?;
    Ok(statement["predicate"].clone())
}
