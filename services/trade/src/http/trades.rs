//! `/trades`: what was executed.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use market::{Side, Symbol, Timestamp, UserId};
use service_kit::auth::OrderAccess;
use service_kit::extract::{FromQuery, Parameters, Path, Query};
use service_kit::http::encode_query;
use service_kit::problem::ProblemDocument;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::app;
use crate::error::Error;
use crate::store::TradeFilter;
use crate::trade::Trade;

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1_000;

/// Which trades.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Whose trades.
    pub(super) user_id: UserId,
    /// Only trades in this stock.
    symbol: Option<Symbol>,
    /// Only trades of this side.
    side: Option<Side>,
    /// Only trades executed at this time or after it.
    from: Option<Timestamp>,
    /// Only trades executed before this time.
    to: Option<Timestamp>,
}

/// Which page of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// How many to list at the most.
    #[param(required = false, minimum = 1, maximum = 1000, default = 100)]
    limit: u32,
    /// Where the page before ended, as its Link says.
    cursor: Option<Uuid>,
}

/// Which trades to list.
pub(super) struct ListQuery {
    wanted: Wanted,
    page: Page,
}

impl FromQuery for Wanted {
    fn from_query(parameters: &mut Parameters) -> Option<Self> {
        let user_id = parameters.required("user_id");
        let symbol = parameters.optional("symbol");
        let side = parameters.optional("side");
        let from = parameters.optional("from");
        let to = parameters.optional("to");
        Some(Self {
            user_id: user_id?,
            symbol,
            side,
            from,
            to,
        })
    }
}

impl FromQuery for ListQuery {
    fn from_query(parameters: &mut Parameters) -> Option<Self> {
        let wanted = Wanted::from_query(parameters);
        let page = Page {
            limit: parameters.bounded("limit", 1..=MAX_LIMIT, DEFAULT_LIMIT),
            cursor: parameters.optional("cursor"),
        };
        Some(Self {
            wanted: wanted?,
            page,
        })
    }
}

impl Wanted {
    /// Those made before `before`, and no more than `limit`.
    pub(super) fn filter(&self, before: Option<Uuid>, limit: u32) -> TradeFilter {
        TradeFilter {
            user_id: self.user_id.clone(),
            symbol: self.symbol,
            side: self.side,
            from: self.from,
            to: self.to,
            before,
            limit,
        }
    }
}

impl ListQuery {
    /// The page after this one, which ends with `last`.
    fn next(&self, last: Uuid) -> String {
        let Self { wanted, page } = self;
        let mut next = format!("/trades?user_id={}", encode_query(wanted.user_id.as_str()));
        let filters = [
            ("symbol", wanted.symbol.map(|symbol| symbol.to_string())),
            ("side", wanted.side.map(|side| side.as_str().to_owned())),
            ("from", wanted.from.map(|moment| moment.to_string())),
            ("to", wanted.to.map(|moment| moment.to_string())),
            ("limit", Some(page.limit.to_string())),
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
#[utoipa::path(get, path = "/trades", tag = "trades", security(("key" = ["orders"])), params(Wanted, Page), responses(
    (status = 200, description = "A page of trades", body = Vec<Trade>, headers(
        ("Link" = String, description = "The next page, rel=\"next\""),
    )),
))]
pub(super) async fn list(
    access: OrderAccess,
    State(app): State<Arc<app::State>>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Error> {
    access.must_act_for(&query.wanted.user_id)?;
    let Page { limit, cursor } = query.page;
    // One more tells whether there is a next page.
    let filter = query.wanted.filter(cursor, limit + 1);
    let mut trades = app.store.trades(&filter).await?;
    let has_more = trades.len() > limit as usize;
    trades.truncate(limit as usize);
    match trades.last().filter(|_| has_more) {
        Some(last) => {
            Ok(([(header::LINK, query.next(last.id))], axum::Json(trades)).into_response())
        }
        None => Ok(axum::Json(trades).into_response()),
    }
}

/// Shows one trade.
#[utoipa::path(get, path = "/trades/{trade_id}", tag = "trades", security(("key" = ["orders"])), params(("trade_id" = Uuid, Path)), responses(
    (status = 200, body = Trade),
    (status = 404, description = "unknown_trade", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn show(
    access: OrderAccess,
    State(app): State<Arc<app::State>>,
    Path(id): Path<Uuid>,
) -> Result<axum::Json<Trade>, Error> {
    let trade = app.store.trade(id).await?;
    // Somebody else's is told from none by nobody.
    let trade = trade.filter(|trade| access.acts_for(&trade.user_id));
    Ok(axum::Json(trade.ok_or(Error::UnknownTrade(id))?))
}
