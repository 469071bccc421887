//! `/stocks/{symbol}/price`: the price alone, and the feed that changes it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use catalogue_client::{Stock, StockPrice};
use market::{Percent, Price, Symbol};
use service_kit::clock::Clock;
use service_kit::extract::{FromQuery, Parameters, Path, Query};
use service_kit::problem::ProblemDocument;
use utoipa::IntoParams;

use super::conditional;
use crate::error::Error;
use crate::stock::Quote;
use crate::store::{Quoted, Store};

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

/// Shows the price of a stock.
#[utoipa::path(get, path = "/stocks/{symbol}/price", tag = "prices", params(("symbol" = Symbol, Path)), responses(
    (status = 200, body = StockPrice, headers(("ETag" = String, description = "Tag of this answer, for If-None-Match"))),
    (status = 304, description = "The client has this answer already"),
    (status = 404, description = "unknown_symbol", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn show(
    State(store): State<Arc<dyn Store>>,
    Path(symbol): Path<Symbol>,
    request: HeaderMap,
) -> Result<Response, Error> {
    let listed = store
        .find(&symbol)
        .await?
        .ok_or(Error::UnknownSymbol(symbol))?;
    Ok(conditional::json(
        &request,
        &StockPrice::from(&listed.stock),
    ))
}

/// Gives a stock a new price.
#[utoipa::path(put, path = "/stocks/{symbol}/price", tag = "prices",
    params(("symbol" = Symbol, Path), QuoteQuery),
    responses(
        (status = 200, description = "The stock at its new price", body = Stock),
        (status = 404, description = "unknown_symbol", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "price_change_too_large", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn quote(
    State(store): State<Arc<dyn Store>>,
    State(clock): State<Clock>,
    Path(symbol): Path<Symbol>,
    Query(query): Query<QuoteQuery>,
) -> Result<axum::Json<Stock>, Error> {
    let quote = Quote {
        price: query.price,
        change: query.change_pct,
        at: clock.now(),
    };
    match store.quote(&symbol, quote).await? {
        Quoted::Changed(listed) => Ok(axum::Json(listed.stock)),
        Quoted::Unknown => Err(Error::UnknownSymbol(symbol)),
        Quoted::Refused(_) => Err(Error::ChangeTooLarge),
    }
}
