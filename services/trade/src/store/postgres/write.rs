//! Writes what a batch of orders changed, one statement a table.

use std::collections::BTreeMap;

use market::{Money, UserId};
use service_kit::database::{StoreError, expect_rows};
use sqlx::PgConnection;

use crate::book::{Changes, KeptAnswer};
use crate::order::KeyName;
use crate::trade::Trade;

pub(super) async fn insert_trades(
    connection: &mut PgConnection,
    trades: &[Trade],
) -> Result<(), StoreError> {
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

pub(super) async fn write_positions(
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

pub(super) async fn add_closed_pnl(
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

pub(super) async fn insert_answers(
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
