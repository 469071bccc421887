//! A lane: gathers what waits, executes it as one batch, replies.

use std::time::Duration;

use service_kit::database::StoreError;
use tokio::sync::mpsc;
use tracing::{error, warn};

use super::batch::Gait;
use super::{EngineError, Tools, Waiting};
use crate::book::Outcome;
use crate::order::Order;
use crate::store::WriteError;

/// Orders that are committed together at the most.
const MAX_BATCH_ORDERS: usize = 512;
/// Time without an order after which a lane holds nothing that others could need.
const REST_AFTER: Duration = Duration::from_secs(1);
/// How often a batch that lost against another transaction is tried again.
const MAX_CONFLICT_RETRIES: usize = 5;

pub(super) async fn run(mut queue: mpsc::Receiver<Waiting>, tools: Tools) {
    let mut gait = Gait::new(tools.store.writer());
    let mut waiting = Vec::with_capacity(MAX_BATCH_ORDERS);
    loop {
        let gather = queue.recv_many(&mut waiting, MAX_BATCH_ORDERS);
        let gathered = if let Ok(gathered) = tokio::time::timeout(REST_AFTER, gather).await {
            gathered
        } else {
            gait.rest();
            queue.recv_many(&mut waiting, MAX_BATCH_ORDERS).await
        };
        if gathered == 0 {
            return;
        }
        let (orders, replies): (Vec<Order>, Vec<_>) = waiting
            .drain(..)
            .map(|waiting| (waiting.order, waiting.reply))
            .unzip();
        tools.batch_sizes.observe(orders.len());
        let outcomes = execute(&tools, &mut gait, &orders).await;
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            // A client that has hung up does not need its reply.
            let _ = reply.send(outcome);
        }
    }
}

/// Executes orders together, or, when the batch fails for the sake of one of them, each by itself.
async fn execute(
    tools: &Tools,
    gait: &mut Gait,
    orders: &[Order],
) -> Vec<Result<Outcome, EngineError>> {
    match attempt(tools, gait, orders).await {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(EngineError::Failed) if orders.len() > 1 => {
            let mut outcomes = Vec::with_capacity(orders.len());
            for order in orders {
                let alone = attempt(tools, gait, std::slice::from_ref(order)).await;
                outcomes.push(
                    alone.and_then(|outcomes| {
                        outcomes.into_iter().next().ok_or(EngineError::Failed)
                    }),
                );
            }
            outcomes
        }
        Err(error) => vec![Err(error); orders.len()],
    }
}

async fn attempt(
    tools: &Tools,
    gait: &mut Gait,
    orders: &[Order],
) -> Result<Vec<Outcome>, EngineError> {
    let mut retries = 0;
    loop {
        let error = match gait.execute(tools, orders).await {
            Ok(outcomes) => return Ok(outcomes),
            Err(error) => error,
        };
        match error {
            WriteError::Before(StoreError::Conflict(_)) if retries < MAX_CONFLICT_RETRIES => {
                retries += 1;
            }
            WriteError::Before(error @ (StoreError::Conflict(_) | StoreError::Unavailable(_))) => {
                warn!(%error, orders = orders.len(), "orders not executed");
                return Err(EngineError::Unavailable);
            }
            WriteError::Before(error) => {
                error!(%error, orders = orders.len(), "a batch of orders failed");
                return Err(EngineError::Failed);
            }
            WriteError::AtCommit(error) => {
                error!(%error, orders = orders.len(), "the outcome of orders is unknown");
                return Err(EngineError::OutcomeUnknown);
            }
        }
    }
}
