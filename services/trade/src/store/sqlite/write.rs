//! Writes what a batch of orders changed, one statement a table.

use std::collections::BTreeMap;

use market::{Money, UserId};
use serde_json::json;
use service_kit::database::{StoreError, column, expect_rows};
use sqlx::SqliteConnection;

use super::rows;
use crate::book::{Changes, KeptAnswer, Version};
use crate::order::KeyName;
use crate::trade::Trade;

pub(super) async fn write(
    connection: &mut SqliteConnection,
    changes: &Changes,
) -> Result<(), StoreError> {
    bump_versions(connection, &changes.versions).await?;
    insert_trades(connection, &changes.trades).await?;
    write_positions(connection, changes).await?;
    add_closed_pnl(connection, &changes.closed_pnl).await?;
    insert_answers(connection, &changes.answers).await
}

async fn bump_versions(
    connection: &mut SqliteConnection,
    versions: &BTreeMap<UserId, Version>,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "
        insert into accounts (user_id)
        select value
        from json_each(?1)
        where true
        on conflict (user_id) do update
        set version = version + 1
        ",
    )
    .bind(rows(versions.keys().map(|user_id| json!(user_id))))
    .execute(connection)
    .await?;
    expect_rows("accounts written", result.rows_affected(), versions.len())
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
            trade.placed_by,
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
            executed_at,
            placed_by
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
            value ->> 8,
            value ->> 9
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
        let before: Option<String> =
            sqlx::query_scalar("select closed_pnl from profits where user_id = ?1")
                .bind(user_id.as_str())
                .fetch_optional(&mut *connection)
                .await?;
        let before: Money = before
            .map(|before| column("profits.closed_pnl", &before))
            .transpose()?
            .unwrap_or_default();
        let too_large = || {
            StoreError::Corrupt(format!(
                "{user_id} has realized more than an amount can hold"
            ))
        };
        let after = before.checked_add(*closed).ok_or_else(too_large)?;
        sqlx::query("insert or replace into profits (user_id, closed_pnl) values (?1, ?2)")
            .bind(user_id.as_str())
            .bind(after.to_string())
            .execute(&mut *connection)
            .await?;
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
