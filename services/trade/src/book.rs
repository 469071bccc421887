//! What a batch of orders knows and changes: positions, kept answers, profits. Pure: no I/O, no clock.
//!
//! Orders are decided one after the other, each on what the ones before it left.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use market::{Money, Symbol, Timestamp, UserId};
use uuid::Uuid;

use crate::order::{KeyName, Order};
use crate::position::{self, Position, Refusal};
use crate::trade::Trade;

/// A user's holding in one stock.
pub(crate) type Holding = (UserId, Symbol);

/// The version of a user's account, which grows with each change of what the user has; `None` before the first.
pub(crate) type Version = Option<i64>;

/// What is stored of the holdings that were asked for, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// The version of each user's account.
    pub(crate) versions: BTreeMap<UserId, Version>,
    /// The positions; a holding without one is empty.
    pub(crate) positions: BTreeMap<Holding, Position>,
}

/// What is known of the holdings and keys that a batch touches.
#[derive(Debug, Default)]
pub(crate) struct Book {
    held: Held,
    answers: HashMap<KeyName, KeptAnswer>,
    changes: Changes,
}

/// What a batch is to write.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Whose account changes, and the version on which that was decided.
    pub(crate) versions: BTreeMap<UserId, Version>,
    /// Trades, in the order in which they were made.
    pub(crate) trades: Vec<Trade>,
    /// Positions as they are now; `None` where there is none any more.
    pub(crate) positions: BTreeMap<Holding, (Option<Position>, Timestamp)>,
    /// Profit of the positions that were closed, by user.
    pub(crate) closed_pnl: BTreeMap<UserId, Money>,
    /// Answers to keep.
    pub(crate) answers: Vec<(KeyName, KeptAnswer)>,
}

/// The first answer under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptAnswer {
    /// What was ordered.
    pub(crate) fingerprint: String,
    /// What was answered.
    pub(crate) answer: Answer,
    /// When it was.
    pub(crate) answered_at: Timestamp,
}

/// An answer to an order, as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    /// Its body.
    pub(crate) body: String,
    /// The trade that was made, if one was.
    pub(crate) trade_id: Option<Uuid>,
}

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was decided now.
    Answered(Answer),
    /// It had been answered before, under the same key.
    Replayed(Answer),
    /// Its key was used for another order.
    KeyReused,
}

/// Writes the answer to an order that was decided.
pub(crate) type Answering = fn(&Order, &Result<Trade, Refusal>) -> Answer;

impl Book {
    /// A book of these holdings and answers.
    pub(crate) fn new(held: Held, answers: HashMap<KeyName, KeptAnswer>) -> Self {
        Self {
            held,
            answers,
            changes: Changes::default(),
        }
    }

    /// What a user holds of a stock.
    pub(crate) fn position(&self, user_id: &UserId, symbol: Symbol) -> Option<Position> {
        self.held.positions.get(&(user_id.clone(), symbol)).copied()
    }

    /// What was answered under a key.
    pub(crate) fn answer(&self, name: &KeyName) -> Option<&KeptAnswer> {
        self.answers.get(name)
    }

    /// Decides an order at `now`; a trade that comes of it is named `id`.
    pub(crate) fn decide(
        &mut self,
        order: &Order,
        id: Uuid,
        now: Timestamp,
        answering: Answering,
    ) -> Outcome {
        let key_name = order.key_name();
        if let Some(kept) = key_name.as_ref().and_then(|name| self.answer(name)) {
            if kept.fingerprint != order.fingerprint() {
                return Outcome::KeyReused;
            }
            return Outcome::Replayed(kept.answer.clone());
        }
        let decision = self.execute(order, id, now);
        let answer = answering(order, &decision);
        if let Some(name) = key_name {
            let kept = KeptAnswer {
                fingerprint: order.fingerprint(),
                answer: answer.clone(),
                answered_at: now,
            };
            self.answers.insert(name.clone(), kept.clone());
            self.changes.answers.push((name, kept));
            self.touch(&order.user_id);
        }
        Outcome::Answered(answer)
    }

    /// The users of these orders that were told a no on what nothing else confirms: their accounts do not change.
    pub(crate) fn refused<'a>(
        &self,
        orders: &'a [Order],
        outcomes: &[Outcome],
    ) -> BTreeSet<&'a UserId> {
        let decided = orders.iter().zip(outcomes);
        let refused = decided.filter(|(_, outcome)| {
            matches!(outcome, Outcome::Answered(answer) if answer.trade_id.is_none())
        });
        refused
            .map(|(order, _)| &order.user_id)
            .filter(|user_id| !self.changes.versions.contains_key(*user_id))
            .collect()
    }

    /// What the orders changed.
    pub(crate) fn into_changes(self) -> Changes {
        self.changes
    }

    /// Remembers that a user's account changes.
    fn touch(&mut self, user_id: &UserId) {
        if !self.changes.versions.contains_key(user_id) {
            let version = self.held.versions.get(user_id).copied().flatten();
            self.changes.versions.insert(user_id.clone(), version);
        }
    }

    fn execute(&mut self, order: &Order, id: Uuid, now: Timestamp) -> Result<Trade, Refusal> {
        let holding = (order.user_id.clone(), order.symbol);
        let held = self.position(&order.user_id, order.symbol);
        if held.is_none() && !order.is_listed {
            return Err(Refusal::UnknownSymbol);
        }
        let fill = position::decide(held, order.side, order.quantity, order.price)?;
        let closed = self
            .changes
            .closed_pnl
            .get(&order.user_id)
            .copied()
            .unwrap_or_default();
        let closed = closed
            .checked_add(fill.closed_pnl)
            .ok_or(Refusal::PositionTooLarge)?;

        match fill.after {
            Some(position) => self.held.positions.insert(holding.clone(), position),
            None => self.held.positions.remove(&holding),
        };
        if closed != Money::ZERO {
            self.changes
                .closed_pnl
                .insert(order.user_id.clone(), closed);
        }
        self.changes.positions.insert(holding, (fill.after, now));
        self.touch(&order.user_id);
        let trade = Trade {
            id,
            user_id: order.user_id.clone(),
            symbol: order.symbol,
            side: order.side,
            quantity: order.quantity,
            price: order.price,
            total: fill.total,
            realized_pnl: fill.realized_pnl,
            executed_at: now,
            placed_by: order.placed_by.clone(),
        };
        self.changes.trades.push(trade.clone());
        Ok(trade)
    }
}
