//! The catalogue as it is now: a snapshot that is replaced when the catalogue changes, here or in another replica.

use std::sync::Arc;
use std::time::Duration;

use service_kit::database::StoreError;
use tokio::sync::{Mutex, MutexGuard, watch};
use tracing::warn;

use crate::snapshot::Snapshot;
use crate::stock::{Listed, Version};
use crate::store::{Changed, Listener, Store};

/// Pause between two attempts to hear of the changes of others.
const LISTEN_PAUSE: Duration = Duration::from_millis(250);

/// Holds the snapshot.
pub(crate) struct Live {
    store: Arc<dyn Store>,
    snapshot: watch::Sender<Arc<Snapshot>>,
    /// Held while a newer snapshot is made, so that none overtakes another.
    replacing: Mutex<()>,
}

/// Keeps the snapshot as it is.
pub(crate) struct Held<'a> {
    live: &'a Live,
    _replacing: MutexGuard<'a, ()>,
}

impl Live {
    /// An empty catalogue; [`Live::load`] fills it.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            snapshot: watch::Sender::default(),
            replacing: Mutex::default(),
        }
    }

    /// The catalogue now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.borrow())
    }

    /// Tells of each newer snapshot.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshot.subscribe()
    }

    /// Reads the whole catalogue.
    pub(crate) async fn load(&self) -> Result<(), StoreError> {
        let _replacing = self.replacing.lock().await;
        let Changed { version, stocks } = self.store.changed_since(None).await?;
        self.replace(Snapshot::default().changed(version, stocks));
        Ok(())
    }

    /// Keeps the snapshot as it is while a change is committed here: what is heard of the change meanwhile would be read from
    /// the store again.
    pub(crate) async fn hold(&self) -> Held<'_> {
        Held {
            live: self,
            _replacing: self.replacing.lock().await,
        }
    }

    /// Hears of the changes of other replicas; never ends.
    pub(crate) async fn follow(&self) {
        let mut was_lost = false;
        loop {
            match self.store.listen().await {
                Ok(listener) => {
                    let lost = self.hear(listener).await;
                    warn!(error = %lost, "cannot hear of changes in other replicas");
                    was_lost = true;
                }
                Err(error) if !was_lost => {
                    warn!(%error, "cannot hear of changes in other replicas");
                    was_lost = true;
                }
                Err(_) => {}
            }
            tokio::time::sleep(LISTEN_PAUSE).await;
        }
    }

    async fn hear(&self, mut listener: Box<dyn Listener>) -> StoreError {
        // What was changed before the listener was there has not been heard.
        if let Err(error) = self.load().await {
            return error;
        }
        loop {
            let heard = match listener.changed().await {
                Ok(version) => self.refresh(version).await,
                Err(error) => Err(error),
            };
            if let Err(error) = heard {
                return error;
            }
        }
    }

    async fn refresh(&self, version: Version) -> Result<(), StoreError> {
        let _replacing = self.replacing.lock().await;
        let snapshot = self.snapshot();
        self.catch_up(&snapshot, version).await
    }

    async fn catch_up(&self, snapshot: &Snapshot, version: Version) -> Result<(), StoreError> {
        if version > snapshot.version() {
            let changed = self.store.changed_since(Some(snapshot.version())).await?;
            self.replace(snapshot.changed(changed.version, changed.stocks));
        }
        Ok(())
    }

    fn replace(&self, snapshot: Snapshot) {
        self.snapshot.send_replace(Arc::new(snapshot));
    }
}

impl Held<'_> {
    /// Takes over the change that was committed. One that another replica committed before it, and that has not been heard of
    /// yet, is read too.
    pub(crate) async fn committed(
        self,
        version: Version,
        stocks: Vec<Listed>,
    ) -> Result<(), StoreError> {
        let snapshot = self.live.snapshot();
        if version == snapshot.version().next() {
            self.live.replace(snapshot.changed(version, stocks));
            return Ok(());
        }
        self.live.catch_up(&snapshot, version).await
    }
}
