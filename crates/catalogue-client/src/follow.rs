//! Follows the catalogue: hears its stream, from where it was lost or from its beginning, and counts its stocks.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;
use tokio::sync::Notify;
use tracing::{debug, info, warn};

use crate::CatalogueClient;
use crate::stream::{Lost, PriceStream};

/// Pause after the stream was lost; it doubles with each further loss, until one has lasted. The catalogue's own `retry` is
/// for browsers: a price would come too late after it.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Pause between two counts.
const COUNT_PAUSE: Duration = Duration::from_millis(500);

impl CatalogueClient {
    /// Follows the catalogue; never ends.
    pub async fn follow(&self) {
        let outdated = Notify::new();
        let listener = Listener {
            client: self,
            outdated: &outdated,
            last_id: None,
            pause: FIRST_PAUSE,
            has_warned: false,
        };
        tokio::join!(listener.listen(), self.count(&outdated));
    }

    /// The stream does not say what was taken off the catalogue: that shows in the number of stocks.
    async fn count(&self, outdated: &Notify) {
        loop {
            tokio::time::sleep(COUNT_PAUSE).await;
            let known = self.board().len();
            let Some(total) = self.total().await else {
                continue;
            };
            if self.board_mut().compare(known, total, Instant::now()) {
                outdated.notify_one();
            }
        }
    }

    /// How many stocks the catalogue has.
    async fn total(&self) -> Option<usize> {
        let mut url = self.url("/stocks");
        url.set_query(Some("limit=1"));
        let response = self.call(url).await.ok()?.error_for_status().ok()?;
        let total = response.headers().get("x-total-count")?;
        total.to_str().ok()?.parse().ok()
    }
}

/// Hears the stream.
struct Listener<'a> {
    client: &'a CatalogueClient,
    /// Says that what is known is to be read again.
    outdated: &'a Notify,
    /// The last event that was heard, when it can be gone on after.
    last_id: Option<HeaderValue>,
    pause: Duration,
    has_warned: bool,
}

impl Listener<'_> {
    async fn listen(mut self) {
        loop {
            let Err(lost) = self.hear().await;
            match lost {
                Lost::Silent => {
                    self.pause = FIRST_PAUSE;
                    continue;
                }
                Lost::Outdated => {
                    self.last_id = None;
                    continue;
                }
                // Perhaps for the sake of the id.
                Lost::Status(_) => self.last_id = None,
                _ => {}
            }
            debug!(error = %lost, "the stream of prices is lost");
            let is_stale = self.client.board().is_stale(Instant::now());
            if is_stale && !std::mem::replace(&mut self.has_warned, true) {
                warn!(error = %lost, "going on with the symbols last known, without prices");
            }
            tokio::time::sleep(self.pause).await;
            self.pause = LONGEST_PAUSE.min(self.pause * 2);
        }
    }

    /// Opens the stream, and takes what it says until it is lost.
    async fn hear(&mut self) -> Result<Infallible, Lost> {
        let client = self.client;
        let request = client.get(client.url("/stream"));
        let mut stream = PriceStream::open(request, self.last_id.as_ref()).await?;
        let opened = Instant::now();
        let mut is_new = self.last_id.is_none();
        if is_new {
            client.board_mut().start_reading(opened);
        }
        loop {
            let told = tokio::select! {
                told = stream.next() => told?,
                () = self.outdated.notified() => return Err(Lost::Outdated),
            };
            let now = Instant::now();
            let mut board = client.board_mut();
            // What was told before so long a silence is not confirmed by what has changed since.
            if board.is_stale(now) && !is_new {
                return Err(Lost::Outdated);
            }
            board.hear(&told, now);
            drop(board);
            is_new = false;
            self.last_id = stream.last_id().or(self.last_id.take());
            if opened.elapsed() > LONGEST_PAUSE {
                self.pause = FIRST_PAUSE;
            }
            if std::mem::take(&mut self.has_warned) {
                info!("the catalogue is heard again");
            }
        }
    }
}
