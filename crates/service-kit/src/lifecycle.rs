//! The phases of a service: starting, ready, draining.

use std::sync::Arc;

use tokio::sync::watch;

/// Where a service stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The socket answers, the stores are not there yet.
    Starting,
    /// Requests are served.
    Ready,
    /// A stop was asked for: what is in flight is finished.
    Draining,
}

/// The phase of one service, shared by its parts; it only moves forward.
#[derive(Clone)]
pub struct Lifecycle(Arc<watch::Sender<Phase>>);

impl Default for Lifecycle {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Phase::Starting)))
    }
}

impl Lifecycle {
    /// The phase now.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Moves on to `phase`; a step back is ignored.
    pub fn advance(&self, phase: Phase) {
        self.0.send_if_modified(|current| {
            let is_later = phase > *current;
            if is_later {
                *current = phase;
            }
            is_later
        });
    }

    /// Waits until `phase` is reached or passed.
    pub async fn reached(&self, phase: Phase) {
        let mut receiver = self.0.subscribe();
        // The sender lives in self, so that the wait can only end by the phase.
        let _ = receiver.wait_for(|current| *current >= phase).await;
    }
}
