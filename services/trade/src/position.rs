//! A position by the average-cost method. Pure: no I/O, no clock, exact to the last digit.

use market::{Money, Price, Quantity, Side};

/// What a user holds of one stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// How many shares; a position of none does not exist.
    pub(crate) quantity: Quantity,
    /// What these shares cost.
    pub(crate) cost_basis: Money,
    /// Profit of the sells since the position was opened.
    pub(crate) realized_pnl: Money,
}

/// What an order does to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fill {
    /// Quantity times price.
    pub(crate) total: Money,
    /// Of a sell: its total less what the shares cost on average.
    pub(crate) realized_pnl: Option<Money>,
    /// The position after it; none when all is sold.
    pub(crate) after: Option<Position>,
    /// Profit of the position that this order closed, over all its sells.
    pub(crate) closed_pnl: Money,
}

/// Why an order is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The catalogue does not have the stock.
    UnknownSymbol,
    /// More is to be sold than is held.
    InsufficientHoldings {
        /// What is to be sold.
        requested: Quantity,
        /// What is held, if anything.
        available: Option<Quantity>,
    },
    /// The position would grow past the largest quantity or amount.
    PositionTooLarge,
}

/// Decides an order on what its user holds of the stock.
pub(crate) fn decide(
    held: Option<Position>,
    side: Side,
    quantity: Quantity,
    price: Price,
) -> Result<Fill, Refusal> {
    let total = price.times(quantity);
    match side {
        Side::Buy => buy(held, quantity, total).ok_or(Refusal::PositionTooLarge),
        Side::Sell => {
            let available = held.map(|position| position.quantity);
            let insufficient = Refusal::InsufficientHoldings {
                requested: quantity,
                available,
            };
            let held = held
                .filter(|position| position.quantity >= quantity)
                .ok_or(insufficient)?;
            sell(held, quantity, total).ok_or(Refusal::PositionTooLarge)
        }
    }
}

fn buy(held: Option<Position>, quantity: Quantity, total: Money) -> Option<Fill> {
    let after = match held {
        Some(held) => Position {
            quantity: held.quantity.checked_add(quantity)?,
            cost_basis: held.cost_basis.checked_add(total)?,
            realized_pnl: held.realized_pnl,
        },
        None => Position {
            quantity,
            cost_basis: total,
            realized_pnl: Money::ZERO,
        },
    };
    Some(Fill {
        total,
        realized_pnl: None,
        after: Some(after),
        closed_pnl: Money::ZERO,
    })
}

fn sell(held: Position, quantity: Quantity, total: Money) -> Option<Fill> {
    let cost = held.cost_basis.share(quantity, held.quantity);
    let realized = total.checked_sub(cost)?;
    let realized_so_far = held.realized_pnl.checked_add(realized)?;
    let cost_left = held.cost_basis.checked_sub(cost)?;
    let after = held.quantity.checked_sub(quantity).map(|left| Position {
        quantity: left,
        cost_basis: cost_left,
        realized_pnl: realized_so_far,
    });
    let closed_pnl = if after.is_none() {
        realized_so_far
    } else {
        Money::ZERO
    };
    Some(Fill {
        total,
        realized_pnl: Some(realized),
        after,
        closed_pnl,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quantity(text: &str) -> Quantity {
        Quantity::parse(text).unwrap()
    }

    fn money(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    fn order(
        held: Option<Position>,
        side: Side,
        shares: &str,
        price: &str,
    ) -> Result<Fill, Refusal> {
        decide(held, side, quantity(shares), Price::parse(price).unwrap())
    }

    fn position(shares: &str, cost: &str) -> Position {
        Position {
            quantity: quantity(shares),
            cost_basis: money(cost),
            realized_pnl: Money::ZERO,
        }
    }

    #[test]
    fn a_buy_adds_shares_and_their_cost() {
        let fill = order(Some(position("10", "1895")), Side::Buy, "5", "191").unwrap();
        assert_eq!(fill.after, Some(position("15", "2850")));
        assert_eq!((fill.total, fill.realized_pnl), (money("955"), None));
    }

    #[test]
    fn a_sell_takes_shares_at_their_average_cost() {
        let fill = order(Some(position("10", "1895")), Side::Sell, "5", "191").unwrap();
        let after = fill.after.unwrap();
        assert_eq!(
            (after.quantity, after.cost_basis),
            (quantity("5"), money("947.5"))
        );
        assert_eq!(
            (fill.realized_pnl, after.realized_pnl),
            (Some(money("7.5")), money("7.5"))
        );
        assert_eq!(fill.closed_pnl, Money::ZERO);
    }

    #[test]
    fn a_sell_of_all_closes_the_position_with_its_profit() {
        let first = order(Some(position("3", "10")), Side::Sell, "1", "4").unwrap();
        let second = order(first.after, Side::Sell, "2", "4").unwrap();
        assert_eq!(second.after, None);
        assert_eq!(first.realized_pnl, Some(money("0.6666666667")));
        assert_eq!(second.realized_pnl, Some(money("1.3333333333")));
        assert_eq!(second.closed_pnl, money("2"));
    }

    #[test]
    fn a_sell_of_more_than_is_held_is_refused() {
        let (requested, available) = (quantity("10.000001"), Some(quantity("10")));
        let refusal = Refusal::InsufficientHoldings {
            requested,
            available,
        };
        assert_eq!(
            order(Some(position("10", "1")), Side::Sell, "10.000001", "1"),
            Err(refusal)
        );
        let refusal = Refusal::InsufficientHoldings {
            requested,
            available: None,
        };
        assert_eq!(order(None, Side::Sell, "10.000001", "1"), Err(refusal));
    }

    #[test]
    fn a_position_past_the_largest_quantity_is_refused() {
        let refused = order(
            Some(position("999999999999.999999", "1")),
            Side::Buy,
            "0.000001",
            "1",
        );
        assert_eq!(refused, Err(Refusal::PositionTooLarge));
    }

    proptest! {
        /// Whatever is bought and sold, once nothing is left the profit is what came in less what went out.
        #[test]
        fn the_profit_of_a_closed_position_is_its_sells_less_its_buys(
            orders in prop::collection::vec((any::<bool>(), 1..1_000_000_000_i128, 1..10_000_000_i128), 1..40)
        ) {
            let (mut held, mut balance, mut closed) = (None, Money::ZERO, Money::ZERO);
            for (is_buy, shares, price) in orders {
                let (shares, price) = (Quantity::from_units(shares).unwrap(), Price::from_units(price).unwrap());
                let side = if is_buy { Side::Buy } else { Side::Sell };
                let Ok(fill) = decide(held, side, shares, price) else { continue };
                balance = if is_buy { balance.checked_sub(fill.total) } else { balance.checked_add(fill.total) }.unwrap();
                (held, closed) = (fill.after, closed.checked_add(fill.closed_pnl).unwrap());
            }
            if let Some(Position { quantity, .. }) = held {
                let last = decide(held, Side::Sell, quantity, Price::from_units(1).unwrap()).unwrap();
                prop_assert_eq!(last.after, None);
                balance = balance.checked_add(last.total).unwrap();
                closed = closed.checked_add(last.closed_pnl).unwrap();
            }
            prop_assert_eq!(closed, balance);
        }
    }
}
