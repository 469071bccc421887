//! Orders in PostgreSQL.

mod numeric;
mod read;
mod transaction;
mod write;
mod writer;

use async_trait::async_trait;
use market::{Side, Symbol, Timestamp, UserId};
use service_kit::database::{Postgres, StoreError};
use uuid::Uuid;

use self::writer::PostgresWriter;
use super::row::{self, PortfolioRow, TradeRow};
use super::{Store, TradeFilter, Writer};
use crate::portfolio::Portfolio;
use crate::trade::Trade;

pub(in crate::store) struct PostgresStore {
    postgres: Postgres,
}

/// Selects trades, each column as text.
macro_rules! select_trades {
    ($rest:literal) => {
        concat!(
            r#"
            select
                id::text,
                user_id,
                symbol,
                side,
                quantity::text,
                price::text,
                total::text,
                realized_pnl::text,
                to_char(executed_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as executed_at,
                placed_by
            from trades
            "#,
            $rest
        )
    };
}

impl PostgresStore {
    pub(in crate::store) fn new(postgres: Postgres) -> Self {
        Self { postgres }
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn writer(&self) -> Box<dyn Writer> {
        Box::new(PostgresWriter::new(self.postgres.clone()))
    }

    async fn trades(&self, filter: &TradeFilter) -> Result<Vec<Trade>, StoreError> {
        let rows: Vec<TradeRow> = sqlx::query_as(select_trades!(
            "
            where user_id = $1
                and ($2::text is null or symbol = $2)
                and ($3::text is null or side = $3)
                and ($4::timestamptz is null or executed_at >= $4)
                and ($5::timestamptz is null or executed_at < $5)
                and ($6::uuid is null or id < $6)
            order by trades.id desc
            limit $7
            "
        ))
        .bind(filter.user_id.as_str())
        .bind(filter.symbol.as_ref().map(Symbol::as_str))
        .bind(filter.side.map(Side::as_str))
        .bind(filter.from.map(Timestamp::to_utc))
        .bind(filter.to.map(Timestamp::to_utc))
        .bind(filter.before)
        .bind(i64::from(filter.limit))
        .fetch_all(&self.postgres.pool())
        .await?;
        rows.into_iter().map(Trade::try_from).collect()
    }

    async fn trade(&self, id: Uuid) -> Result<Option<Trade>, StoreError> {
        let row: Option<TradeRow> = sqlx::query_as(select_trades!("where id = $1"))
            .bind(id)
            .fetch_optional(&self.postgres.pool())
            .await?;
        row.map(Trade::try_from).transpose()
    }

    async fn portfolio(&self, user_id: &UserId) -> Result<Portfolio, StoreError> {
        let rows: Vec<PortfolioRow> = sqlx::query_as(
            r#"
            select
                coalesce(profits.closed_pnl, 0)::text as closed_pnl,
                portfolio.symbol,
                portfolio.quantity::text,
                portfolio.cost_basis::text,
                portfolio.realized_pnl::text,
                to_char(portfolio.updated_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as updated_at
            from accounts
            left join profits using (user_id)
            left join portfolio using (user_id)
            where user_id = $1
            order by portfolio.symbol
            "#,
        )
        .bind(user_id.as_str())
        .fetch_all(&self.postgres.pool())
        .await?;
        row::portfolio(rows)
    }

    async fn forget_answers(&self, moment: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let result = sqlx::query(
            "
            delete from idempotency_keys
            where ctid in (
                select ctid
                from idempotency_keys
                where answered_at < $1
                order by answered_at
                limit $2
                for update skip locked
            )
            ",
        )
        .bind(moment.to_utc())
        .bind(i64::from(limit))
        .execute(&self.postgres.pool())
        .await?;
        Ok(result.rows_affected())
    }
}
