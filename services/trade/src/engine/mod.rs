//! Executes orders in lanes: a lane takes the orders of its users in the order in which they came,
//! and commits together whatever waits while the batch before is being committed.

mod batch;
mod lane;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::num::NonZeroUsize;
use std::sync::Arc;

use service_kit::clock::Clock;
use service_kit::ids::Ids;
use service_kit::metrics::CountHistogram;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::book::{Answering, Outcome};
use crate::order::Order;
use crate::store::Store;

/// Orders that may wait in one lane; more are refused at once.
const LANE_CAPACITY: usize = 4_096;

/// Hands orders to the lanes.
#[derive(Clone)]
pub(crate) struct Engine {
    lanes: Arc<[mpsc::Sender<Waiting>]>,
}

/// What the lanes work with.
#[derive(Clone)]
pub(crate) struct Tools {
    /// Where orders are kept.
    pub(crate) store: Arc<dyn Store>,
    /// Tells when.
    pub(crate) clock: Clock,
    /// Names trades.
    pub(crate) ids: Ids,
    /// Writes answers.
    pub(crate) answering: Answering,
    /// Orders by batch.
    pub(crate) batch_sizes: CountHistogram,
}

/// An order that waits for its outcome.
pub(crate) struct Waiting {
    order: Order,
    reply: oneshot::Sender<Result<Outcome, EngineError>>,
}

/// Why an order has no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EngineError {
    /// Too many orders wait; nothing was done.
    #[error("too many orders are waiting")]
    Full,
    /// The store could not be reached; nothing was done.
    #[error("the database does not answer; the order was not executed")]
    Unavailable,
    /// The store was lost while it committed.
    #[error("the database was lost while it committed; whether the order was executed is unknown")]
    OutcomeUnknown,
    /// The store refused the order for a fault of ours; nothing was done.
    #[error("the order could not be executed")]
    Failed,
}

impl Engine {
    /// Starts the lanes in `workers`; each ends once the last engine is dropped and its queue is empty.
    pub(crate) fn start(lanes: NonZeroUsize, tools: &Tools, workers: &mut JoinSet<()>) -> Self {
        let lanes = (0..lanes.get()).map(|_| {
            let (sender, receiver) = mpsc::channel(LANE_CAPACITY);
            workers.spawn(lane::run(receiver, tools.clone()));
            sender
        });
        Self {
            lanes: lanes.collect(),
        }
    }

    /// Executes an order. Once it waits in a lane it is executed, even when nobody waits for it any more.
    pub(crate) async fn execute(&self, order: Order) -> Result<Outcome, EngineError> {
        let mut hasher = DefaultHasher::new();
        order.user_id.hash(&mut hasher);
        let lanes = u64::try_from(self.lanes.len()).unwrap_or(1);
        let lane = usize::try_from(hasher.finish() % lanes).unwrap_or(0);
        let (reply, outcome) = oneshot::channel();
        self.lanes[lane]
            .try_send(Waiting { order, reply })
            .map_err(|_| EngineError::Full)?;
        // A lane that is gone without a reply has panicked: the order may have been committed.
        outcome.await.unwrap_or(Err(EngineError::OutcomeUnknown))
    }
}
