//! The history of prices: candles that fold as prices come, here first and in the store about a second later.
//!
//! A price costs its change no more than an entry in memory. One task writes what has grown; what a reader gets is the store's
//! candles with those of this process in the place of what it has written of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market::{Symbol, Timestamp};
use service_kit::database::StoreError;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::warn;

use crate::candle::{self, Candle, Tick};
use crate::forming::Forming;
use crate::interval::Interval;
use crate::store::candles::{CandleStore, Filter};

/// Pause between two rounds of writing, when they are short.
const WRITE_PAUSE: Duration = Duration::from_secs(1);
/// A round that took longer is followed by a pause so many times as long, for prices need the database more.
const WRITE_PAUSE_FACTOR: u32 = 9;
/// Longest pause between two rounds.
const LONGEST_WRITE_PAUSE: Duration = Duration::from_secs(10);
/// Pause between two attempts at the last round.
const LAST_PAUSE: Duration = Duration::from_millis(250);
/// Parts written in one statement, so that it does not keep the one writer of the embedded database for long.
const WRITE_AT_ONCE: usize = 2_000;

/// Holds the candles.
pub(crate) struct History {
    store: Arc<dyn CandleStore>,
    forming: Mutex<Forming>,
}

/// Takes prices for a history; once it is dropped, the last of them are written.
pub(crate) struct Recorder {
    history: Arc<History>,
    _ends: oneshot::Sender<()>,
}

/// Which candles to show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Of this stock.
    pub(crate) symbol: Symbol,
    /// Of this length.
    pub(crate) interval: Interval,
    /// That start at this time or after it.
    pub(crate) from: Option<Timestamp>,
    /// That start before this time.
    pub(crate) to: Option<Timestamp>,
    /// The newest so many.
    pub(crate) limit: u32,
}

/// Candles by their start.
pub(crate) struct Page {
    /// The newest that were wanted.
    pub(crate) candles: Vec<Candle>,
    /// Whether there are older ones.
    pub(crate) has_more: bool,
}

impl History {
    pub(crate) fn new(store: Arc<dyn CandleStore>) -> Self {
        Self {
            store,
            forming: Mutex::default(),
        }
    }

    /// Starts the task that writes, in `workers`; it ends once the recorder is dropped and all is written.
    pub(crate) fn record(self: &Arc<Self>, workers: &mut JoinSet<()>) -> Recorder {
        let (ends, ended) = oneshot::channel();
        workers.spawn(write(Arc::clone(self), ended));
        Recorder {
            history: Arc::clone(self),
            _ends: ends,
        }
    }

    /// The newest candles that are wanted.
    pub(crate) async fn candles(&self, wanted: &Wanted) -> Result<Page, StoreError> {
        let Wanted {
            symbol, interval, ..
        } = *wanted;
        // One more tells whether there are older ones; it may miss the grains before the limit.
        let grains = wanted.limit.saturating_add(1) * interval.grains();
        let filter = Filter {
            symbol,
            grain: interval.grain(),
            from: wanted.from,
            to: wanted.to.and_then(|to| interval.first_start(to)),
            limit: grains,
        };
        // Before the store is asked: what leaves memory meanwhile is in the store already.
        let forming = self.forming().of(symbol, interval.grain());
        let stored = self.store.find(&filter).await?;
        let mut parts = BTreeMap::new();
        for part in forming
            .into_iter()
            .filter(|part| filter.covers(part))
            .chain(stored)
        {
            parts
                .entry((part.start, part.opened))
                .and_modify(|known: &mut Candle| {
                    if known.count < part.count {
                        *known = part;
                    }
                })
                .or_insert(part);
        }
        let mut candles = candle::roll_up(interval, parts.into_values());
        // The first one may have begun before what is wanted.
        candles.retain(|candle| wanted.from.is_none_or(|from| candle.start >= from));
        let older = candles.len().saturating_sub(wanted.limit as usize);
        candles.drain(..older);
        Ok(Page {
            candles,
            has_more: older > 0,
        })
    }

    /// Writes what the store does not have.
    async fn write(&self) -> Result<(), StoreError> {
        let unwritten = self.forming().unwritten();
        for parts in unwritten.chunks(WRITE_AT_ONCE) {
            self.store.write(parts).await?;
            self.forming().written(parts);
        }
        Ok(())
    }

    fn forming(&self) -> MutexGuard<'_, Forming> {
        self.forming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder {
    /// Takes prices in their order; they are part of the history from now on.
    pub(crate) fn take(&self, ticks: &[Tick]) {
        let dropped = self.history.forming().take(ticks);
        if dropped > 0 {
            warn!(dropped, "too many candles wait to be written");
        }
    }
}

/// Writes in rounds. What the store does not take waits for the next; the end of the service's time to stop ends it.
async fn write(history: Arc<History>, mut ended: oneshot::Receiver<()>) {
    let mut is_last = false;
    let mut was_lost = false;
    loop {
        let began = Instant::now();
        match history.write().await {
            Ok(()) if is_last => return,
            Ok(()) => was_lost = false,
            Err(error) if !was_lost => {
                warn!(%error, "candles wait to be written");
                was_lost = true;
            }
            Err(_) => {}
        }
        if is_last {
            tokio::time::sleep(LAST_PAUSE).await;
            continue;
        }
        let pause = began.elapsed() * WRITE_PAUSE_FACTOR;
        let pause = pause.clamp(WRITE_PAUSE, LONGEST_WRITE_PAUSE);
        // Nothing is sent: the sender is dropped.
        is_last = tokio::time::timeout(pause, &mut ended).await.is_ok();
    }
}
