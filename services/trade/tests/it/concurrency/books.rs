//! Recomputes what a user holds from the user's trades, to the last digit, and compares it with what the service says.
//!
//! No sum depends on the order of the trades, which two processes may name in the same millisecond. The trades of one
//! process have an order, in which they can be executed again.

use std::collections::{BTreeMap, BTreeSet};

use market::{Money, Price, Quantity, Side, Symbol};
use serde::Deserialize;
use testkit::http::{Client, Reply};

use crate::support::next_page;

/// A trade as it is answered.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Executed {
    pub(crate) id: String,
    pub(crate) symbol: Symbol,
    pub(crate) side: Side,
    pub(crate) quantity: Quantity,
    price: Price,
    total: Money,
    realized_pnl: Option<Money>,
}

#[derive(Deserialize)]
struct Position {
    symbol: Symbol,
    quantity: Quantity,
    cost_basis: Money,
    average_price: Money,
    realized_pnl: Money,
}

#[derive(Deserialize)]
struct Summary {
    positions: usize,
    cost_basis: Money,
    realized_pnl: Money,
}

/// Units of quantity and of cost.
type Held = (i128, i128);

/// All trades of a user, page by page.
pub(crate) async fn trades_of(api: &Client, user_id: &str) -> Vec<Executed> {
    let mut trades: Vec<Executed> = Vec::new();
    let mut path = Some(format!("/trades?user_id={user_id}&limit=300"));
    while let Some(page) = path {
        let reply = api.get(&page).await.expect(200);
        trades.extend(read::<Vec<Executed>>(&reply));
        path = next_page(&reply);
    }
    let ids: BTreeSet<&str> = trades.iter().map(|trade| trade.id.as_str()).collect();
    assert_eq!(
        ids.len(),
        trades.len(),
        "a trade of {user_id} is listed twice"
    );
    trades
}

/// Checks that what the user holds is the sum of the user's trades, which it yields.
pub(crate) async fn check(api: &Client, user_id: &str) -> Vec<Executed> {
    let trades = trades_of(api, user_id).await;
    let portfolio = api.get(&format!("/portfolio/{user_id}")).await.expect(200);
    let answered: BTreeMap<Symbol, Held> = read::<Vec<Position>>(&portfolio)
        .into_iter()
        .map(|open| {
            (
                open.symbol,
                (open.quantity.units(), open.cost_basis.units()),
            )
        })
        .collect();
    assert_eq!(
        answered,
        held_after(&trades),
        "{portfolio} is not the sum of {trades:#?}"
    );

    let summary = api
        .get(&format!("/portfolio/{user_id}/summary"))
        .await
        .expect(200);
    let realized = trades.iter().filter_map(|trade| trade.realized_pnl);
    assert_eq!(
        read::<Summary>(&summary).realized_pnl.units(),
        realized.map(Money::units).sum::<i128>(),
        "{summary} is not the sum of {trades:#?}"
    );
    trades
}

/// What is left of each stock; a position that was sold leaves neither shares nor cost.
fn held_after(trades: &[Executed]) -> BTreeMap<Symbol, Held> {
    let mut held: BTreeMap<Symbol, Held> = BTreeMap::new();
    for trade in trades {
        assert_eq!(trade.price.times(trade.quantity), trade.total, "{trade:?}");
        let (shares, cost) = match (trade.side, trade.realized_pnl) {
            (Side::Buy, None) => (trade.quantity.units(), trade.total.units()),
            // What the shares had cost is what they brought less the profit.
            (Side::Sell, Some(profit)) => (
                -trade.quantity.units(),
                profit.units() - trade.total.units(),
            ),
            _ => panic!("only a sell has a profit: {trade:?}"),
        };
        let position = held.entry(trade.symbol).or_default();
        position.0 += shares;
        position.1 += cost;
    }
    held.retain(|symbol, (shares, cost)| {
        assert!(*shares >= 0 && *cost >= 0, "{symbol}: less than nothing");
        assert!(*shares > 0 || *cost == 0, "{symbol}: {cost} is left over");
        *shares > 0
    });
    held
}

/// Units of quantity, of cost, and of the profit since the position was opened.
type Replayed = (i128, i128, i128);

/// [`check`], and that the trades, executed again one after the other, give what is answered to the last digit. All must be of
/// one process.
pub(crate) async fn check_in_order(api: &Client, user_id: &str) -> Vec<Executed> {
    let trades = check(api, user_id).await;
    let (held, realized) = replay(&trades);
    let portfolio = api.get(&format!("/portfolio/{user_id}")).await.expect(200);
    let positions = read::<Vec<Position>>(&portfolio);
    let answered = positions.iter().map(|open| {
        let (quantity, cost) = (open.quantity.units(), open.cost_basis.units());
        // To the nearest unit; a cost is never below zero.
        let average = (2 * cost * 1_000_000 + quantity) / (2 * quantity);
        assert_eq!(open.average_price.units(), average, "{portfolio}");
        (open.symbol, (quantity, cost, open.realized_pnl.units()))
    });
    assert_eq!(
        answered.collect::<BTreeMap<Symbol, Replayed>>(),
        held,
        "{portfolio} does not come of {trades:#?}"
    );

    let summary = api.get(&format!("/portfolio/{user_id}/summary")).await;
    let answered = read::<Summary>(&summary);
    let cost: i128 = held.values().map(|(_, cost, _)| cost).sum();
    assert_eq!(
        (
            answered.positions,
            answered.cost_basis.units(),
            answered.realized_pnl.units()
        ),
        (held.len(), cost, realized),
        "{summary} does not come of {trades:#?}"
    );
    trades
}

/// What is held after these trades, of which the newest is the first, and the profit of all sells.
fn replay(trades: &[Executed]) -> (BTreeMap<Symbol, Replayed>, i128) {
    let mut held: BTreeMap<Symbol, Replayed> = BTreeMap::new();
    let mut realized = 0;
    for trade in trades.iter().rev() {
        let (shares, total) = (trade.quantity.units(), trade.total.units());
        let (quantity, cost, profit) = held.entry(trade.symbol).or_default();
        match trade.side {
            Side::Buy => {
                *quantity += shares;
                *cost += total;
            }
            Side::Sell => {
                assert!(shares <= *quantity, "more is sold than was held: {trade:?}");
                // Their part of the cost, rounded down; the last shares bear what is left.
                let part = *cost * shares / *quantity;
                let gained = total - part;
                assert_eq!(trade.realized_pnl.map(Money::units), Some(gained));
                *quantity -= shares;
                *cost -= part;
                *profit += gained;
                realized += gained;
            }
        }
        if *quantity == 0 {
            assert_eq!(*cost, 0, "left over after {trade:?}");
            held.remove(&trade.symbol);
        }
    }
    (held, realized)
}

#[track_caller]
fn read<T: for<'de> Deserialize<'de>>(reply: &Reply) -> T {
    serde_json::from_str(reply.text()).unwrap_or_else(|error| panic!("{error} in {reply}"))
}
