//! Signatures and attestations, through the cosign command.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use tokio::process::Command;

use super::process;
use crate::release::Image;
use crate::signers::{Identity, is_pem};

/// On the PATH.
pub(crate) const PROGRAM: &str = "cosign";
const TIMEOUT: Duration = Duration::from_mins(2);
/// The words of cosign when nothing of an image is by an identity. Any other failure says nothing about the image.
const ABSENT: [&str; 4] = [
    "no matching attestations",
    "no matching signatures",
    "no signatures found",
    "none of the attestations matched the predicate type",
];
/// The types of signatures: in a bundle, and as cosign wrote them before version 3.
const SIGNATURES: [&str; 2] = [
    "https://sigstore.dev/cosign/sign/v1",
    "cosign container image signature",
];

/// Checks signatures and attestations.
#[derive(Clone, Debug)]
pub(crate) struct Cosign {
    /// The program: a name on the PATH, or a path.
    pub(crate) program: PathBuf,
    /// The identities that count today. An image needs the signature of one of them.
    pub(crate) identities: Vec<Identity>,
    /// Whether the registry speaks HTTP without TLS.
    pub(crate) is_plain: bool,
}

/// A predicate, and the identity that has attested it.
#[derive(Clone, Debug)]
pub(crate) struct Attestation {
    /// The name of the identity, as [`name`] gives it.
    pub(crate) by: String,
    pub(crate) predicate: Value,
}

/// The answer for one identity.
enum Answer {
    /// The output of the command.
    Verified(String),
    /// Nothing of the image is by this identity.
    Absent(String),
}

impl Cosign {
    /// Fails unless one of the identities has signed the image.
    pub(crate) async fn verify(&self, image: &Image) -> Result<()> {
        let mut reasons = Vec::new();
        for identity in &self.identities {
            match self.run(identity, "verify", &[], image).await {
                Ok(Answer::Verified(output)) if has_signature(&output) => return Ok(()),
                Ok(Answer::Verified(_)) => reasons.push("it has attestations alone".to_owned()),
                Ok(Answer::Absent(reason)) => reasons.push(reason),
                // One signature that is proven is enough, whatever the others are.
                Err(error) => reasons.push(format!("{error:#}")),
            }
        }
        bail!(
            "{image} is not signed by {}: {}",
            self.names(),
            reasons.join("; ")
        )
    }

    /// The predicates of this type that are attested of the image.
    pub(crate) async fn attested(&self, image: &Image, kind: &str) -> Result<Vec<Value>> {
        let attestations = self.attestations(image, kind).await?;
        Ok(attestations.into_iter().map(|it| it.predicate).collect())
    }

    /// The same with the identity of each: all that any of them has attested, so that none can hide what another says.
    pub(crate) async fn attestations(&self, image: &Image, kind: &str) -> Result<Vec<Attestation>> {
        let context = || format!("{image} has no attestation of {kind} by {}", self.names());
        let of_kind = ["--type", kind];
        let mut found = Vec::new();
        let mut reasons = Vec::new();
        for identity in &self.identities {
            let answer = self.run(identity, "verify-attestation", &of_kind, image);
            match answer.await.with_context(context)? {
                Answer::Absent(reason) => reasons.push(reason),
                Answer::Verified(output) => {
                    let by = name(identity);
                    for line in output.lines().filter(|line| line.starts_with('{')) {
                        let predicate = predicate(line)?;
                        let by = by.clone();
                        found.push(Attestation { by, predicate });
                    }
                }
            }
        }
        ensure!(!found.is_empty(), "{}: {}", context(), reasons.join("; "));
        Ok(found)
    }

    async fn run(
        &self,
        identity: &Identity,
        verb: &str,
        more: &[&str],
        image: &Image,
    ) -> Result<Answer> {
        let mut command = command(&self.program, verb, self.is_plain);
        // The file lives as long as the call.
        let pem = match identity {
            Identity::Key(key) if is_pem(key) => Some(write(key)?),
            _ => None,
        };
        match identity {
            // The key itself is what is trusted, not a public log of signatures.
            Identity::Key(key) => {
                command.arg("--insecure-ignore-tlog=true").arg("--key");
                match &pem {
                    Some(file) => command.arg(file.path()),
                    None => command.arg(key),
                };
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
        if ended.is_success() {
            return Ok(Answer::Verified(ended.stdout));
        }
        let reason = format!("cosign {verb}: {}", ended.reason());
        if ABSENT.iter().any(|said| ended.stderr.contains(said)) {
            return Ok(Answer::Absent(reason));
        }
        bail!(reason)
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.identities.iter().map(name).collect();
        names.join(" or ")
    }
}

fn write(text: &str) -> Result<NamedTempFile> {
    let file = NamedTempFile::new()?;
    std::fs::write(file.path(), text)?;
    Ok(file)
}

/// The name of an identity in messages and in the ledger: a key by its fingerprint, as far as it can be read.
pub(crate) fn name(identity: &Identity) -> String {
    match identity {
        Identity::Workflow { identity, .. } => identity.clone(),
        Identity::Key(key) if is_pem(key) => {
            fingerprint(key).unwrap_or_else(|| "a key that cannot be read".to_owned())
        }
        Identity::Key(key) => {
            let print = std::fs::read_to_string(key);
            let print = print.ok().and_then(|pem| fingerprint(&pem));
            print.map_or_else(|| key.clone(), |print| format!("{key} ({print})"))
        }
    }
}

/// The SHA-256 of a public key in DER.
fn fingerprint(pem: &str) -> Option<String> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    let der = BASE64_STANDARD.decode(lines.collect::<String>()).ok()?;
    let digest = Sha256::digest(der);
    is_pem(pem).then(|| format!("key sha256:{digest:x}"))
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
        let file = write(&predicate.to_string())?;
        let path = file.path().to_str().context("the path of the predicate")?;
        self.run("attest", &["--type", kind, "--predicate", path], image)
            .await
    }

    async fn run(&self, verb: &str, more: &[&str], image: &Image) -> Result<()> {
        let mut command = command(PROGRAM, verb, self.is_plain);
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

fn command(program: impl AsRef<OsStr>, verb: &str, is_plain: bool) -> Command {
    let mut command = process::program(program);
    command.arg(verb);
    if is_plain {
        command.arg("--allow-http-registry=true");
    }
    command
}

/// Returns true if `cosign verify` has found a signature. It accepts every attestation of the same identity as well, that of a
/// build cache among them.
fn has_signature(output: &str) -> bool {
    let payloads: Vec<Value> = serde_json::from_str(output.trim()).unwrap_or_default();
    let mut types = payloads
        .iter()
        .filter_map(|payload| payload["critical"]["type"].as_str());
    types.any(|found| SIGNATURES.contains(&found))
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

#[cfg(test)]
#[path = "cosign_tests.rs"]
pub(crate) mod tests;
