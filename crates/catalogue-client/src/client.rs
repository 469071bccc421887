//! Answers what is known of a symbol, and asks the catalogue when nothing is.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use market::{Price, Symbol};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use tokio::sync::Semaphore;

use crate::board::Board;

/// Longest time that one call of the catalogue may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// Questions about single symbols that may be open at a time.
const MAX_LOOKUPS: usize = 32;

/// Where the key comes from, looked at for each call: it may be another one by now.
type KeySource = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// What is known of the catalogue, kept fresh by [`CatalogueClient::follow`].
pub struct CatalogueClient {
    base: Url,
    http: reqwest::Client,
    key: Option<KeySource>,
    board: RwLock<Board>,
    lookups: Semaphore,
}

/// Whether a symbol is in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// It is, or was when the catalogue was last heard of.
    Listed,
    /// The catalogue says that it is not.
    Unlisted,
    /// The catalogue cannot be asked, and was not known to have it.
    Unknown,
}

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is no HTTP URL.
    #[error("the catalogue's URL must be http://host:port or https://host:port")]
    Url,
    /// The HTTP client cannot be made.
    #[error("cannot make an HTTP client: {0}")]
    Http(#[from] reqwest::Error),
}

impl CatalogueClient {
    /// A client of the catalogue at `base`, such as `http://stock-listing:8000`.
    pub fn new(base: &str) -> Result<Self, ConnectError> {
        let base = Url::parse(base)
            .ok()
            .filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
        let base = base.ok_or(ConnectError::Url)?;
        // The one error is that the process has a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(CALL_TIMEOUT)
            .no_proxy()
            .build()?;
        Ok(Self {
            base,
            http,
            key: None,
            board: RwLock::default(),
            lookups: Semaphore::new(MAX_LOOKUPS),
        })
    }

    /// Shows the catalogue a key, where there is one.
    pub fn with_key(mut self, key: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        self.key = Some(Box::new(key));
        self
    }

    /// The last price of a stock; `None` when the catalogue does not have it or has not been heard of
    /// for 5 seconds.
    pub fn market_price(&self, symbol: &Symbol) -> Option<Price> {
        self.board().price(symbol, Instant::now())
    }

    /// Whether a symbol is listed: by what is known, else by asking, since it may be new.
    pub async fn listing(&self, symbol: &Symbol) -> Listing {
        let is_known = self.board().knows(symbol);
        if is_known {
            Listing::Listed
        } else {
            self.look_up(symbol).await
        }
    }

    async fn look_up(&self, symbol: &Symbol) -> Listing {
        let Ok(_permit) = self.lookups.acquire().await else {
            return Listing::Unknown;
        };
        let url = self.url(&format!("/stocks/{symbol}/price"));
        let Ok(response) = self.call(url).await else {
            return Listing::Unknown;
        };
        match response.status() {
            StatusCode::OK => Listing::Listed,
            StatusCode::NOT_FOUND if says_unknown_symbol(response).await => Listing::Unlisted,
            _ => Listing::Unknown,
        }
    }

    /// A `GET` that ends in time, its body included.
    pub(crate) async fn call(&self, url: Url) -> reqwest::Result<Response> {
        self.get(url).timeout(CALL_TIMEOUT).send().await
    }

    /// A `GET` in the making.
    pub(crate) fn get(&self, url: Url) -> RequestBuilder {
        let request = self.http.get(url);
        match self.key.as_ref().and_then(|key| key()) {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// The address of a path of the catalogue.
    pub(crate) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    pub(crate) fn board(&self) -> RwLockReadGuard<'_, Board> {
        self.board.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn board_mut(&self) -> RwLockWriteGuard<'_, Board> {
        self.board.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the catalogue's own 404 from that of something else at its address.
async fn says_unknown_symbol(response: Response) -> bool {
    #[derive(serde::Deserialize)]
    struct Problem {
        code: String,
    }
    response
        .json::<Problem>()
        .await
        .is_ok_and(|problem| problem.code == "unknown_symbol")
}
