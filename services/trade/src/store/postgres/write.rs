//! Writes what a batch of orders changed, in one statement: each part costs a round trip otherwise.

use market::{Money, Timestamp, UserId};
use service_kit::database::{StoreError, expect_rows};
use sqlx::PgConnection;

use crate::book::{Changes, Holding};
use crate::position::Position;

/// How many rows each part touched.
#[derive(sqlx::FromRow)]
struct Touched {
    trades: i64,
    open: i64,
    accounts: i64,
    answers: i64,
}

pub(super) async fn write(
    connection: &mut PgConnection,
    changes: &Changes,
) -> Result<(), StoreError> {
    let Changes {
        trades,
        positions,
        closed_pnl,
        answers,
    } = changes;
    let mut open: Vec<(&Holding, &Position, &Timestamp)> = Vec::with_capacity(positions.len());
    // A position that was opened and closed in this batch has no row, so these are not counted.
    let mut closed: Vec<&Holding> = Vec::new();
    for (holding, (position, at)) in positions {
        match position {
            Some(position) => open.push((holding, position, at)),
            None => closed.push(holding),
        }
    }
    let touched: Touched = sqlx::query_as(include_str!("write.sql"))
        .bind(column(trades, |trade| trade.id))
        .bind(column(trades, |trade| trade.user_id.as_str()))
        .bind(column(trades, |trade| trade.symbol.to_string()))
        .bind(column(trades, |trade| trade.side.as_str()))
        .bind(column(trades, |trade| trade.quantity.to_string()))
        .bind(column(trades, |trade| trade.price.to_string()))
        .bind(column(trades, |trade| trade.total.to_string()))
        .bind(column(trades, |trade| {
            trade.realized_pnl.map(|amount| amount.to_string())
        }))
        .bind(column(trades, |trade| trade.executed_at.to_utc()))
        .bind(column(&open, |((user_id, _), ..)| user_id.as_str()))
        .bind(column(&open, |((_, symbol), ..)| symbol.as_str()))
        .bind(column(&open, |(_, position, _)| {
            position.quantity.to_string()
        }))
        .bind(column(&open, |(_, position, _)| {
            position.cost_basis.to_string()
        }))
        .bind(column(&open, |(_, position, _)| {
            position.realized_pnl.to_string()
        }))
        .bind(column(&open, |(_, _, at)| at.to_utc()))
        .bind(column(&closed, |(user_id, _)| user_id.as_str()))
        .bind(column(&closed, |(_, symbol)| symbol.as_str()))
        .bind(closed_pnl.keys().map(UserId::as_str).collect::<Vec<_>>())
        .bind(
            closed_pnl
                .values()
                .map(Money::to_string)
                .collect::<Vec<_>>(),
        )
        .bind(column(answers, |(name, _)| name.user_id.as_str()))
        .bind(column(answers, |(name, _)| name.side.as_str()))
        .bind(column(answers, |(name, _)| name.key.as_str()))
        .bind(column(answers, |(_, kept)| kept.fingerprint.as_str()))
        .bind(column(answers, |(_, kept)| i32::from(kept.answer.status)))
        .bind(column(answers, |(_, kept)| kept.answer.body.as_str()))
        .bind(column(answers, |(_, kept)| kept.answer.trade_id))
        .bind(column(answers, |(_, kept)| kept.answered_at.to_utc()))
        .fetch_one(connection)
        .await?;
    expect_rows(
        "trades inserted",
        touched.trades.unsigned_abs(),
        trades.len(),
    )?;
    expect_rows("positions written", touched.open.unsigned_abs(), open.len())?;
    expect_rows(
        "accounts updated",
        touched.accounts.unsigned_abs(),
        closed_pnl.len(),
    )?;
    expect_rows(
        "answers kept",
        touched.answers.unsigned_abs(),
        answers.len(),
    )
}

/// One column of a batch of rows.
fn column<'a, R, T>(rows: &'a [R], column: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(column).collect()
}
