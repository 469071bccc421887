//! `/stocks/{symbol}/history`: the prices of the past, in candles.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use market::{Symbol, Timestamp};
use service_kit::auth::ReadAccess;
use service_kit::extract::{FromQuery, Parameters, Path, Query};
use service_kit::http::encode_query;
use service_kit::problem::ProblemDocument;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{IntoParams, PartialSchema as _};

use crate::app;
use crate::candle::Candle;
use crate::changes::Refusal;
use crate::error::Error;
use crate::history::Wanted;
use crate::interval::Interval;

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1_000;

/// Which candles to show.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// How long each is.
    #[param(required = false, schema_with = interval)]
    interval: Interval,
    /// Only candles that start at this time or after it.
    from: Option<Timestamp>,
    /// Only candles that start before this time.
    to: Option<Timestamp>,
    /// How many to show at the most: the newest of them.
    #[param(required = false, minimum = 1, maximum = 1000, default = 100)]
    limit: u32,
}

/// An interval with its default. A parameter that is inlined would have it in a schema of its own, beside the one of the interval.
fn interval() -> RefOr<Schema> {
    let mut schema = Interval::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        object.default = Some("1m".into());
    }
    schema
}

impl FromQuery for HistoryQuery {
    fn from_query(parameters: &mut Parameters) -> Option<Self> {
        Some(Self {
            interval: parameters.optional("interval").unwrap_or(Interval::Minute),
            from: parameters.optional("from"),
            to: parameters.optional("to"),
            limit: parameters.bounded("limit", 1..=MAX_LIMIT, DEFAULT_LIMIT),
        })
    }
}

impl HistoryQuery {
    fn of(&self, symbol: Symbol) -> Wanted {
        Wanted {
            symbol,
            interval: self.interval,
            from: self.from,
            to: self.to,
            limit: self.limit,
        }
    }

    /// The page of older candles than this one, whose first starts at `first`.
    fn next(&self, symbol: Symbol, first: Timestamp) -> String {
        let mut next = format!(
            "/stocks/{symbol}/history?interval={}&limit={}",
            self.interval.as_str(),
            self.limit
        );
        let times = [("from", self.from), ("to", Some(first))];
        for (name, moment) in times {
            if let Some(moment) = moment {
                // Writing to a String cannot fail.
                let _ = write!(next, "&{name}={}", encode_query(&moment.to_string()));
            }
        }
        format!("<{next}>; rel=\"next\"")
    }
}

/// Shows the prices of a stock in candles: the newest ones, by their start.
///
/// An interval in which no price came has no candle.
#[utoipa::path(get, path = "/stocks/{symbol}/history", tag = "prices", security(("key" = ["read"])),
    params(("symbol" = Symbol, Path), HistoryQuery),
    responses(
        (status = 200, description = "A page of candles", body = Vec<Candle>, headers(
            ("Link" = String, description = "The page of older ones, rel=\"next\""),
        )),
        (status = 404, description = "unknown_symbol", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    _: ReadAccess,
    State(app): State<Arc<app::State>>,
    Path(symbol): Path<Symbol>,
    Query(query): Query<HistoryQuery>,
) -> Result<Response, Error> {
    if app.live.snapshot().find(symbol).is_none() {
        return Err(Refusal::UnknownSymbol(symbol).into());
    }
    let page = app.history.candles(&query.of(symbol)).await?;
    match page.candles.first().filter(|_| page.has_more) {
        Some(first) => {
            let link = [(header::LINK, query.next(symbol, first.start))];
            Ok((link, axum::Json(page.candles)).into_response())
        }
        None => Ok(axum::Json(page.candles).into_response()),
    }
}
