//! The token that proves which job of which workflow calls (OpenID Connect), checked against the keys of its issuer.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Tokens for Vault have another audience, so that neither can be used for the other.
pub(crate) const AUDIENCE: &str = "stocksctl";
const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;
const CLOCK_SKEW_SECONDS: i64 = 60;

/// The claims of a token whose signature, issuer, audience and times were checked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    exp: i64,
    nbf: i64,
    pub(crate) sub: String,
    pub(crate) repository: String,
    pub(crate) run_id: String,
    pub(crate) sha: String,
    pub(crate) event_name: String,
    pub(crate) job_workflow_ref: String,
    /// The GitHub environment of the job, if it has one.
    #[serde(default)]
    pub(crate) environment: Option<String>,
}

/// The keys of an issuer (RFC 7517).
#[derive(Debug, Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug, Deserialize)]
struct Key {
    #[serde(default)]
    kid: String,
    kty: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    crv: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Checks a token by the keys that its issuer publishes now.
pub(crate) async fn verify(token: &str, issuer: &str, now: DateTime<Utc>) -> Result<Claims> {
    let keys = keys(issuer)
        .await
        .with_context(|| format!("the keys of {issuer}"))?;
    check(token, &keys, issuer, now).context("the token of the job")
}

async fn keys(issuer: &str) -> Result<KeySet> {
    let client = Client::builder()
        .timeout(TIMEOUT)
        .redirect(Policy::none())
        .build()?;
    let base = issuer.trim_end_matches('/');
    let discovery: Discovery =
        get(&client, &format!("{base}/.well-known/openid-configuration")).await?;
    ensure!(
        discovery.issuer == issuer,
        "it calls itself {}",
        discovery.issuer
    );
    ensure!(
        discovery.jwks_uri.starts_with("https://") || !issuer.starts_with("https://"),
        "its keys are at {}, without TLS",
        discovery.jwks_uri
    );
    get(&client, &discovery.jwks_uri).await
}

async fn get<T: DeserializeOwned>(client: &Client, url: &str) -> Result<T> {
    let mut answer = client.get(url).send().await?;
    ensure!(
        answer.status() == StatusCode::OK,
        "{url} answers {}",
        answer.status()
    );
    let mut document = Vec::new();
    while let Some(part) = answer.chunk().await? {
        ensure!(
            document.len() + part.len() <= MAX_DOCUMENT_BYTES,
            "{url} answers more than {MAX_DOCUMENT_BYTES} bytes"
        );
        document.extend_from_slice(&part);
    }
    serde_json::from_slice(&document).with_context(|| url.to_owned())
}

fn check(token: &str, keys: &KeySet, issuer: &str, now: DateTime<Utc>) -> Result<Claims> {
    let (signed, signature) = token.rsplit_once('.').context("it is not a token")?;
    let (header, claims) = signed.split_once('.').context("it is not a token")?;
    let header: Header = serde_json::from_slice(&decode(header)?).context("its header")?;
    let key = keys.keys.iter().find(|key| key.kid == header.kid);
    let key = key.with_context(|| {
        format!(
            "it is signed with {}, which its issuer does not know",
            header.kid
        )
    })?;
    key.check(&header.alg, signed.as_bytes(), &decode(signature)?)?;

    let claims: Claims = serde_json::from_slice(&decode(claims)?).context("its claims")?;
    ensure!(
        claims.iss == issuer,
        "it is of {}, not of {issuer}",
        claims.iss
    );
    ensure!(
        claims.aud == AUDIENCE,
        "it is for {}, not for {AUDIENCE}",
        claims.aud
    );
    let now = now.timestamp();
    ensure!(
        now < claims.exp.saturating_add(CLOCK_SKEW_SECONDS),
        "it has ended"
    );
    ensure!(
        now >= claims.nbf.saturating_sub(CLOCK_SKEW_SECONDS),
        "it is not valid yet"
    );
    Ok(claims)
}

impl Key {
    /// Fails unless the signature is of this key. The key decides which algorithm it is, not the token alone.
    fn check(&self, algorithm: &str, signed: &[u8], signature: &[u8]) -> Result<()> {
        let checked = match (algorithm, self.kty.as_str(), self.crv.as_str()) {
            ("RS256", "RSA", _) => {
                let (n, e) = (decode(&self.n)?, decode(&self.e)?);
                RsaPublicKeyComponents { n, e }.verify(
                    &RSA_PKCS1_2048_8192_SHA256,
                    signed,
                    signature,
                )
            }
            ("ES256", "EC", "P-256") => {
                let point = [&[4][..], &decode(&self.x)?, &decode(&self.y)?].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
            }
            _ => bail!("{algorithm} with a key of {} is not taken", self.kty),
        };
        checked.ok().context("its signature is wrong")
    }
}

fn decode(text: &str) -> Result<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .context("it is not base64url")
}

#[cfg(test)]
#[path = "id_token_tests.rs"]
pub(crate) mod tests;
