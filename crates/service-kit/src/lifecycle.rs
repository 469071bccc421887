//! The phases of a service: starting, ready, draining.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
pub struct Lifecycle(Arc<Shared>);

struct Shared {
    phase: watch::Sender<Phase>,
    /// Whether the phase is `Ready`: each request asks, and asking the channel takes its lock.
    is_ready: AtomicBool,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self(Arc::new(Shared {
            phase: watch::Sender::new(Phase::Starting),
            is_ready: AtomicBool::new(false),
        }))
    }
}

impl Lifecycle {
    /// The phase now.
    pub fn phase(&self) -> Phase {
        if self.0.is_ready.load(Ordering::Acquire) {
            return Phase::Ready;
        }
        *self.0.phase.borrow()
    }

    /// Moves on to `phase`; a step back is ignored.
    pub fn advance(&self, phase: Phase) {
        self.0.phase.send_if_modified(|current| {
            let is_later = phase > *current;
            if is_later {
                *current = phase;
                self.0
                    .is_ready
                    .store(phase == Phase::Ready, Ordering::Release);
            }
            is_later
        });
    }

    /// Waits until `phase` is reached or passed.
    pub async fn reached(&self, phase: Phase) {
        let mut receiver = self.0.phase.subscribe();
        // The sender lives in self, so that the wait can only end by the phase.
        let _ = receiver.wait_for(|current| *current >= phase).await;
    }
}
