//! The services from a terminal: what `stocks list`, `watch`, `buy`, `sell` and `portfolio` call.

mod market;
mod orders;
mod output;
mod portfolio;
mod settings;

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use reqwest::{RequestBuilder, Response, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub(crate) use self::market::{List, Watch};
pub(crate) use self::orders::Order;
pub(crate) use self::portfolio::Portfolio;
pub(crate) use self::settings::ClientSettings;

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Longest answer that is read, in bytes: a page of a thousand stocks has less than a tenth of it.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Calls both services, with the caller's key where there is one.
pub(crate) struct Client {
    http: reqwest::Client,
    catalogue: Url,
    trading: Url,
    key: Option<SecretString>,
}

/// The services' one shape of failure (RFC 9457).
#[derive(Deserialize)]
struct Problem {
    detail: String,
    code: String,
    #[serde(default)]
    errors: Vec<FieldError>,
}

#[derive(Deserialize)]
struct FieldError {
    pointer: Option<String>,
    parameter: Option<String>,
    detail: String,
}

impl Client {
    /// A client of these services.
    pub(crate) fn new(catalogue: Url, trading: Url, key: Option<SecretString>) -> Result<Self> {
        // The one error is that the process has a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(TIMEOUT)
            .no_proxy()
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Self {
            http,
            catalogue,
            trading,
            key,
        })
    }

    /// A call in the making; nothing of it has been sent.
    fn request(&self, method: reqwest::Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.key {
            Some(key) => request.bearer_auth(key.expose_secret()),
            None => request,
        }
    }

    fn get(&self, url: Url) -> RequestBuilder {
        self.request(reqwest::Method::GET, url).timeout(TIMEOUT)
    }

    /// What is answered there, as it is written.
    async fn ask(&self, url: Url) -> Result<String> {
        text(send(self.get(url)).await?).await
    }
}

/// An address below that of a service.
fn at(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// Sends a request; an answer that says no is an error, with the service's own words.
async fn send(request: RequestBuilder) -> Result<Response> {
    succeeded(request.send().await.map_err(unreachable)?).await
}

async fn succeeded(response: Response) -> Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = text(response).await?;
    match serde_json::from_str::<Problem>(&body) {
        Ok(problem) => Err(problem.into_error()),
        Err(_) => bail!("the service answers {status}"),
    }
}

/// Why nobody answers, with the cause that matters: the last.
fn unreachable(error: reqwest::Error) -> anyhow::Error {
    let host = error
        .url()
        .map_or_else(String::new, |url| url.origin().ascii_serialization());
    let error = anyhow::Error::new(error.without_url());
    anyhow!("{host} cannot be reached: {}", error.root_cause())
}

/// An answer's body, where it is not too long.
async fn text(mut response: Response) -> Result<String> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.context("the answer broke off")? {
        body.extend_from_slice(&piece);
        if body.len() > MAX_ANSWER_BYTES {
            bail!("the answer is too long");
        }
    }
    String::from_utf8(body).context("the answer is no text")
}

fn parse<T: DeserializeOwned>(body: &str) -> Result<T> {
    serde_json::from_str(body).context("the answer cannot be read")
}

impl Problem {
    fn into_error(self) -> anyhow::Error {
        let Self {
            detail,
            code,
            errors,
        } = self;
        let mut lines = vec![format!("{detail} ({code})")];
        for FieldError {
            pointer,
            parameter,
            detail,
        } in errors
        {
            let place = pointer.or(parameter).unwrap_or_default();
            lines.push(format!("  {}: {detail}", place.trim_start_matches('/')));
        }
        anyhow!(lines.join("\n"))
    }
}
