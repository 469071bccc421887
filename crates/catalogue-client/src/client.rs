//! Follows the catalogue and answers what is known of a symbol.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use market::{Price, Symbol};
use reqwest::{StatusCode, Url};
use tokio::sync::Semaphore;
use tracing::{info, warn};

use crate::pages::Pages;

/// Pause between two readings of the catalogue.
const REFRESH_PAUSE: Duration = Duration::from_millis(500);
/// Age past which a reading says nothing about prices any more.
const STALE_AFTER: Duration = Duration::from_secs(5);
/// Longest time that one call of the catalogue may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// Questions about single symbols that may be open at a time.
const MAX_LOOKUPS: usize = 32;

/// What is known of the catalogue, kept fresh by [`CatalogueClient::follow`].
pub struct CatalogueClient {
    base: Url,
    http: reqwest::Client,
    snapshot: ArcSwapOption<Snapshot>,
    lookups: Semaphore,
}

struct Snapshot {
    prices: Arc<HashMap<Symbol, Price>>,
    read_at: Instant,
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
            .timeout(CALL_TIMEOUT)
            .no_proxy()
            .build()?;
        Ok(Self {
            base,
            http,
            snapshot: ArcSwapOption::empty(),
            lookups: Semaphore::new(MAX_LOOKUPS),
        })
    }

    /// Reads the catalogue again and again; never ends.
    pub async fn follow(&self) {
        let mut pages = Pages::default();
        let mut is_reachable = true;
        loop {
            match pages.refresh(&self.http, &self.base).await {
                Ok(has_changed) => {
                    self.publish(&pages, has_changed);
                    if !is_reachable {
                        info!("the catalogue answers again");
                    }
                    is_reachable = true;
                }
                Err(error) => {
                    if is_reachable {
                        warn!(%error, "going on with the symbols last known, without prices");
                    }
                    is_reachable = false;
                }
            }
            tokio::time::sleep(REFRESH_PAUSE).await;
        }
    }

    /// The last price of a stock; `None` when the catalogue does not have it or has not been heard of
    /// for 5 seconds.
    pub fn market_price(&self, symbol: &Symbol) -> Option<Price> {
        let snapshot = self.snapshot.load();
        let fresh = snapshot
            .as_ref()
            .filter(|snapshot| snapshot.read_at.elapsed() < STALE_AFTER)?;
        fresh.prices.get(symbol).copied()
    }

    /// Whether a symbol is listed: by what is known, else by asking, since it may be new.
    pub async fn listing(&self, symbol: &Symbol) -> Listing {
        let is_known = self
            .snapshot
            .load()
            .as_ref()
            .is_some_and(|snapshot| snapshot.prices.contains_key(symbol));
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
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}/stocks/{symbol}/price",
            self.base.path().trim_end_matches('/')
        ));
        let Ok(response) = self.http.get(url).send().await else {
            return Listing::Unknown;
        };
        match response.status() {
            StatusCode::OK => Listing::Listed,
            StatusCode::NOT_FOUND if says_unknown_symbol(response).await => Listing::Unlisted,
            _ => Listing::Unknown,
        }
    }

    fn publish(&self, pages: &Pages, has_changed: bool) {
        let known = self.snapshot.load();
        let prices = match known.as_ref().filter(|_| !has_changed) {
            Some(known) => Arc::clone(&known.prices),
            None => Arc::new(
                pages
                    .stocks()
                    .map(|stock| (stock.symbol, stock.current_price))
                    .collect(),
            ),
        };
        self.snapshot.store(Some(Arc::new(Snapshot {
            prices,
            read_at: Instant::now(),
        })));
    }
}

/// Tells the catalogue's own 404 from that of something else at its address.
async fn says_unknown_symbol(response: reqwest::Response) -> bool {
    #[derive(serde::Deserialize)]
    struct Problem {
        code: String,
    }
    response
        .json::<Problem>()
        .await
        .is_ok_and(|problem| problem.code == "unknown_symbol")
}
