//! `/stocks/{symbol}/price` and `/prices`: the price alone, and the feed that changes prices.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use catalogue_client::{Stock, StockPrice};
use market::{Percent, Price, Symbol};
use serde::{Deserialize, Serialize};
use service_kit::auth::{ReadAccess, WriteAccess};
use service_kit::extract::{FromQuery, Items, Parameters, Path, Query};
use service_kit::problem::{FieldError, ProblemDocument};
use utoipa::{IntoParams, ToSchema};

use super::conditional::{self, Known};
use crate::app;
use crate::changes::{Line, Refusal};
use crate::error::Error;
use crate::feed::Outcome;

/// Largest body of a bulk update, in bytes.
const BULK_LIMIT_BYTES: usize = 8 * 1024 * 1024;

/// A new price.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct QuoteQuery {
    /// The price.
    price: Price,
    /// Its change in percent; computed from the previous close when it is left out.
    change_pct: Option<Percent>,
}

impl FromQuery for QuoteQuery {
    fn from_query(parameters: &mut Parameters) -> Option<Self> {
        let (price, change_pct) = (
            parameters.required("price"),
            parameters.optional("change_pct"),
        );
        Some(Self {
            price: price?,
            change_pct,
        })
    }
}

/// The new price of one of many stocks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPrice {
    /// The stock.
    symbol: Symbol,
    /// Its price.
    #[schema(schema_with = Price::input_schema)]
    price: Price,
    /// Its change in percent; computed from the previous close when it is left out.
    #[serde(default)]
    #[schema(schema_with = Percent::input_schema)]
    change_pct: Option<Percent>,
}

/// What became of many new prices.
#[derive(Serialize, ToSchema)]
pub(super) struct BulkResult {
    /// How many prices were taken.
    updated: usize,
    /// Those that were not.
    rejected: Vec<Rejected>,
}

/// A price that was not taken.
#[derive(Serialize, ToSchema)]
struct Rejected {
    /// Which one it was, from 0.
    index: usize,
    /// The kind of problem.
    code: &'static str,
    /// What is wrong with it.
    detail: String,
}

/// Shows the price of a stock.
#[utoipa::path(get, path = "/stocks/{symbol}/price", tag = "prices", security(("key" = ["read"])), params(("symbol" = Symbol, Path)), responses(
    (status = 200, body = StockPrice, headers(("ETag" = String, description = "Tag of this answer, for If-None-Match"))),
    (status = 304, description = "The client has this answer already"),
    (status = 404, description = "unknown_symbol", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn show(
    _: ReadAccess,
    State(app): State<Arc<app::State>>,
    Path(symbol): Path<Symbol>,
    known: Known,
) -> Result<Response, Error> {
    let snapshot = app.live.snapshot();
    let entry = snapshot
        .find(symbol)
        .ok_or(Refusal::UnknownSymbol(symbol))?;
    Ok(conditional::json(&known, entry.price_json()))
}

/// Gives a stock a new price.
#[utoipa::path(put, path = "/stocks/{symbol}/price", tag = "prices", security(("key" = ["catalogue:write"])),
    params(("symbol" = Symbol, Path), QuoteQuery),
    responses(
        (status = 200, description = "The stock at its new price", body = Stock),
        (status = 404, description = "unknown_symbol", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "price_change_too_large", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn quote(
    _: WriteAccess,
    State(app): State<Arc<app::State>>,
    Path(symbol): Path<Symbol>,
    Query(query): Query<QuoteQuery>,
) -> Result<axum::Json<Stock>, Error> {
    let line = Line::Quote {
        symbol,
        price: query.price,
        change: query.change_pct,
    };
    Ok(axum::Json(app.feed.change_one(line).await?))
}

/// Gives many stocks new prices: an array, or one a line (application/x-ndjson). Each is taken or rejected by itself.
#[utoipa::path(put, path = "/prices", tag = "prices", security(("key" = ["catalogue:write"])), request_body = Vec<NewPrice>, responses(
    (status = 200, description = "What became of them", body = BulkResult),
))]
pub(super) async fn quote_many(
    _: WriteAccess,
    State(app): State<Arc<app::State>>,
    Items(items): Items<NewPrice, BULK_LIMIT_BYTES>,
) -> Result<axum::Json<BulkResult>, Error> {
    let mut rejected = Vec::new();
    let (mut lines, mut indexes) = (
        Vec::with_capacity(items.len()),
        Vec::with_capacity(items.len()),
    );
    for (index, item) in items.into_iter().enumerate() {
        match item {
            Ok(NewPrice {
                symbol,
                price,
                change_pct,
            }) => {
                lines.push(Line::Quote {
                    symbol,
                    price,
                    change: change_pct,
                });
                indexes.push(index);
            }
            Err(error) => rejected.push(Rejected::unreadable(index, &error)),
        }
    }
    let mut updated = 0;
    if !lines.is_empty() {
        let Outcome { refused, .. } = app.feed.change(lines).await?;
        updated = indexes.len() - refused.len();
        let refused = refused.iter();
        rejected.extend(refused.map(|(line, refusal)| Rejected::refused(indexes[*line], refusal)));
    }
    rejected.sort_by_key(|rejected| rejected.index);
    Ok(axum::Json(BulkResult { updated, rejected }))
}

impl Rejected {
    fn unreadable(index: usize, error: &FieldError) -> Self {
        Self {
            index,
            code: "validation_failed",
            detail: error.summary(),
        }
    }

    fn refused(index: usize, refusal: &Refusal) -> Self {
        Self {
            index,
            code: refusal.code(),
            detail: refusal.to_string(),
        }
    }
}
