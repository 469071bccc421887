//! Turns changes of the catalogue into frames of events, each encoded once for everyone who listens.
//!
//! A frame holds the latest state of what changed since the frame before, so that a burst of prices costs one event a
//! stock, and whoever misses frames catches up from the snapshot.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use market::Symbol;
use tokio::sync::broadcast;

use crate::live::Live;
use crate::snapshot::{Entry, Snapshot};
use crate::stock::Version;

/// Shortest time between two frames: what changes meanwhile goes out together.
const FRAME_PAUSE: Duration = Duration::from_millis(50);
/// Frames that a slow reader may be behind before it takes the latest state instead.
const MAX_FRAMES_BEHIND: usize = 32;

/// Sends frames to everyone who listens.
#[derive(Clone)]
pub(crate) struct Ticker(broadcast::Sender<Arc<Frame>>);

/// The stocks that changed up to a version, as events.
pub(crate) struct Frame {
    /// The version that it leads to.
    pub(crate) version: Version,
    /// Every event.
    pub(crate) all: Bytes,
    /// Where each stock's event stands in them.
    places: Vec<(Symbol, Range<usize>)>,
}

impl Ticker {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(MAX_FRAMES_BEHIND))
    }

    /// Hears of every frame from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Frame>> {
        self.0.subscribe()
    }

    /// Sends frames as the catalogue changes; never ends while it lives.
    pub(crate) async fn run(&self, live: &Live) {
        let mut snapshots = live.subscribe();
        let mut sent = snapshots.borrow_and_update().version();
        while snapshots.changed().await.is_ok() {
            let snapshot = Arc::clone(&snapshots.borrow_and_update());
            // Who comes later starts from a snapshot that is no older than this one.
            if self.0.receiver_count() > 0 {
                let frame = Frame::since(&snapshot, Some(sent), |_| true);
                // The one error is that the last listener has just gone.
                let _ = self.0.send(Arc::new(frame));
            }
            sent = snapshot.version();
            tokio::time::sleep(FRAME_PAUSE).await;
        }
    }
}

impl Frame {
    /// The latest state of what changed after `since` and is wanted.
    pub(crate) fn since(
        snapshot: &Snapshot,
        since: Option<Version>,
        is_wanted: impl Fn(&Symbol) -> bool,
    ) -> Self {
        let changed = snapshot.since(since);
        let wanted: Vec<&Entry> = changed
            .into_iter()
            .filter(|entry| is_wanted(&entry.listed.stock.symbol))
            .collect();
        let mut all = Vec::new();
        let mut places = Vec::with_capacity(wanted.len());
        for (index, entry) in wanted.iter().enumerate() {
            let start = all.len();
            // The id counts for all events before it, so it stands where nothing of its version follows.
            let is_last = wanted
                .get(index + 1)
                .is_none_or(|next| next.listed.version > entry.listed.version);
            if is_last {
                let id = format!("id: {}\n", entry.listed.version.0);
                all.extend_from_slice(id.as_bytes());
            }
            all.extend_from_slice(b"event: price\ndata: ");
            all.extend_from_slice(&entry.price_json().json);
            all.extend_from_slice(b"\n\n");
            places.push((entry.listed.stock.symbol, start..all.len()));
        }
        Self {
            version: snapshot.version(),
            all: all.into(),
            places,
        }
    }

    /// The events of these stocks alone.
    pub(crate) fn only(&self, is_wanted: impl Fn(&Symbol) -> bool) -> Bytes {
        let wanted = self.places.iter().filter(|(symbol, _)| is_wanted(symbol));
        let events: Vec<&[u8]> = wanted.map(|(_, place)| &self.all[place.clone()]).collect();
        events.concat().into()
    }
}
