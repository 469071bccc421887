//! Orders in an embedded SQLite database: one writer, which takes a batch as a JSON array.

mod read;
mod transaction;
mod write;
mod writer;

use async_trait::async_trait;
use market::{Side, Symbol, Timestamp, UserId};
use serde_json::Value;
use service_kit::database::{Sqlite, StoreError};
use uuid::Uuid;

use self::writer::SqliteWriter;
use super::row::{self, PortfolioRow, TradeRow};
use super::{Store, TradeFilter, Writer};
use crate::portfolio::Portfolio;
use crate::trade::Trade;

pub(in crate::store) struct SqliteStore {
    database: Sqlite,
}

/// Selects trades.
macro_rules! select_trades {
    ($rest:literal) => {
        concat!(
            "
            select
                id,
                user_id,
                symbol,
                side,
                quantity,
                price,
                total,
                realized_pnl,
                executed_at,
                placed_by
            from trades
            ",
            $rest
        )
    };
}

impl SqliteStore {
    pub(in crate::store) fn new(database: Sqlite) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn writer(&self) -> Box<dyn Writer> {
        Box::new(SqliteWriter::new(self.database.clone()))
    }

    async fn trades(&self, filter: &TradeFilter) -> Result<Vec<Trade>, StoreError> {
        let rows: Vec<TradeRow> = sqlx::query_as(select_trades!(
            "
            where user_id = ?1
                and (?2 is null or symbol = ?2)
                and (?3 is null or side = ?3)
                and (?4 is null or executed_at >= ?4)
                and (?5 is null or executed_at < ?5)
                and (?6 is null or id < ?6)
            order by id desc
            limit ?7
            "
        ))
        .bind(filter.user_id.as_str())
        .bind(filter.symbol.as_ref().map(Symbol::as_str))
        .bind(filter.side.map(Side::as_str))
        .bind(filter.from.map(|moment| moment.to_string()))
        .bind(filter.to.map(|moment| moment.to_string()))
        .bind(filter.before.map(|id| id.to_string()))
        .bind(i64::from(filter.limit))
        .fetch_all(&self.database.readers)
        .await?;
        rows.into_iter().map(Trade::try_from).collect()
    }

    async fn trade(&self, id: Uuid) -> Result<Option<Trade>, StoreError> {
        let row: Option<TradeRow> = sqlx::query_as(select_trades!("where id = ?1"))
            .bind(id.to_string())
            .fetch_optional(&self.database.readers)
            .await?;
        row.map(Trade::try_from).transpose()
    }

    async fn portfolio(&self, user_id: &UserId) -> Result<Portfolio, StoreError> {
        let rows: Vec<PortfolioRow> = sqlx::query_as(
            "
            select
                coalesce(profits.closed_pnl, '0') as closed_pnl,
                portfolio.symbol,
                portfolio.quantity,
                portfolio.cost_basis,
                portfolio.realized_pnl,
                portfolio.updated_at
            from accounts
            left join profits using (user_id)
            left join portfolio using (user_id)
            where accounts.user_id = ?1
            order by portfolio.symbol
            ",
        )
        .bind(user_id.as_str())
        .fetch_all(&self.database.readers)
        .await?;
        row::portfolio(rows)
    }

    async fn forget_answers(&self, moment: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let result = sqlx::query(
            "
            delete from idempotency_keys
            where (user_id, side, key) in (
                select user_id, side, key
                from idempotency_keys
                where answered_at < ?1
                order by answered_at
                limit ?2
            )
            ",
        )
        .bind(moment.to_string())
        .bind(i64::from(limit))
        .execute(&self.database.writer)
        .await?;
        Ok(result.rows_affected())
    }
}

/// A batch of rows as the JSON array that `json_each` takes apart.
fn rows(rows: impl Iterator<Item = Value>) -> String {
    Value::Array(rows.collect()).to_string()
}
