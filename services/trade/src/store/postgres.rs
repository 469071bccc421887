//! Orders in PostgreSQL.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use market::{Money, Side, Symbol, Timestamp, UserId};
use service_kit::database::{StoreError, expect_rows};
use sqlx::{PgConnection, PgPool, Postgres};
use uuid::Uuid;

use super::row::{self, AnswerRow, PortfolioRow, PositionRow, TradeRow};
use super::{Store, TradeFilter, Transaction};
use crate::book::{Book, Changes, Holding, KeptAnswer};
use crate::order::KeyName;
use crate::portfolio::Portfolio;
use crate::position::Position;
use crate::trade::Trade;

/// How often accounts are made for users without one; the second time they are all there.
const MAX_LOCK_ATTEMPTS: usize = 3;

pub(super) struct PostgresStore {
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
    pub(super) fn new(pool: PgPool) -> Self {
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
                user_id,
                accounts.closed_pnl::text,
                portfolio.symbol,
                portfolio.quantity::text,
                portfolio.cost_basis::text,
                portfolio.realized_pnl::text,
                to_char(portfolio.updated_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as updated_at
            from accounts
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

struct PostgresTransaction(sqlx::Transaction<'static, Postgres>);

#[async_trait]
impl Transaction for PostgresTransaction {
    async fn read(
        &mut self,
        holdings: &BTreeSet<Holding>,
        keys: &[KeyName],
    ) -> Result<Book, StoreError> {
        let positions = read_positions(&mut self.0, holdings).await?;
        let answers = if keys.is_empty() {
            HashMap::new()
        } else {
            read_answers(&mut self.0, keys).await?
        };
        Ok(Book::new(positions, answers))
    }

    async fn write(&mut self, changes: &Changes) -> Result<(), StoreError> {
        insert_trades(&mut self.0, &changes.trades).await?;
        write_positions(&mut self.0, changes).await?;
        add_closed_pnl(&mut self.0, &changes.closed_pnl).await?;
        insert_answers(&mut self.0, &changes.answers).await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        Ok(self.0.commit().await?)
    }
}

async fn read_positions(
    connection: &mut PgConnection,
    holdings: &BTreeSet<Holding>,
) -> Result<BTreeMap<Holding, Position>, StoreError> {
    let (users, symbols): (Vec<&str>, Vec<&str>) = holdings
        .iter()
        .map(|(user_id, symbol)| (user_id.as_str(), symbol.as_str()))
        .unzip();
    let rows: Vec<PositionRow> = sqlx::query_as(
        "
        select
            user_id,
            symbol,
            quantity::text,
            cost_basis::text,
            realized_pnl::text
        from unnest($1::text[], $2::text[]) as wanted (user_id, symbol)
        join portfolio using (user_id, symbol)
        ",
    )
    .bind(users)
    .bind(symbols)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(PositionRow::read).collect()
}

async fn read_answers(
    connection: &mut PgConnection,
    keys: &[KeyName],
) -> Result<HashMap<KeyName, KeptAnswer>, StoreError> {
    let rows: Vec<AnswerRow> = sqlx::query_as(
        r#"
        select distinct
            user_id,
            side,
            key,
            fingerprint,
            status::integer,
            body,
            trade_id::text,
            to_char(answered_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as answered_at
        from unnest($1::text[], $2::text[], $3::text[]) as wanted (user_id, side, key)
        join idempotency_keys using (user_id, side, key)
        "#,
    )
    .bind(
        keys.iter()
            .map(|name| name.user_id.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        keys.iter()
            .map(|name| name.side.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        keys.iter()
            .map(|name| name.key.as_str())
            .collect::<Vec<_>>(),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(AnswerRow::read).collect()
}

async fn insert_trades(connection: &mut PgConnection, trades: &[Trade]) -> Result<(), StoreError> {
    if trades.is_empty() {
        return Ok(());
    }
    let result = sqlx::query(
        "
        insert into trades (
            id,
            user_id,
            symbol,
            side,
            quantity,
            price,
            total,
            realized_pnl,
            executed_at
        )
        select *
        from unnest(
            $1::uuid[],
            $2::text[],
            $3::text[],
            $4::text[],
            $5::numeric[],
            $6::numeric[],
            $7::numeric[],
            $8::numeric[],
            $9::timestamptz[]
        )
        ",
    )
    .bind(trades.iter().map(|trade| trade.id).collect::<Vec<_>>())
    .bind(
        trades
            .iter()
            .map(|trade| trade.user_id.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        trades
            .iter()
            .map(|trade| trade.symbol.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        trades
            .iter()
            .map(|trade| trade.side.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        trades
            .iter()
            .map(|trade| trade.quantity.to_string())
            .collect::<Vec<_>>(),
    )
    .bind(
        trades
            .iter()
            .map(|trade| trade.price.to_string())
            .collect::<Vec<_>>(),
    )
    .bind(
        trades
            .iter()
            .map(|trade| trade.total.to_string())
            .collect::<Vec<_>>(),
    )
    .bind(
        trades
            .iter()
            .map(|trade| trade.realized_pnl.map(|amount| amount.to_string()))
            .collect::<Vec<_>>(),
    )
    .bind(
        trades
            .iter()
            .map(|trade| trade.executed_at.to_utc())
            .collect::<Vec<_>>(),
    )
    .execute(connection)
    .await?;
    expect_rows("trades inserted", result.rows_affected(), trades.len())
}

async fn write_positions(
    connection: &mut PgConnection,
    changes: &Changes,
) -> Result<(), StoreError> {
    let mut open = Vec::new();
    let mut closed = Vec::new();
    for (holding, (position, at)) in &changes.positions {
        match position {
            Some(position) => open.push((holding, position, at)),
            None => closed.push(holding),
        }
    }
    if !open.is_empty() {
        let result = sqlx::query(
            "
            insert into portfolio (
                user_id,
                symbol,
                quantity,
                cost_basis,
                realized_pnl,
                updated_at
            )
            select *
            from unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::numeric[], $6::timestamptz[])
            on conflict (user_id, symbol) do update
            set
                quantity = excluded.quantity,
                cost_basis = excluded.cost_basis,
                realized_pnl = excluded.realized_pnl,
                updated_at = excluded.updated_at
            ",
        )
        .bind(open.iter().map(|((user_id, _), ..)| user_id.as_str()).collect::<Vec<_>>())
        .bind(open.iter().map(|((_, symbol), ..)| symbol.as_str()).collect::<Vec<_>>())
        .bind(open.iter().map(|(_, position, _)| position.quantity.to_string()).collect::<Vec<_>>())
        .bind(open.iter().map(|(_, position, _)| position.cost_basis.to_string()).collect::<Vec<_>>())
        .bind(open.iter().map(|(_, position, _)| position.realized_pnl.to_string()).collect::<Vec<_>>())
        .bind(open.iter().map(|(_, _, at)| at.to_utc()).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
        expect_rows("positions written", result.rows_affected(), open.len())?;
    }
    if closed.is_empty() {
        return Ok(());
    }
    // A position that was opened and closed in this batch has no row.
    sqlx::query(
        "
        delete from portfolio
        using unnest($1::text[], $2::text[]) as closed (user_id, symbol)
        where portfolio.user_id = closed.user_id
            and portfolio.symbol = closed.symbol
        ",
    )
    .bind(
        closed
            .iter()
            .map(|(user_id, _)| user_id.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        closed
            .iter()
            .map(|(_, symbol)| symbol.as_str())
            .collect::<Vec<_>>(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn add_closed_pnl(
    connection: &mut PgConnection,
    closed_pnl: &BTreeMap<UserId, Money>,
) -> Result<(), StoreError> {
    if closed_pnl.is_empty() {
        return Ok(());
    }
    let result = sqlx::query(
        "
        update accounts
        set closed_pnl = accounts.closed_pnl + closed.pnl
        from unnest($1::text[], $2::numeric[]) as closed (user_id, pnl)
        where accounts.user_id = closed.user_id
        ",
    )
    .bind(closed_pnl.keys().map(UserId::as_str).collect::<Vec<_>>())
    .bind(
        closed_pnl
            .values()
            .map(Money::to_string)
            .collect::<Vec<_>>(),
    )
    .execute(connection)
    .await?;
    expect_rows("accounts updated", result.rows_affected(), closed_pnl.len())
}

async fn insert_answers(
    connection: &mut PgConnection,
    answers: &[(KeyName, KeptAnswer)],
) -> Result<(), StoreError> {
    if answers.is_empty() {
        return Ok(());
    }
    let result = sqlx::query(
        "
        insert into idempotency_keys (
            user_id,
            side,
            key,
            fingerprint,
            status,
            body,
            trade_id,
            answered_at
        )
        select *
        from unnest(
            $1::text[],
            $2::text[],
            $3::text[],
            $4::text[],
            $5::smallint[],
            $6::text[],
            $7::uuid[],
            $8::timestamptz[]
        )
        ",
    )
    .bind(
        answers
            .iter()
            .map(|(name, _)| name.user_id.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        answers
            .iter()
            .map(|(name, _)| name.side.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        answers
            .iter()
            .map(|(name, _)| name.key.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        answers
            .iter()
            .map(|(_, kept)| kept.fingerprint.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        answers
            .iter()
            .map(|(_, kept)| i32::from(kept.answer.status))
            .collect::<Vec<_>>(),
    )
    .bind(
        answers
            .iter()
            .map(|(_, kept)| kept.answer.body.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        answers
            .iter()
            .map(|(_, kept)| kept.answer.trade_id)
            .collect::<Vec<_>>(),
    )
    .bind(
        answers
            .iter()
            .map(|(_, kept)| kept.answered_at.to_utc())
            .collect::<Vec<_>>(),
    )
    .execute(connection)
    .await?;
    expect_rows("answers kept", result.rows_affected(), answers.len())
}
