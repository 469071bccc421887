//! Writes what a batch of orders changed, in one statement: each part costs a round trip otherwise.
//!
//! The statement writes only if each account is at the version that the batch was decided on and no key has an answer yet;
//! it says so, and how many rows each part touched. The accounts come first, in the order of user ids.

use market::{Timestamp, UserId};
use service_kit::auth::Identity;
use service_kit::database::{StoreError, expect_rows};
use sqlx::PgConnection;

use super::numeric::Numeric;
use crate::book::{Changes, Holding};
use crate::position::Position;
use crate::store::Verdict;

/// Writes all that a batch may change.
const EVERYTHING: &str = concat!(
    "with ",
    include_str!("write/accounts.sql"),
    ",",
    include_str!("write/verdict.sql"),
    ",",
    include_str!("write/trades.sql"),
    ",",
    include_str!("write/positions.sql"),
    ",",
    include_str!("write/others.sql"),
    include_str!("write/outcome.sql"),
);

/// Writes a batch that does nothing but fill orders of known accounts, as most do: each further part costs its share,
/// also when it has no rows.
const FILLS: &str = concat!(
    "with ",
    include_str!("write/accounts.sql"),
    ",",
    include_str!("write/fills_verdict.sql"),
    ",",
    include_str!("write/trades.sql"),
    ",",
    include_str!("write/positions.sql"),
    include_str!("write/fills_outcome.sql"),
);

/// What became of the batch, and how many rows each part touched.
#[derive(sqlx::FromRow)]
struct Written {
    is_current: bool,
    has_taken_key: bool,
    trades: i64,
    open: i64,
    profits: i64,
    answers: i64,
}

pub(super) async fn write(
    connection: &mut PgConnection,
    changes: &Changes,
) -> Result<Verdict, StoreError> {
    let Changes {
        versions,
        trades,
        positions,
        closed_pnl,
        answers,
    } = changes;
    let (mut users, mut decided_on) = (Vec::new(), Vec::new());
    let mut opened: Vec<&str> = Vec::new();
    for (user_id, version) in versions {
        match version {
            Some(version) => {
                users.push(user_id.as_str());
                decided_on.push(*version);
            }
            None => opened.push(user_id.as_str()),
        }
    }
    let mut open: Vec<(&Holding, &Position, &Timestamp)> = Vec::with_capacity(positions.len());
    // A position that was opened and closed in this batch has no row, so these are not counted.
    let mut closed: Vec<&Holding> = Vec::new();
    for (holding, (position, at)) in positions {
        match position {
            Some(position) => open.push((holding, position, at)),
            None => closed.push(holding),
        }
    }
    let is_fills =
        opened.is_empty() && closed.is_empty() && closed_pnl.is_empty() && answers.is_empty();
    let fills = sqlx::query_as(if is_fills { FILLS } else { EVERYTHING })
        .bind(users)
        .bind(decided_on)
        .bind(column(trades, |trade| trade.id))
        .bind(column(trades, |trade| trade.user_id.as_str()))
        .bind(column(trades, |trade| trade.symbol.as_str()))
        .bind(column(trades, |trade| trade.side.as_str()))
        .bind(column(trades, |trade| Numeric::from(trade.quantity)))
        .bind(column(trades, |trade| Numeric::from(trade.price)))
        .bind(column(trades, |trade| Numeric::from(trade.total)))
        .bind(column(trades, |trade| {
            trade.realized_pnl.map(Numeric::from)
        }))
        .bind(column(trades, |trade| trade.executed_at.to_utc()))
        .bind(column(trades, |trade| {
            trade.placed_by.as_ref().map(Identity::as_str)
        }))
        .bind(column(&open, |((user_id, _), ..)| user_id.as_str()))
        .bind(column(&open, |((_, symbol), ..)| symbol.as_str()))
        .bind(column(&open, |(_, position, _)| {
            Numeric::from(position.quantity)
        }))
        .bind(column(&open, |(_, position, _)| {
            Numeric::from(position.cost_basis)
        }))
        .bind(column(&open, |(_, position, _)| {
            Numeric::from(position.realized_pnl)
        }))
        .bind(column(&open, |(_, _, at)| at.to_utc()));
    let query = if is_fills {
        fills
    } else {
        fills
            .bind(opened)
            .bind(column(&closed, |(user_id, _)| user_id.as_str()))
            .bind(column(&closed, |(_, symbol)| symbol.as_str()))
            .bind(closed_pnl.keys().map(UserId::as_str).collect::<Vec<_>>())
            .bind(
                closed_pnl
                    .values()
                    .map(|amount| Numeric::from(*amount))
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
    };
    // A query_as reads to the end of the answer, so that an error of the commit is not missed.
    let written: Written = query.fetch_one(connection).await?;
    if !written.is_current {
        return Ok(Verdict::Overtaken);
    }
    if written.has_taken_key {
        return Ok(Verdict::KeyTaken);
    }
    for (what, touched, expected) in [
        ("trades inserted", written.trades, trades.len()),
        ("positions written", written.open, open.len()),
        ("profits written", written.profits, closed_pnl.len()),
        ("answers kept", written.answers, answers.len()),
    ] {
        expect_rows(what, touched.unsigned_abs(), expected)?;
    }
    Ok(Verdict::Written)
}

/// One column of a batch of rows.
fn column<'a, R, T>(rows: &'a [R], column: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(column).collect()
}
