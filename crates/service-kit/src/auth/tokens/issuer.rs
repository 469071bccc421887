//! Asks an issuer for its keys: at the start, every few minutes, and when a token names one that is not known.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use super::key_set::KeySet;
use crate::complaint::Complaint;
use crate::settings::IssuerUrl;

/// Longest time of one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest document that is read, in bytes.
const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;
/// How often keys are asked for.
const REFRESH: Duration = Duration::from_mins(5);
/// Shortest pause between two times, whatever tokens name.
const PAUSE: Duration = Duration::from_secs(5);
/// The same before there are any.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How long a request waits for keys that might have its own.
const PATIENCE: Duration = Duration::from_secs(3);

/// One issuer.
pub(super) struct Issuer {
    url: String,
    state: watch::Sender<State>,
    wanted: Notify,
}

#[derive(Default)]
struct State {
    keys: Option<Arc<KeySet>>,
    /// When they were last asked for.
    asked_at: Option<Instant>,
}

/// Why an issuer is of no use.
#[derive(Debug, thiserror::Error)]
enum IssuerError {
    /// It names something that is no place of keys, or one that is less safe than itself.
    #[error("its keys cannot be at {0}")]
    Place(String),
    /// It does not answer, or not as it should.
    #[error("{0}")]
    Http(String),
    /// It says that it is somebody else (OpenID Connect Discovery 1.0 section 4.3).
    #[error("it calls itself {0}")]
    Name(String),
    /// What it answers is too long.
    #[error("its answer is longer than {MAX_DOCUMENT_BYTES} bytes")]
    Long,
    /// What it answers is something else.
    #[error("its answer cannot be read: {0}")]
    Form(#[from] serde_json::Error),
    /// No key of it can be used.
    #[error("it has no key that can be used")]
    Empty,
}

impl From<reqwest::Error> for IssuerError {
    fn from(error: reqwest::Error) -> Self {
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            reason = format!("{reason}: {cause}");
            source = cause.source();
        }
        Self::Http(reason)
    }
}

/// What is read of an issuer's description of itself.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Issuer {
    /// The issuer at this URL, which is its name as well.
    pub(super) fn new(url: &IssuerUrl) -> Self {
        Self {
            url: url.to_string(),
            state: watch::Sender::default(),
            wanted: Notify::new(),
        }
    }

    /// Its keys, once it has told them.
    pub(super) fn keys(&self) -> Option<Arc<KeySet>> {
        self.state.borrow().keys.clone()
    }

    /// Its keys, asked for now unless that was done just before.
    pub(super) async fn keys_anew(&self) -> Option<Arc<KeySet>> {
        let mut state = self.state.subscribe();
        let is_recent = |state: &State| state.asked_at.is_some_and(|at| at.elapsed() < PAUSE);
        if !is_recent(&state.borrow_and_update()) {
            self.wanted.notify_one();
            // Without an answer those count that are known.
            drop(timeout(PATIENCE, state.changed()).await);
        }
        self.keys()
    }

    /// Keeps its keys current; never ends. Those that are known go on counting while it does not answer.
    pub(super) async fn follow(&self) {
        let mut complaint = Complaint::default();
        loop {
            let fetched = self.fetch().await;
            let has_failed = fetched.is_err();
            match &fetched {
                Ok(_) => complaint.end(),
                Err(error) => {
                    let error = error.to_string();
                    if complaint.is_due(&error) {
                        warn!(issuer = self.url, error, "cannot get the keys of tokens");
                    }
                }
            }
            self.take(fetched.ok());
            if self.keys().is_none() {
                sleep(FIRST_PAUSE).await;
                continue;
            }
            sleep(PAUSE).await;
            if !has_failed {
                // An end of the wait is a reason to ask as well.
                drop(timeout(REFRESH.saturating_sub(PAUSE), self.wanted.notified()).await);
            }
        }
    }

    /// Takes what it was asked for; without an answer what is known stays.
    fn take(&self, keys: Option<KeySet>) {
        self.state.send_modify(|state| {
            state.asked_at = Some(Instant::now());
            let Some(keys) = keys else { return };
            if state.keys.is_none() {
                info!(
                    issuer = self.url,
                    keys = keys.len(),
                    "took up the keys of tokens"
                );
            }
            state.keys = Some(Arc::new(keys));
        });
    }

    async fn fetch(&self) -> Result<KeySet, IssuerError> {
        let client = client()?;
        let base = self.url.trim_end_matches('/');
        let description = get(&client, &format!("{base}/.well-known/openid-configuration")).await?;
        let Discovery { issuer, jwks_uri } = serde_json::from_slice(&description)?;
        if issuer != self.url {
            return Err(IssuerError::Name(issuer));
        }
        let is_safe = |url: &IssuerUrl| url.is_encrypted() || !base.starts_with("https:");
        if !jwks_uri.parse().is_ok_and(|url| is_safe(&url)) {
            return Err(IssuerError::Place(jwks_uri));
        }
        let keys = KeySet::parse(&get(&client, &jwks_uri).await?)?;
        if keys.len() == 0 {
            return Err(IssuerError::Empty);
        }
        Ok(keys)
    }
}

fn client() -> reqwest::Result<Client> {
    // The one error is that the process has a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().timeout(CALL_TIMEOUT);
    client.redirect(Policy::none()).build()
}

/// A document, whole.
async fn get(client: &Client, url: &str) -> Result<Vec<u8>, IssuerError> {
    let mut answer = client.get(url).send().await?;
    if answer.status() != StatusCode::OK {
        return Err(IssuerError::Http(format!(
            "{url} answers {}",
            answer.status()
        )));
    }
    let mut document = Vec::new();
    while let Some(part) = answer.chunk().await? {
        if document.len() + part.len() > MAX_DOCUMENT_BYTES {
            return Err(IssuerError::Long);
        }
        document.extend_from_slice(&part);
    }
    Ok(document)
}
