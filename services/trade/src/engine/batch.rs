//! One batch. As long as no other process touches its users, what is held is known from the batches before, and one
//! statement asserts that and writes. Else: lock, read, decide, write, commit, in that order and in one transaction.

use std::collections::{BTreeSet, HashMap};

use market::UserId;

use super::Tools;
use crate::book::{Book, Changes, Outcome};
use crate::known::{Known, holdings};
use crate::order::{KeyName, Order};
use crate::store::{Verdict, WriteError, Writer};

/// Batches that are locked first after one was overtaken: who shares its users with others would be overtaken again.
const SHARED_BATCHES: u32 = 64;

/// How a lane executes its batches.
pub(super) struct Gait {
    writer: Box<dyn Writer>,
    known: Known,
    /// Batches that are still to be locked first.
    shared: u32,
}

impl Gait {
    pub(super) fn new(writer: Box<dyn Writer>) -> Self {
        Self {
            writer,
            known: Known::default(),
            shared: 0,
        }
    }

    /// There is nothing to do for now.
    pub(super) fn rest(&mut self) {
        self.writer.rest();
    }

    /// Executes `orders` in their order; one outcome each.
    pub(super) async fn execute(
        &mut self,
        tools: &Tools,
        orders: &[Order],
    ) -> Result<Vec<Outcome>, WriteError> {
        let result = self.attempt(tools, orders).await;
        if result.is_err() {
            // What is stored now is anyone's guess.
            self.known.forget_all();
        }
        result
    }

    async fn attempt(
        &mut self,
        tools: &Tools,
        orders: &[Order],
    ) -> Result<Vec<Outcome>, WriteError> {
        if self.shared > 0 {
            self.shared -= 1;
            return self.lock_and_execute(tools, orders).await;
        }
        let (outcomes, changes) = self.decide(tools, orders).await?;
        if changes.versions.is_empty() {
            return Ok(outcomes);
        }
        match self.writer.write_if_current(&changes).await? {
            Verdict::Written => {
                self.known.wrote(&changes);
                Ok(outcomes)
            }
            Verdict::Overtaken => {
                self.shared = SHARED_BATCHES;
                self.known.forget_all();
                self.lock_and_execute(tools, orders).await
            }
            Verdict::KeyTaken => {
                for order in orders {
                    self.known.forget(&order.user_id);
                }
                self.lock_and_execute(tools, orders).await
            }
        }
    }

    async fn lock_and_execute(
        &mut self,
        tools: &Tools,
        orders: &[Order],
    ) -> Result<Vec<Outcome>, WriteError> {
        let users = orders.iter().map(|order| order.user_id.clone()).collect();
        let keys: Vec<KeyName> = orders.iter().filter_map(Order::key_name).collect();

        let mut transaction = self.writer.lock(&users).await?;
        let mut book = transaction.read(&holdings(orders.iter()), &keys).await?;
        let outcomes = decide(tools, &mut book, orders);
        transaction.write(&book.into_changes()).await?;
        transaction.commit().await.map_err(WriteError::AtCommit)?;
        Ok(outcomes)
    }

    /// Decides on what is known; what is not, and who would be told a no on nothing else, is read first.
    async fn decide(
        &mut self,
        tools: &Tools,
        orders: &[Order],
    ) -> Result<(Vec<Outcome>, Changes), WriteError> {
        let mut read: BTreeSet<UserId> = BTreeSet::new();
        loop {
            let missing = self.known.missing(orders);
            if !missing.is_empty() {
                let held = self.writer.read(&missing).await?;
                self.known.learn(&missing, &held);
                read.extend(missing.into_iter().map(|(user_id, _)| user_id));
            }
            let mut book = Book::new(self.known.held(orders), HashMap::new());
            let outcomes = decide(tools, &mut book, orders);
            let refused = book.refused(orders, &outcomes);
            let doubtful: Vec<_> = refused
                .into_iter()
                .filter(|user| !read.contains(*user))
                .collect();
            if doubtful.is_empty() {
                return Ok((outcomes, book.into_changes()));
            }
            for user_id in doubtful {
                self.known.forget(user_id);
            }
        }
    }
}

fn decide(tools: &Tools, book: &mut Book, orders: &[Order]) -> Vec<Outcome> {
    let decide = |order| {
        let now = tools.clock.now();
        book.decide(order, tools.ids.next(now), now, tools.answering)
    };
    orders.iter().map(decide).collect()
}
