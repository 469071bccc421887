//! A portfolio: positions at the market's prices. Pure: no I/O, no clock.
//!
//! A market figure is null when its price is not known, never 0.

use market::{Money, Price, Quantity, Symbol, Timestamp, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::position::Position;

/// What is stored of a user's portfolio.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Portfolio {
    /// Profit realized on positions that have been closed since.
    pub(crate) closed_pnl: Money,
    /// Open positions by symbol.
    pub(crate) positions: Vec<OpenPosition>,
}

/// An open position as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenPosition {
    /// The stock.
    pub(crate) symbol: Symbol,
    /// What is held of it.
    pub(crate) position: Position,
    /// When it was last traded.
    pub(crate) updated_at: Timestamp,
}

/// An open position at the market's price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Position)]
pub(crate) struct PricedPosition {
    /// Whose position it is.
    user_id: UserId,
    /// The stock.
    symbol: Symbol,
    /// How many shares.
    quantity: Quantity,
    /// What one share cost on average, to 10 fraction digits.
    average_price: Money,
    /// What the shares cost.
    cost_basis: Money,
    /// The stock's last price.
    market_price: Option<Price>,
    /// What the shares are worth at that price.
    market_value: Option<Money>,
    /// That value less what the shares cost.
    unrealized_pnl: Option<Money>,
    /// Profit of the sells since the position was opened.
    realized_pnl: Money,
    /// When it was last traded.
    updated_at: Timestamp,
}

/// A user's portfolio in sums.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Summary {
    /// Whose portfolio it is.
    user_id: UserId,
    /// How many positions are open.
    positions: usize,
    /// What the shares held cost.
    cost_basis: Money,
    /// What they are worth; null while the price of any of them is not known.
    market_value: Option<Money>,
    /// That value less what they cost.
    unrealized_pnl: Option<Money>,
    /// Profit of all sells ever.
    realized_pnl: Money,
}

/// A sum past the largest amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SumTooLarge;

impl OpenPosition {
    /// The position at the market's price.
    pub(crate) fn priced(
        &self,
        user_id: &UserId,
        price: Option<Price>,
    ) -> Result<PricedPosition, SumTooLarge> {
        let Position {
            quantity,
            cost_basis,
            realized_pnl,
        } = self.position;
        let market_value = price.map(|price| price.times(quantity));
        Ok(PricedPosition {
            user_id: user_id.clone(),
            symbol: self.symbol,
            quantity,
            average_price: cost_basis.per_share(quantity).ok_or(SumTooLarge)?,
            cost_basis,
            market_price: price,
            market_value,
            unrealized_pnl: less(market_value, cost_basis)?,
            realized_pnl,
            updated_at: self.updated_at,
        })
    }
}

impl Portfolio {
    /// The sums of the portfolio at the prices that `price` tells.
    pub(crate) fn summary(
        &self,
        user_id: UserId,
        price: impl Fn(&Symbol) -> Option<Price>,
    ) -> Result<Summary, SumTooLarge> {
        let positions = &self.positions;
        let values = positions
            .iter()
            .map(|open| Some(price(&open.symbol)?.times(open.position.quantity)));
        let market_value = values
            .collect::<Option<Vec<Money>>>()
            .map(sum)
            .transpose()?;
        let cost_basis = sum(positions.iter().map(|open| open.position.cost_basis))?;
        let realized = positions.iter().map(|open| open.position.realized_pnl);
        Ok(Summary {
            user_id,
            positions: positions.len(),
            cost_basis,
            market_value,
            unrealized_pnl: less(market_value, cost_basis)?,
            realized_pnl: sum(realized.chain([self.closed_pnl]))?,
        })
    }
}

fn sum(amounts: impl IntoIterator<Item = Money>) -> Result<Money, SumTooLarge> {
    let mut amounts = amounts.into_iter();
    amounts
        .try_fold(Money::ZERO, Money::checked_add)
        .ok_or(SumTooLarge)
}

fn less(value: Option<Money>, cost: Money) -> Result<Option<Money>, SumTooLarge> {
    value
        .map(|value| value.checked_sub(cost).ok_or(SumTooLarge))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(symbol: &str, quantity: &str, cost: &str) -> OpenPosition {
        let position = Position {
            quantity: Quantity::parse(quantity).unwrap(),
            cost_basis: Money::parse(cost).unwrap(),
            realized_pnl: Money::parse("1").unwrap(),
        };
        OpenPosition {
            symbol: Symbol::parse(symbol).unwrap(),
            position,
            updated_at: Timestamp::from_micros(0).unwrap(),
        }
    }

    fn json(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn a_position_without_a_price_has_no_market_figures() {
        let user = UserId::parse("u").unwrap();
        let unpriced = json(&open("A", "3", "10").priced(&user, None).unwrap());
        assert!(
            unpriced.contains(r#""market_price":null,"market_value":null,"unrealized_pnl":null"#),
            "{unpriced}"
        );
        let priced = json(
            &open("A", "3", "10")
                .priced(&user, Price::parse("4").ok())
                .unwrap(),
        );
        assert!(
            priced.contains(r#""average_price":3.3333333333,"cost_basis":10"#),
            "{priced}"
        );
        assert!(
            priced.contains(r#""market_price":4,"market_value":12,"unrealized_pnl":2"#),
            "{priced}"
        );
    }

    #[test]
    fn the_sums_are_null_while_one_price_is_not_known() {
        let closed_pnl = Money::parse("0.5").unwrap();
        let portfolio = Portfolio {
            closed_pnl,
            positions: vec![open("A", "3", "10"), open("B", "1", "5")],
        };
        let user = || UserId::parse("u").unwrap();
        let some = |symbol: &Symbol| (symbol.as_str() == "A").then(|| Price::parse("4").unwrap());
        let part = json(&portfolio.summary(user(), some).unwrap());
        assert!(
            part.contains(r#""market_value":null,"unrealized_pnl":null,"realized_pnl":2.5"#),
            "{part}"
        );
        let all = json(
            &portfolio
                .summary(user(), |_| Price::parse("4").ok())
                .unwrap(),
        );
        assert!(
            all.contains(r#""cost_basis":15,"market_value":16,"unrealized_pnl":1,"#),
            "{all}"
        );
    }

    #[test]
    fn an_empty_portfolio_is_worth_nothing_at_any_price() {
        let summary = json(
            &Portfolio::default()
                .summary(UserId::parse("u").unwrap(), |_| None)
                .unwrap(),
        );
        assert!(
            summary.contains(r#""market_value":0,"unrealized_pnl":0,"realized_pnl":0"#),
            "{summary}"
        );
    }
}
