//! `/trades.csv`: a user's history as a file (RFC 4180), which is written while it is read: one page of it is in memory at
//! a time, and no connection of the database is held in between.
//!
//! Cells are what JSON says, never changed for the sake of a spreadsheet: no value has a character with which a formula
//! could call anything.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::future::ready;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt as _};
use market::UserId;
use service_kit::auth::OrderAccess;
use service_kit::database::StoreError;
use service_kit::extract::Query;
use tracing::warn;

use super::trades::Wanted;
use crate::app;
use crate::error::Error;
use crate::store::{Store, TradeFilter};
use crate::trade::Trade;

/// Trades that are read at a time.
const PAGE_TRADES: u32 = 1_000;
const COLUMNS: &str = "id,user_id,symbol,side,quantity,price,total,realized_pnl,executed_at\r\n";

/// Sends all of a user's trades as a file, newest first.
///
/// A file that cannot be completed breaks off with its connection.
#[utoipa::path(get, path = "/trades.csv", tag = "trades", security(("key" = ["orders"])), params(Wanted), responses(
    (status = 200, description = "A line with the names of the columns, then a line a trade", body = String, content_type = "text/csv", headers(
        ("Content-Disposition" = String, description = "A name for the file"),
    )),
))]
pub(super) async fn download(
    access: OrderAccess,
    State(app): State<Arc<app::State>>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Error> {
    access.must_act_for(&wanted.user_id)?;
    let headers = [
        (
            header::CONTENT_TYPE,
            "text/csv; charset=utf-8; header=present".to_owned(),
        ),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", file_name(&wanted.user_id)),
        ),
    ];
    let mut pages = Pages {
        store: Arc::clone(&app.store),
        next: Some(wanted.filter(None, PAGE_TRADES)),
    };
    // Before the answer begins: what fails here can still be told as a problem.
    let first = pages.read().await?.unwrap_or_default();
    let rest = stream::try_unfold(pages, async |mut pages| {
        // Lets the connection send the page before: a page that fails at once would take it along.
        tokio::task::yield_now().await;
        let lines = pages.read().await.inspect_err(|error| {
            warn!(%error, "a file of trades breaks off");
        })?;
        Ok::<_, StoreError>(lines.map(|lines| (lines, pages)))
    });
    let body = stream::once(ready(Ok(format!("{COLUMNS}{first}")))).chain(rest);
    Ok((headers, Body::from_stream(body)).into_response())
}

/// Reads a history from page to page.
struct Pages {
    store: Arc<dyn Store>,
    next: Option<TradeFilter>,
}

impl Pages {
    /// The lines of the next page; none after the last one.
    async fn read(&mut self) -> Result<Option<String>, StoreError> {
        let Some(filter) = self.next.take() else {
            return Ok(None);
        };
        let trades = self.store.trades(&filter).await?;
        let Some(last) = trades.last() else {
            return Ok(None);
        };
        if trades.len() == filter.limit as usize {
            let before = Some(last.id);
            self.next = Some(TradeFilter { before, ..filter });
        }
        let mut lines = String::new();
        for trade in &trades {
            write_line(&mut lines, trade);
        }
        Ok(Some(lines))
    }
}

fn write_line(lines: &mut String, trade: &Trade) {
    let Trade {
        id,
        user_id,
        symbol,
        side,
        quantity,
        price,
        total,
        realized_pnl,
        executed_at,
        placed_by: _,
    } = trade;
    let (user_id, symbol, side) = (cell(user_id.as_str()), cell(symbol.as_str()), side.as_str());
    let realized_pnl = realized_pnl.map_or_else(String::new, |profit| profit.to_string());
    // Writing to a String cannot fail.
    let _ = write!(
        lines,
        "{id},{user_id},{symbol},{side},{quantity},{price},{total},{realized_pnl},{executed_at}\r\n"
    );
}

/// A text as a cell (RFC 4180 section 2).
fn cell(text: &str) -> Cow<'_, str> {
    if text.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\"")).into()
    } else {
        text.into()
    }
}

/// A name that any file system takes, and that needs no quoting in a header.
fn file_name(user_id: &UserId) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || ".-_".contains(character);
    format!(
        "trades-{}.csv",
        user_id
            .as_str()
            .replace(|character| !is_plain(character), "_")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_when_it_has_to_be() {
        for (text, expected) in [
            ("ann", "ann"),
            ("", ""),
            ("-a@b:c", "-a@b:c"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\r\nb", "\"a\r\nb\""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }

    #[test]
    fn the_name_of_a_file_has_no_character_that_a_file_system_refuses() {
        for (user_id, expected) in [
            ("user-001", "trades-user-001.csv"),
            ("a@b:c.d_e", "trades-a_b_c.d_e.csv"),
            ("..", "trades-...csv"),
        ] {
            assert_eq!(file_name(&UserId::parse(user_id).unwrap()), expected);
        }
    }

    /// What a spreadsheet takes for a formula begins with one of `= + - @`; what it calls has brackets, `!` or `|`.
    #[test]
    fn no_user_id_is_a_formula_that_calls_anything() {
        for text in [
            "=1", "+1", "@a()", "-a!b", "@a|b", "-a,b", "@\"a\"", "@ a", "\t=1",
        ] {
            assert!(UserId::parse(text).is_err(), "{text}");
        }
    }
}
