//! `/trades`: what was executed.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use market::{Side, Symbol, Timestamp, UserId};
use service_kit::extract::{FromQuery, Parameters, Path, Query};
use service_kit::http::encode_query;
use service_kit::problem::ProblemDocument;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::error::Error;
use crate::store::{Store, TradeFilter};
use crate::trade::Trade;

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1_000;

/// Which trades to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Whose trades.
    user_id: UserId,
    /// Only trades in this stock.
    symbol: Option<Symbol>,
    /// Only trades of this side.
    side: Option<Side>,
    /// Only trades executed at this time or after it.
    from: Option<Timestamp>,
    /// Only trades executed before this time.
    to: Option<Timestamp>,
    /// How many to list at the most.
    #[param(required = false, minimum = 1, maximum = 1000, default = 100)]
    limit: u32,
    /// Where the page before ended, as its Link says.
    cursor: Option<Uuid>,
}

impl FromQuery for ListQuery {
    fn from_query(parameters: &mut Parameters) -> Option<Self> {
        let user_id = parameters.required("user_id");
        let symbol = parameters.optional("symbol");
        let side = parameters.optional("side");
        let from = parameters.optional("from");
        let to = parameters.optional("to");
        let limit = parameters.bounded("limit", 1..=MAX_LIMIT, DEFAULT_LIMIT);
        let cursor = parameters.optional("cursor");
        Some(Self {
            user_id: user_id?,
            symbol,
            side,
            from,
            to,
            limit,
            cursor,
        })
    }
}

impl ListQuery {
    fn filter(&self) -> TradeFilter {
        TradeFilter {
            user_id: self.user_id.clone(),
            symbol: self.symbol,
            side: self.side,
            from: self.from,
            to: self.to,
            before: self.cursor,
            limit: self.limit,
        }
    }

    /// The page after this one, which ends with `last`.
    fn next(&self, last: Uuid) -> String {
        let mut next = format!("/trades?user_id={}", encode_query(self.user_id.as_str()));
        let filters = [
            ("symbol", self.symbol.map(|symbol| symbol.to_string())),
            ("side", self.side.map(|side| side.as_str().to_owned())),
            ("from", self.from.map(|moment| moment.to_string())),
            ("to", self.to.map(|moment| moment.to_string())),
            ("limit", Some(self.limit.to_string())),
            ("cursor", Some(last.to_string())),
        ];
        for (name, value) in filters {
            if let Some(value) = value {
                // Writing to a String cannot fail.
                let _ = write!(next, "&{name}={}", encode_query(&value));
            }
        }
        format!("<{next}>; rel=\"next\"")
    }
}

/// Lists a user's trades, newest first.
#[utoipa::path(get, path = "/trades", tag = "trades", params(ListQuery), responses(
    (status = 200, description = "A page of trades", body = Vec<Trade>, headers(
        ("Link" = String, description = "The next page, rel=\"next\""),
    )),
))]
pub(super) async fn list(
    State(store): State<Arc<dyn Store>>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Error> {
    let mut filter = query.filter();
    filter.limit += 1; // One more tells whether there is a next page.
    let mut trades = store.trades(&filter).await?;
    let has_more = trades.len() > query.limit as usize;
    trades.truncate(query.limit as usize);
    match trades.last().filter(|_| has_more) {
        Some(last) => {
            Ok(([(header::LINK, query.next(last.id))], axum::Json(trades)).into_response())
        }
        None => Ok(axum::Json(trades).into_response()),
    }
}

/// Shows one trade.
#[utoipa::path(get, path = "/trades/{trade_id}", tag = "trades", params(("trade_id" = Uuid, Path)), responses(
    (status = 200, body = Trade),
    (status = 404, description = "unknown_trade", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn show(
    State(store): State<Arc<dyn Store>>,
    Path(id): Path<Uuid>,
) -> Result<axum::Json<Trade>, Error> {
    Ok(axum::Json(
        store.trade(id).await?.ok_or(Error::UnknownTrade(id))?,
    ))
}
