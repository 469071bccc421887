//! Takes changes to the catalogue one after the other: what waits while one is being committed is committed with the next.

use std::collections::BTreeSet;
use std::sync::Arc;

use catalogue_client::Stock;
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
use crate::store::Store;

/// Calls that may wait; more are refused at once.
const CAPACITY: usize = 1_024;
/// Calls that are committed together at the most.
const MAX_BATCH_CALLS: usize = 256;

/// Hands changes to the one task that makes them.
#[derive(Clone)]
pub(crate) struct Feed(mpsc::Sender<Waiting>);

/// What became of a call.
#[derive(Default)]
pub(crate) struct Outcome {
    /// The lines that changed nothing, each by its index.
    pub(crate) refused: Vec<(usize, Refusal)>,
    /// The stock of the last line that changed one, as it is then.
    pub(crate) last: Option<Stock>,
}

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
    reply: oneshot::Sender<Result<Outcome, FeedError>>,
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

    /// Makes changes in their order, in one transaction.
    pub(crate) async fn change(&self, lines: Vec<Line>) -> Result<Outcome, FeedError> {
        let (reply, outcome) = oneshot::channel();
        self.0
            .try_send(Waiting { lines, reply })
            .map_err(|_| FeedError::Full)?;
        outcome.await.unwrap_or(Err(FeedError::Failed))
    }

    /// Makes one change; the stock as it is then.
    pub(crate) async fn change_one(&self, line: Line) -> Result<Stock, Error> {
        let Outcome { refused, last } = self.change(vec![line]).await?;
        if let Some((_, refusal)) = refused.into_iter().next() {
            return Err(refusal.into());
        }
        Ok(last.ok_or(FeedError::Failed)?)
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
                for (reply, outcome) in replies.into_iter().zip(outcomes) {
                    // A client that has hung up does not need its reply.
                    let _ = reply.send(Ok(outcome));
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

async fn execute(tools: &Tools, calls: Vec<Vec<Line>>) -> Result<Vec<Outcome>, FeedError> {
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

async fn commit(tools: &Tools, calls: Vec<Vec<Line>>) -> Result<Vec<Outcome>, StoreError> {
    let symbols: BTreeSet<Symbol> = calls.iter().flatten().map(Line::symbol).collect();
    let mut change = tools.store.begin().await?;
    let version = change.version();
    let (mut stocks, unseen) = tools.live.snapshot().before(version, symbols);
    if !unseen.is_empty() {
        stocks.append(&mut change.find(&unseen).await?);
    }
    let mut changes = Changes::new(version, tools.clock.now(), stocks);
    let outcomes = calls
        .into_iter()
        .map(|lines| apply(&mut changes, lines))
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
    let held = tools.live.hold().await;
    change.commit().await?;
    tools.recorder.take(changes.ticks());
    if let Err(error) = held.committed(version, changes.into_changed()).await {
        warn!(%error, "a change is not visible yet");
    }
    Ok(outcomes)
}

fn apply(changes: &mut Changes, lines: Vec<Line>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut last = None;
    for (index, line) in lines.into_iter().enumerate() {
        let symbol = line.symbol();
        match changes.apply(line) {
            Ok(()) => last = Some(symbol),
            Err(refusal) => outcome.refused.push((index, refusal)),
        }
    }
    outcome.last = last.and_then(|symbol| changes.stock(symbol).cloned());
    outcome
}
