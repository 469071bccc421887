//! Takes changes to the catalogue one after the other: what waits while one is being committed is committed with the next.

use std::collections::BTreeSet;
use std::sync::Arc;

use market::Symbol;
use service_kit::clock::Clock;
use service_kit::database::StoreError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::changes::{Changes, Line, Refusal};
use crate::error::Error;
use crate::history::Recorder;
use crate::live::Live;
use crate::stock::Listed;
use crate::store::Store;

/// Calls that may wait; more are refused at once.
const CAPACITY: usize = 1_024;
/// Calls that are committed together at the most.
const MAX_BATCH_CALLS: usize = 256;

/// Hands changes to the one task that makes them.
#[derive(Clone)]
pub(crate) struct Feed(mpsc::Sender<Waiting>);

/// What became of each line of a call.
pub(crate) type Outcomes = Vec<Result<Listed, Refusal>>;

/// What the task works with.
pub(crate) struct Tools {
    /// Where changes are kept.
    pub(crate) store: Arc<dyn Store>,
    /// Shows them.
    pub(crate) live: Arc<Live>,
    /// Remembers their prices.
    pub(crate) recorder: Recorder,
    /// Tells their time.
    pub(crate) clock: Clock,
}

struct Waiting {
    lines: Vec<Line>,
    reply: oneshot::Sender<Result<Outcomes, FeedError>>,
}

/// Why nothing is known of a call's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FeedError {
    /// Too many calls wait; nothing was done.
    #[error("too many changes are waiting")]
    Full,
    /// The store could not be reached.
    #[error("the database does not answer; nothing is known to have changed")]
    Unavailable,
    /// The store refused the batch for a fault of ours; nothing was done.
    #[error("the change could not be made")]
    Failed,
}

impl Feed {
    /// Starts the task in `workers`; it ends once the last feed is dropped and its queue is empty.
    pub(crate) fn start(tools: Tools, workers: &mut JoinSet<()>) -> Self {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        workers.spawn(run(receiver, tools));
        Self(sender)
    }

    /// Makes changes in their order, in one transaction; what became of each.
    pub(crate) async fn change(&self, lines: Vec<Line>) -> Result<Outcomes, FeedError> {
        let (reply, outcomes) = oneshot::channel();
        self.0
            .try_send(Waiting { lines, reply })
            .map_err(|_| FeedError::Full)?;
        outcomes.await.unwrap_or(Err(FeedError::Failed))
    }

    /// Makes one change; the stock as it is then.
    pub(crate) async fn change_one(&self, line: Line) -> Result<Listed, Error> {
        let outcomes = self.change(vec![line]).await?;
        let outcome = outcomes.into_iter().next().ok_or(FeedError::Failed)?;
        Ok(outcome?)
    }
}

async fn run(mut queue: mpsc::Receiver<Waiting>, tools: Tools) {
    let mut waiting = Vec::with_capacity(MAX_BATCH_CALLS);
    while queue.recv_many(&mut waiting, MAX_BATCH_CALLS).await > 0 {
        let (calls, replies): (Vec<_>, Vec<_>) = waiting
            .drain(..)
            .map(|call| (call.lines, call.reply))
            .unzip();
        match execute(&tools, calls).await {
            Ok(outcomes) => {
                for (reply, outcomes) in replies.into_iter().zip(outcomes) {
                    // A client that has hung up does not need its reply.
                    let _ = reply.send(Ok(outcomes));
                }
            }
            Err(failure) => {
                for reply in replies {
                    let _ = reply.send(Err(failure));
                }
            }
        }
    }
}

async fn execute(tools: &Tools, calls: Vec<Vec<Line>>) -> Result<Vec<Outcomes>, FeedError> {
    commit(tools, calls).await.map_err(|error| match error {
        StoreError::Unavailable(_) | StoreError::Conflict(_) => {
            warn!(%error, "changes not made");
            FeedError::Unavailable
        }
        StoreError::Refused(_) | StoreError::Corrupt(_) => {
            error!(%error, "changes failed");
            FeedError::Failed
        }
    })
}

async fn commit(tools: &Tools, calls: Vec<Vec<Line>>) -> Result<Vec<Outcomes>, StoreError> {
    let symbols: BTreeSet<Symbol> = calls.iter().flatten().map(Line::symbol).collect();
    let mut change = tools.store.begin().await?;
    let version = change.version();
    let found = change.find(&Vec::from_iter(symbols)).await?;
    let mut changes = Changes::new(version, tools.clock.now(), found);
    let mut apply = |line| changes.apply(line);
    let outcomes = calls
        .into_iter()
        .map(|lines| lines.into_iter().map(&mut apply).collect())
        .collect();

    let (added, quoted) = (changes.added(), changes.quoted());
    if added.is_empty() && quoted.is_empty() {
        return Ok(outcomes);
    }
    if !added.is_empty() {
        change.insert(&added).await?;
    }
    if !quoted.is_empty() {
        change.update(&quoted).await?;
    }
    change.commit().await?;
    tools.recorder.take(changes.ticks());
    if let Err(error) = tools.live.committed(version, changes.into_changed()).await {
        warn!(%error, "a change is not visible yet");
    }
    Ok(outcomes)
}
