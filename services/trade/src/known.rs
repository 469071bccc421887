//! What a lane knows of its users from the batches before, so that it need not read what it wrote itself. Pure: no I/O.
//!
//! What is known may have been overtaken by another process. So it is never the last word: a write asserts the versions that
//! it was decided on, and a no is only said on what was just read.

use std::collections::{BTreeSet, HashMap};

use market::{Symbol, UserId};

use crate::book::{Changes, Held, Holding, Version};
use crate::order::Order;
use crate::position::Position;

/// Holdings that are known at the most; those that were used last stay.
const MAX_HOLDINGS: usize = 200_000;
/// Holdings of one user past which the user is read anew instead of growing further.
const MAX_USER_HOLDINGS: usize = 1_000;

/// Two generations: what is used moves into the recent one, and when that has its half of the room the older one goes.
#[derive(Default)]
pub(crate) struct Known {
    recent: HashMap<UserId, Account>,
    older: HashMap<UserId, Account>,
    /// Holdings in the recent generation.
    holdings: usize,
}

/// What is known of a user at a version; a symbol that is not there is not known.
struct Account {
    version: Version,
    /// By symbol. Most users have few: a map of them would take ten times the memory.
    positions: Vec<(Symbol, Option<Position>)>,
}

impl Account {
    fn is_known(&self, symbol: Symbol) -> bool {
        self.place(symbol).is_ok()
    }

    fn position(&self, symbol: Symbol) -> Option<Position> {
        let place = self.place(symbol).ok()?;
        self.positions[place].1
    }

    /// Whether it is new.
    fn put(&mut self, symbol: Symbol, position: Option<Position>) -> bool {
        match self.place(symbol) {
            Ok(place) => {
                self.positions[place].1 = position;
                false
            }
            Err(place) => {
                self.positions.insert(place, (symbol, position));
                true
            }
        }
    }

    fn place(&self, symbol: Symbol) -> Result<usize, usize> {
        self.positions
            .binary_search_by_key(&symbol, |(known, _)| *known)
    }
}

impl Known {
    /// Every holding that these orders touch, of the users of whom one is not known.
    pub(crate) fn missing(&mut self, orders: &[Order]) -> BTreeSet<Holding> {
        let mut incomplete = BTreeSet::new();
        for order in orders {
            let account = self.account(&order.user_id);
            if account.is_none_or(|account| !account.is_known(order.symbol)) {
                incomplete.insert(&order.user_id);
            }
        }
        holdings(
            orders
                .iter()
                .filter(|order| incomplete.contains(&order.user_id)),
        )
    }

    /// Takes in what was read of these holdings. What was known of a user at another version is forgotten.
    pub(crate) fn learn(&mut self, read: &BTreeSet<Holding>, held: &Held) {
        for (user_id, version) in &held.versions {
            let is_past = |account: &mut Account| {
                account.version != *version || account.positions.len() > MAX_USER_HOLDINGS
            };
            if self.account(user_id).is_some_and(is_past) {
                self.forget(user_id);
            }
        }
        for holding in read {
            let (user_id, symbol) = holding;
            let version = held.versions.get(user_id).copied().flatten();
            self.put(
                user_id,
                version,
                *symbol,
                held.positions.get(holding).copied(),
            );
        }
    }

    /// What these orders touch; to be asked once nothing is missing.
    pub(crate) fn held(&mut self, orders: &[Order]) -> Held {
        let mut held = Held::default();
        for holding in holdings(orders.iter()) {
            let (user_id, symbol) = &holding;
            let Some(account) = self.account(user_id) else {
                continue;
            };
            let (version, position) = (account.version, account.position(*symbol));
            if let Some(position) = position {
                held.positions.insert(holding.clone(), position);
            }
            held.versions.insert(holding.0, version);
        }
        held
    }

    /// Takes in what a batch has written.
    pub(crate) fn wrote(&mut self, changes: &Changes) {
        for (user_id, version) in &changes.versions {
            if let Some(account) = self.account(user_id) {
                account.version = Some(version.unwrap_or(0) + 1);
            }
        }
        for ((user_id, symbol), (position, _)) in &changes.positions {
            if let Some(account) = self.account(user_id) {
                account.put(*symbol, *position);
            }
        }
    }

    /// Forgets a user.
    pub(crate) fn forget(&mut self, user_id: &UserId) {
        self.older.remove(user_id);
        if let Some(account) = self.recent.remove(user_id) {
            self.holdings -= account.positions.len().min(self.holdings);
        }
    }

    /// Forgets everyone.
    pub(crate) fn forget_all(&mut self) {
        *self = Self::default();
    }

    fn account(&mut self, user_id: &UserId) -> Option<&mut Account> {
        if let Some(account) = self.older.remove(user_id) {
            self.holdings += account.positions.len();
            self.recent.insert(user_id.clone(), account);
        }
        self.recent.get_mut(user_id)
    }

    fn put(
        &mut self,
        user_id: &UserId,
        version: Version,
        symbol: Symbol,
        position: Option<Position>,
    ) {
        if self.holdings >= MAX_HOLDINGS / 2 {
            self.older = std::mem::take(&mut self.recent);
            self.holdings = 0;
        }
        if self.account(user_id).is_none() {
            let positions = Vec::with_capacity(1);
            self.recent
                .insert(user_id.clone(), Account { version, positions });
        }
        let account = self.account(user_id);
        if account.is_some_and(|account| account.put(symbol, position)) {
            self.holdings += 1;
        }
    }
}

/// Every holding that these orders touch.
pub(crate) fn holdings<'a>(orders: impl Iterator<Item = &'a Order>) -> BTreeSet<Holding> {
    orders
        .map(|order| (order.user_id.clone(), order.symbol))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use market::{Money, Price, Quantity, Side, Timestamp};
    use service_kit::http::RequestId;

    use super::*;

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn symbol(number: usize) -> Symbol {
        Symbol::parse(&format!("S{number}")).unwrap()
    }

    fn order(name: &str, number: usize) -> Order {
        Order {
            user_id: user(name),
            symbol: symbol(number),
            side: Side::Buy,
            quantity: Quantity::parse("1").unwrap(),
            price: Price::parse("1").unwrap(),
            is_listed: true,
            key: None,
            request_id: RequestId::new(uuid::Uuid::nil()),
            placed_by: None,
        }
    }

    fn position(shares: &str) -> Position {
        Position {
            quantity: Quantity::parse(shares).unwrap(),
            cost_basis: Money::parse("1").unwrap(),
            realized_pnl: Money::ZERO,
        }
    }

    /// Reads what is missing for these orders: each user at `version`, with one share of everything.
    fn read(known: &mut Known, orders: &[Order], version: i64) -> usize {
        let missing = known.missing(orders);
        let held = Held {
            versions: missing
                .iter()
                .map(|(user_id, _)| (user_id.clone(), Some(version)))
                .collect(),
            positions: missing
                .iter()
                .map(|holding| (holding.clone(), position("1")))
                .collect(),
        };
        known.learn(&missing, &held);
        missing.len()
    }

    #[test]
    fn what_was_read_or_written_is_known() {
        let mut known = Known::default();
        let orders = [order("u", 1), order("v", 1), order("u", 1)];
        assert_eq!(read(&mut known, &orders, 7), 2);
        assert!(known.missing(&orders).is_empty());

        let (at, mut changes) = (Timestamp::from_micros(0).unwrap(), Changes::default());
        changes.versions = BTreeMap::from([(user("u"), Some(7))]);
        changes.positions = BTreeMap::from([((user("u"), symbol(1)), (Some(position("2")), at))]);
        known.wrote(&changes);
        let held = known.held(&orders);
        assert_eq!(held.versions[&user("u")], Some(8));
        assert_eq!(held.versions[&user("v")], Some(7));
        assert_eq!(held.positions[&(user("u"), symbol(1))], position("2"));
    }

    #[test]
    fn a_user_who_is_read_at_another_version_is_known_by_that_alone() {
        let mut known = Known::default();
        read(&mut known, &[order("u", 1), order("u", 2)], 7);
        let orders = [order("u", 1), order("u", 3)];
        assert_eq!(read(&mut known, &orders, 8), 2);
        assert_eq!(known.missing(&[order("u", 2)]).len(), 1);
        assert_eq!(known.held(&orders).versions[&user("u")], Some(8));
    }

    #[test]
    fn what_is_known_is_bounded_and_what_is_used_stays() {
        let mut known = Known::default();
        let often = [order("often", 1)];
        read(&mut known, &often, 1);
        for number in 0..MAX_HOLDINGS * 2 {
            read(&mut known, &[order(&format!("user-{number}"), 1)], 1);
            assert!(known.missing(&often).is_empty(), "after {number}");
        }
        let kept = known.recent.len() + known.older.len();
        assert!(kept <= MAX_HOLDINGS + 1, "{kept}");
    }

    #[test]
    fn a_user_of_many_symbols_is_bounded_too() {
        let mut known = Known::default();
        for number in 0..MAX_USER_HOLDINGS * 3 {
            read(&mut known, &[order("u", number)], 1);
            let account = known.account(&user("u")).unwrap();
            assert!(account.positions.len() <= MAX_USER_HOLDINGS + 1);
        }
    }

    #[test]
    fn a_forgotten_user_is_read_again() {
        let mut known = Known::default();
        let orders = [order("u", 1), order("v", 1)];
        read(&mut known, &orders, 1);
        known.forget(&user("u"));
        assert_eq!(known.missing(&orders).len(), 1);
        known.forget_all();
        assert_eq!(known.missing(&orders).len(), 2);
    }
}
