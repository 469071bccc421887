//! One batch: lock, read, decide, write, commit, in that order and in one transaction.

use std::collections::BTreeSet;

use service_kit::database::StoreError;

use super::Tools;
use crate::book::{Holding, Outcome};
use crate::order::{KeyName, Order};

/// Where a batch failed.
#[derive(Debug)]
pub(super) enum BatchError {
    /// Before its commit: nothing of it happened.
    Before(StoreError),
    /// At its commit: it may have happened.
    AtCommit(StoreError),
}

impl From<StoreError> for BatchError {
    fn from(error: StoreError) -> Self {
        Self::Before(error)
    }
}

/// Executes `orders` in their order; one outcome each.
pub(super) async fn execute(tools: &Tools, orders: &[Order]) -> Result<Vec<Outcome>, BatchError> {
    let users = orders.iter().map(|order| order.user_id.clone()).collect();
    let holdings: BTreeSet<Holding> = orders
        .iter()
        .map(|order| (order.user_id.clone(), order.symbol))
        .collect();
    let keys: Vec<KeyName> = orders.iter().filter_map(Order::key_name).collect();

    let mut transaction = tools.store.lock(&users).await?;
    let mut book = transaction.read(&holdings, &keys).await?;
    let decide = |order| {
        let now = tools.clock.now();
        book.decide(order, tools.ids.next(now), now, tools.answering)
    };
    let outcomes = orders.iter().map(decide).collect();
    transaction.write(&book.into_changes()).await?;
    transaction.commit().await.map_err(BatchError::AtCommit)?;
    Ok(outcomes)
}
