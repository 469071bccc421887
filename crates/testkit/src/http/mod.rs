//! A client for a service under test: relative paths in, whole replies out. It follows no redirect and uses no proxy, so
//! that a test sees what the service sent.

mod reply;

use std::{error::Error, sync::Once, time::Duration};

use reqwest::redirect::Policy;
pub use reqwest::{Method, RequestBuilder};
use serde_json::Value;

pub use reply::Reply;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Talks to one service.
#[derive(Clone, Debug)]
pub struct Client {
    base_url: String,
    key: Option<String>,
    inner: reqwest::Client,
}

impl Client {
    /// `base_url` without a slash at its end: `http://127.0.0.1:8001`.
    pub fn new(base_url: impl Into<String>) -> Self {
        install_tls();
        let inner = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .build()
            .expect("these settings are valid");
        Self {
            base_url: base_url.into(),
            key: None,
            inner,
        }
    }

    /// Shows this key with each request.
    pub fn with_key(self, key: Option<&str>) -> Self {
        let key = key.map(str::to_owned);
        Self { key, ..self }
    }

    /// Where the paths start.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// `GET path`; the path may carry a query.
    pub async fn get(&self, path: &str) -> Reply {
        self.request(self.builder(Method::GET, path)).await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.request(self.builder(Method::POST, path).json(body))
            .await
    }

    /// `PUT path` with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.request(self.builder(Method::PUT, path).json(body))
            .await
    }

    /// An odd request in the making: other methods, headers, bodies that are not JSON. [`Self::request`] sends it; its own
    /// `send` yields a response that can be read piece by piece, as an event stream is.
    pub fn builder(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base_url);
        let request = self.inner.request(method, url);
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Sends it and reads the whole answer.
    pub async fn request(&self, request: RequestBuilder) -> Reply {
        let (client, request) = request.build_split();
        let request = request.expect("the request can be built");
        let (method, url) = (request.method().clone(), request.url().clone());
        let answered = async {
            let response = client.execute(request).await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.bytes().await?.to_vec();
            reqwest::Result::Ok((status, headers, body))
        };
        match answered.await {
            Ok((status, headers, body)) => Reply {
                method,
                url,
                status,
                headers,
                body,
            },
            Err(error) => panic!("{method} {url} was not answered: {}", causes(&error)),
        }
    }
}

/// With TLS compiled in and no provider chosen, reqwest would panic; a provider that the test has chosen stays.
fn install_tls() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

/// reqwest says only "error sending request": the reason is further down.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
