//! Orders in PostgreSQL.

mod numeric;
mod read;
mod transaction;
mod write;

use std::collections::BTreeSet;

use async_trait::async_trait;
use market::{Side, Symbol, Timestamp, UserId};
use service_kit::database::StoreError;
use sqlx::PgPool;
use uuid::Uuid;

use self::transaction::PostgresTransaction;
use super::row::{self, PortfolioRow, TradeRow};
use super::{Store, TradeFilter, Transaction, Verdict, WriteError};
use crate::book::{Changes, Held, Holding};
use crate::portfolio::Portfolio;
use crate::trade::Trade;

/// How often accounts are made for users without one; the second time they are all there.
const MAX_LOCK_ATTEMPTS: usize = 3;

pub(in crate::store) struct PostgresStore {
    pool: PgPool,
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
                to_char(executed_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as executed_at
            from trades
            "#,
            $rest
        )
    };
}

impl PostgresStore {
    pub(in crate::store) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Commits by itself: an account made while others are locked could close a circle of waits.
    async fn make_accounts(&self, users: &[&str]) -> Result<(), StoreError> {
        sqlx::query(
            "
            insert into accounts (user_id)
            select user_id
            from unnest($1::text[]) as users (user_id)
            on conflict (user_id) do nothing
            ",
        )
        .bind(users)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn read(&self, holdings: &BTreeSet<Holding>) -> Result<Held, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(StoreError::from)?;
        read::read_held(&mut connection, holdings).await
    }

    async fn write_if_current(&self, changes: &Changes) -> Result<Verdict, WriteError> {
        let mut connection = self.pool.acquire().await.map_err(StoreError::from)?;
        // One statement is a transaction by itself. An error that the server tells undid it; a lost connection tells nothing.
        write::write(&mut connection, changes)
            .await
            .map_err(|error| {
                if error.is_told() {
                    WriteError::Before(error)
                } else {
                    WriteError::AtCommit(error)
                }
            })
    }

    async fn lock(&self, users: &BTreeSet<UserId>) -> Result<Box<dyn Transaction>, StoreError> {
        // Accounts are never deleted and always locked by user_id, so that no two batches, of any
        // replica, wait for each other.
        let users: Vec<&str> = users.iter().map(UserId::as_str).collect();
        for _ in 0..MAX_LOCK_ATTEMPTS {
            let mut transaction = self.pool.begin().await?;
            let locked = sqlx::query(
                "
                select 1
                from accounts
                where user_id = any($1)
                order by user_id
                for update
                ",
            )
            .bind(&users)
            .execute(&mut *transaction)
            .await?;
            if locked.rows_affected() == users.len() as u64 {
                return Ok(Box::new(PostgresTransaction(transaction)));
            }
            transaction.rollback().await?;
            self.make_accounts(&users).await?;
        }
        Err(StoreError::Corrupt(
            "accounts that were made are not there".to_owned(),
        ))
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
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Trade::try_from).collect()
    }

    async fn trade(&self, id: Uuid) -> Result<Option<Trade>, StoreError> {
        let row: Option<TradeRow> = sqlx::query_as(select_trades!("where id = $1"))
            .bind(id)
            .fetch_optional(&self.pool)
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
        .fetch_all(&self.pool)
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
        .execute(&self.pool)
        .await?;
        Ok(result.rows_affected())
    }
}
