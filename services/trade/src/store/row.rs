//! Rows as both databases give them: numbers and times as text.

use market::UserId;
use service_kit::auth::Identity;
use service_kit::database::{StoreError, column};
use service_kit::extract::IdempotencyKey;
use sqlx::FromRow;

use crate::book::{Answer, Held, KeptAnswer};
use crate::order::KeyName;
use crate::portfolio::{OpenPosition, Portfolio};
use crate::position::Position;
use crate::trade::Trade;

#[derive(FromRow)]
pub(super) struct TradeRow {
    id: String,
    user_id: String,
    symbol: String,
    side: String,
    quantity: String,
    price: String,
    total: String,
    realized_pnl: Option<String>,
    executed_at: String,
    placed_by: Option<String>,
}

impl TryFrom<TradeRow> for Trade {
    type Error = StoreError;

    fn try_from(row: TradeRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column("trades.id", &row.id)?,
            user_id: column("trades.user_id", &row.user_id)?,
            symbol: column("trades.symbol", &row.symbol)?,
            side: column("trades.side", &row.side)?,
            quantity: column("trades.quantity", &row.quantity)?,
            price: column("trades.price", &row.price)?,
            total: column("trades.total", &row.total)?,
            realized_pnl: row
                .realized_pnl
                .map(|amount| column("trades.realized_pnl", &amount))
                .transpose()?,
            executed_at: column("trades.executed_at", &row.executed_at)?,
            placed_by: row.placed_by.as_deref().map(Identity::recorded),
        })
    }
}

/// A holding that was asked for, with its account's version; null is what there is not.
#[derive(FromRow)]
pub(super) struct HeldRow {
    user_id: String,
    version: Option<i64>,
    symbol: String,
    quantity: Option<String>,
    cost_basis: Option<String>,
    realized_pnl: Option<String>,
}

impl HeldRow {
    pub(super) fn read(rows: Vec<Self>) -> Result<Held, StoreError> {
        let mut held = Held::default();
        for row in rows {
            let user_id: UserId = column("accounts.user_id", &row.user_id)?;
            if let Some(position) = position(row.quantity, row.cost_basis, row.realized_pnl)? {
                let symbol = column("portfolio.symbol", &row.symbol)?;
                held.positions.insert((user_id.clone(), symbol), position);
            }
            held.versions.insert(user_id, row.version);
        }
        Ok(held)
    }
}

/// The position that these columns make; none when they are null.
fn position(
    quantity: Option<String>,
    cost_basis: Option<String>,
    realized_pnl: Option<String>,
) -> Result<Option<Position>, StoreError> {
    let (Some(quantity), Some(cost_basis), Some(realized_pnl)) =
        (quantity, cost_basis, realized_pnl)
    else {
        return Ok(None);
    };
    Ok(Some(Position {
        quantity: column("portfolio.quantity", &quantity)?,
        cost_basis: column("portfolio.cost_basis", &cost_basis)?,
        realized_pnl: column("portfolio.realized_pnl", &realized_pnl)?,
    }))
}

/// An account with one of its positions, or with none.
#[derive(FromRow)]
pub(super) struct PortfolioRow {
    closed_pnl: String,
    symbol: Option<String>,
    quantity: Option<String>,
    cost_basis: Option<String>,
    realized_pnl: Option<String>,
    updated_at: Option<String>,
}

/// The portfolio that an account's rows make.
pub(super) fn portfolio(rows: Vec<PortfolioRow>) -> Result<Portfolio, StoreError> {
    let mut portfolio = Portfolio::default();
    for row in rows {
        portfolio.closed_pnl = column("profits.closed_pnl", &row.closed_pnl)?;
        let position = position(row.quantity, row.cost_basis, row.realized_pnl)?;
        let (Some(position), Some(symbol), Some(updated_at)) =
            (position, row.symbol, row.updated_at)
        else {
            continue;
        };
        let symbol = column("portfolio.symbol", &symbol)?;
        let updated_at = column("portfolio.updated_at", &updated_at)?;
        portfolio.positions.push(OpenPosition {
            symbol,
            position,
            updated_at,
        });
    }
    Ok(portfolio)
}

#[derive(FromRow)]
pub(super) struct AnswerRow {
    user_id: String,
    side: String,
    key: String,
    fingerprint: String,
    status: i32,
    body: String,
    trade_id: Option<String>,
    answered_at: String,
}

impl AnswerRow {
    pub(super) fn read(self) -> Result<(KeyName, KeptAnswer), StoreError> {
        let key = IdempotencyKey::parse(self.key.as_bytes());
        let name = KeyName {
            user_id: column::<UserId>("idempotency_keys.user_id", &self.user_id)?,
            side: column("idempotency_keys.side", &self.side)?,
            key: key.ok_or_else(|| {
                StoreError::Corrupt("a key that is none in idempotency_keys".to_owned())
            })?,
        };
        let status = u16::try_from(self.status);
        let answer = Answer {
            status: status.map_err(|_| {
                StoreError::Corrupt(format!("status {} in idempotency_keys", self.status))
            })?,
            body: self.body,
            trade_id: self
                .trade_id
                .map(|id| column("idempotency_keys.trade_id", &id))
                .transpose()?,
        };
        let answered_at = column("idempotency_keys.answered_at", &self.answered_at)?;
        Ok((
            name,
            KeptAnswer {
                fingerprint: self.fingerprint,
                answer,
                answered_at,
            },
        ))
    }
}
