//! Orders in an embedded SQLite database: one writer, which takes a batch as a JSON array.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use market::{Money, Side, Symbol, Timestamp, UserId};
use serde_json::{Value, json};
use service_kit::database::{Sqlite, StoreError, column, expect_rows};
use sqlx::SqliteConnection;
use uuid::Uuid;

use super::row::{self, AnswerRow, PortfolioRow, PositionRow, TradeRow};
use super::{Store, TradeFilter, Transaction};
use crate::book::{Book, Changes, Holding, KeptAnswer};
use crate::order::KeyName;
use crate::portfolio::Portfolio;
use crate::position::Position;
use crate::trade::Trade;

pub(super) struct SqliteStore {
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
                executed_at
            from trades
            ",
            $rest
        )
    };
}

impl SqliteStore {
    pub(super) fn new(database: Sqlite) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn lock(&self, users: &BTreeSet<UserId>) -> Result<Box<dyn Transaction>, StoreError> {
        // The whole database is the lock.
        let mut transaction = self.database.writer.begin_with("begin immediate").await?;
        sqlx::query(
            "
            insert into accounts (user_id)
            select value
            from json_each(?1)
            where true
            on conflict (user_id) do nothing
            ",
        )
        .bind(rows(users.iter().map(|user_id| json!(user_id))))
        .execute(&mut *transaction)
        .await?;
        Ok(Box::new(SqliteTransaction(transaction)))
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
                accounts.user_id,
                accounts.closed_pnl,
                portfolio.symbol,
                portfolio.quantity,
                portfolio.cost_basis,
                portfolio.realized_pnl,
                portfolio.updated_at
            from accounts
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

struct SqliteTransaction(sqlx::Transaction<'static, sqlx::Sqlite>);

#[async_trait]
impl Transaction for SqliteTransaction {
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

/// A batch of rows as the JSON array that `json_each` takes apart.
fn rows(rows: impl Iterator<Item = Value>) -> String {
    Value::Array(rows.collect()).to_string()
}

async fn read_positions(
    connection: &mut SqliteConnection,
    holdings: &BTreeSet<Holding>,
) -> Result<BTreeMap<Holding, Position>, StoreError> {
    let read: Vec<PositionRow> = sqlx::query_as(
        "
        select
            portfolio.user_id,
            portfolio.symbol,
            portfolio.quantity,
            portfolio.cost_basis,
            portfolio.realized_pnl
        from json_each(?1) as wanted
        join portfolio
            on portfolio.user_id = wanted.value ->> 0
            and portfolio.symbol = wanted.value ->> 1
        ",
    )
    .bind(rows(holdings.iter().map(|holding| json!(holding))))
    .fetch_all(connection)
    .await?;
    read.into_iter().map(PositionRow::read).collect()
}

async fn read_answers(
    connection: &mut SqliteConnection,
    keys: &[KeyName],
) -> Result<HashMap<KeyName, KeptAnswer>, StoreError> {
    let wanted = keys
        .iter()
        .map(|name| json!([name.user_id, name.side, name.key.as_str()]));
    let read: Vec<AnswerRow> = sqlx::query_as(
        "
        select distinct
            kept.user_id,
            kept.side,
            kept.key,
            kept.fingerprint,
            kept.status,
            kept.body,
            kept.trade_id,
            kept.answered_at
        from json_each(?1) as wanted
        join idempotency_keys as kept
            on kept.user_id = wanted.value ->> 0
            and kept.side = wanted.value ->> 1
            and kept.key = wanted.value ->> 2
        ",
    )
    .bind(rows(wanted))
    .fetch_all(connection)
    .await?;
    read.into_iter().map(AnswerRow::read).collect()
}

async fn insert_trades(
    connection: &mut SqliteConnection,
    trades: &[Trade],
) -> Result<(), StoreError> {
    if trades.is_empty() {
        return Ok(());
    }
    let new = trades.iter().map(|trade| {
        json!([
            trade.id,
            trade.user_id,
            trade.symbol,
            trade.side,
            trade.quantity.to_string(),
            trade.price.to_string(),
            trade.total.to_string(),
            trade.realized_pnl.map(|amount| amount.to_string()),
            trade.executed_at,
        ])
    });
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
        select
            value ->> 0,
            value ->> 1,
            value ->> 2,
            value ->> 3,
            value ->> 4,
            value ->> 5,
            value ->> 6,
            value ->> 7,
            value ->> 8
        from json_each(?1)
        ",
    )
    .bind(rows(new))
    .execute(connection)
    .await?;
    expect_rows("trades inserted", result.rows_affected(), trades.len())
}

async fn write_positions(
    connection: &mut SqliteConnection,
    changes: &Changes,
) -> Result<(), StoreError> {
    let mut open = Vec::new();
    let mut closed = Vec::new();
    for (holding, (position, at)) in &changes.positions {
        match position {
            Some(position) => open.push(json!([
                holding.0,
                holding.1,
                position.quantity.to_string(),
                position.cost_basis.to_string(),
                position.realized_pnl.to_string(),
                at,
            ])),
            None => closed.push(json!(holding)),
        }
    }
    if !open.is_empty() {
        let expected = open.len();
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
            select
                value ->> 0,
                value ->> 1,
                value ->> 2,
                value ->> 3,
                value ->> 4,
                value ->> 5
            from json_each(?1)
            where true
            on conflict (user_id, symbol) do update
            set
                quantity = excluded.quantity,
                cost_basis = excluded.cost_basis,
                realized_pnl = excluded.realized_pnl,
                updated_at = excluded.updated_at
            ",
        )
        .bind(rows(open.into_iter()))
        .execute(&mut *connection)
        .await?;
        expect_rows("positions written", result.rows_affected(), expected)?;
    }
    if closed.is_empty() {
        return Ok(());
    }
    // A position that was opened and closed in this batch has no row.
    sqlx::query(
        "
        delete from portfolio
        where (user_id, symbol) in (
            select value ->> 0, value ->> 1
            from json_each(?1)
        )
        ",
    )
    .bind(rows(closed.into_iter()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds in Rust: SQLite would add the digits as floats.
async fn add_closed_pnl(
    connection: &mut SqliteConnection,
    closed_pnl: &BTreeMap<UserId, Money>,
) -> Result<(), StoreError> {
    for (user_id, closed) in closed_pnl {
        let before: String =
            sqlx::query_scalar("select closed_pnl from accounts where user_id = ?1")
                .bind(user_id.as_str())
                .fetch_one(&mut *connection)
                .await?;
        let before: Money = column("accounts.closed_pnl", &before)?;
        let too_large = || {
            StoreError::Corrupt(format!(
                "{user_id} has realized more than an amount can hold"
            ))
        };
        let after = before.checked_add(*closed).ok_or_else(too_large)?;
        let result = sqlx::query("update accounts set closed_pnl = ?2 where user_id = ?1")
            .bind(user_id.as_str())
            .bind(after.to_string())
            .execute(&mut *connection)
            .await?;
        expect_rows("accounts updated", result.rows_affected(), 1)?;
    }
    Ok(())
}

async fn insert_answers(
    connection: &mut SqliteConnection,
    answers: &[(KeyName, KeptAnswer)],
) -> Result<(), StoreError> {
    if answers.is_empty() {
        return Ok(());
    }
    let new = answers.iter().map(|(name, kept)| {
        json!([
            name.user_id,
            name.side,
            name.key.as_str(),
            kept.fingerprint,
            kept.answer.status,
            kept.answer.body,
            kept.answer.trade_id,
            kept.answered_at,
        ])
    });
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
        select
            value ->> 0,
            value ->> 1,
            value ->> 2,
            value ->> 3,
            value ->> 4,
            value ->> 5,
            value ->> 6,
            value ->> 7
        from json_each(?1)
        ",
    )
    .bind(rows(new))
    .execute(connection)
    .await?;
    expect_rows("answers kept", result.rows_affected(), answers.len())
}
