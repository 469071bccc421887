//! Signatures and attestations, through the cosign command.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tokio::process::Command;

use super::process;
use crate::release::Image;

const TIMEOUT: Duration = Duration::from_mins(2);

/// Whose signatures count.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// Whoever has the private key to this public one: a file or a reference to a key store.
    Key(PathBuf),
    /// A workflow, by the certificate that it was given for its token.
    Workflow {
        /// A regular expression for the certificate's identity.
        identity: String,
        /// Who issued the token.
        issuer: String,
    },
}

/// Checks what others have signed.
#[derive(Clone, Debug)]
pub(crate) struct Cosign {
    pub(crate) identity: Identity,
    /// Whether the registry speaks HTTP without TLS.
    pub(crate) is_plain: bool,
}

impl Cosign {
    /// Fails unless the image is signed.
    pub(crate) async fn verify(&self, image: &Image) -> Result<()> {
        self.run("verify", &[], image)
            .await
            .map(drop)
            .with_context(|| format!("{image} is not signed by {}", self.identity.name()))
    }

    /// The predicates of this type that are attested of the image.
    pub(crate) async fn attested(&self, image: &Image, kind: &str) -> Result<Vec<Value>> {
        let output = self
            .run("verify-attestation", &["--type", kind], image)
            .await;
        let output = output.with_context(|| {
            let by = self.identity.name();
            format!("{image} has no attestation of {kind} by {by}")
        })?;
        output
            .lines()
            .filter(|line| line.starts_with('{'))
            .map(predicate)
            .collect()
    }

    async fn run(&self, verb: &str, more: &[&str], image: &Image) -> Result<String> {
        let mut command = command(verb, self.is_plain);
        match &self.identity {
            // The key itself is what is trusted, not a public log of who signed when.
            Identity::Key(key) => {
                command
                    .arg("--key")
                    .arg(key)
                    .arg("--insecure-ignore-tlog=true");
            }
            Identity::Workflow { identity, issuer } => {
                command.args(["--certificate-identity-regexp", identity]);
                command.args(["--certificate-oidc-issuer", issuer]);
            }
        }
        command.args(more).arg(image.to_string());
        let ended = process::attempt(&mut command, b"", TIMEOUT)
            .await
            .context("without cosign nothing can be admitted")?;
        if !ended.is_success() {
            bail!("cosign {verb}: {}", ended.reason());
        }
        Ok(ended.stdout)
    }
}

impl Identity {
    fn name(&self) -> String {
        match self {
            Self::Key(key) => key.display().to_string(),
            Self::Workflow { identity, .. } => identity.clone(),
        }
    }
}

/// Signs.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    /// The private key: a file, `env://NAME`, `hashivault://NAME`; none: keyless, with the workflow's token.
    pub(crate) key: Option<String>,
    /// Which services stand in for the public ones, or none of them.
    pub(crate) signing_config: Option<PathBuf>,
    /// Whether the registry speaks HTTP without TLS.
    pub(crate) is_plain: bool,
}

impl Signer {
    pub(crate) async fn sign(&self, image: &Image) -> Result<()> {
        self.run("sign", &[], image).await
    }

    /// Attests a predicate of the image.
    pub(crate) async fn attest(&self, image: &Image, kind: &str, predicate: &Value) -> Result<()> {
        // The command takes a file.
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), predicate.to_string())?;
        let path = file.path().to_str().context("the path of the predicate")?;
        self.run("attest", &["--type", kind, "--predicate", path], image)
            .await
    }

    async fn run(&self, verb: &str, more: &[&str], image: &Image) -> Result<()> {
        let mut command = command(verb, self.is_plain);
        command.arg("--yes").args(more);
        if let Some(key) = &self.key {
            command.args(["--key", key]);
        }
        if let Some(config) = &self.signing_config {
            command.arg("--signing-config").arg(config);
        }
        command.arg(image.to_string());
        let ended = process::attempt(&mut command, b"", TIMEOUT).await?;
        ensure!(
            ended.is_success(),
            "cosign {verb} of {image}: {}",
            ended.reason()
        );
        Ok(())
    }
}

fn command(verb: &str, is_plain: bool) -> Command {
    let mut command = process::program("cosign");
    command.arg(verb);
    if is_plain {
        command.arg("--allow-http-registry=true");
    }
    command
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
