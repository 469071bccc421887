//! `/stocks`: the list, one stock, a new stock.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use catalogue_client::{NewStock, Stock};
use market::{Sector, Symbol};
use service_kit::auth::{ReadAccess, WriteAccess};
use service_kit::extract::{FromQuery, Json, Parameters, Path, Query};
use service_kit::problem::ProblemDocument;
use utoipa::IntoParams;

use super::conditional::{self, Known};
use crate::app;
use crate::changes::{Line, Refusal};
use crate::error::Error;
use crate::snapshot::PageKey;

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1_000;

/// Name of the header that says how many there are in all pages.
const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// Which stocks to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only stocks of this sector.
    sector: Option<Sector>,
    /// How many to leave out first.
    #[param(minimum = 0, maximum = 4_294_967_295_u32, default = 0)]
    skip: Option<u32>,
    /// How many to list at the most.
    #[param(required = false, minimum = 1, maximum = 1000, default = 100)]
    limit: u32,
    /// Where the page before ended, as its Link says.
    cursor: Option<Symbol>,
}

impl FromQuery for ListQuery {
    fn from_query(parameters: &mut Parameters) -> Option<Self> {
        Some(Self {
            sector: parameters.optional("sector"),
            skip: parameters.optional("skip"),
            limit: parameters.bounded("limit", 1..=MAX_LIMIT, DEFAULT_LIMIT),
            cursor: parameters.optional("cursor"),
        })
    }
}

impl ListQuery {
    fn key(&self) -> PageKey {
        PageKey {
            sector: self.sector.clone(),
            after: self.cursor,
            skip: self.skip.unwrap_or(0),
            limit: self.limit,
        }
    }

    /// The page after this one, which ends with `last`: by `skip` where the client pages so.
    fn next(&self, last: &Symbol) -> String {
        let mut next = format!("/stocks?limit={}", self.limit);
        // Writing to a String cannot fail.
        let _ = match self.skip {
            Some(skip) if self.cursor.is_none() => {
                write!(next, "&skip={}", skip.saturating_add(self.limit))
            }
            _ => write!(next, "&cursor={last}"),
        };
        if let Some(sector) = &self.sector {
            let _ = write!(
                next,
                "&sector={}",
                service_kit::http::encode_query(sector.as_str())
            );
        }
        format!("<{next}>; rel=\"next\"")
    }
}

/// Lists stocks by symbol.
#[utoipa::path(get, path = "/stocks", tag = "catalogue", security(("key" = ["read"])), params(ListQuery), responses(
    (status = 200, description = "A page of stocks", body = Vec<Stock>, headers(
        ("X-Total-Count" = u64, description = "How many stocks there are in all pages"),
        ("Link" = String, description = "The next page, rel=\"next\""),
        ("ETag" = String, description = "Tag of this answer, for If-None-Match"),
    )),
    (status = 304, description = "The client has this answer already"),
))]
pub(super) async fn list(
    _: ReadAccess,
    State(app): State<Arc<app::State>>,
    Query(query): Query<ListQuery>,
    known: Known,
) -> Response {
    let snapshot = app.live.snapshot();
    let page = snapshot.page(&query.key());
    let mut response = conditional::json(&known, &page.stocks);
    response
        .headers_mut()
        .insert(X_TOTAL_COUNT, page.total.clone());
    if let Some(last) = page.last
        && let Ok(link) = HeaderValue::from_str(&query.next(&last))
    {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// Shows one stock.
#[utoipa::path(get, path = "/stocks/{symbol}", tag = "catalogue", security(("key" = ["read"])), params(("symbol" = Symbol, Path)), responses(
    (status = 200, body = Stock, headers(("ETag" = String, description = "Tag of this answer, for If-None-Match"))),
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
    Ok(conditional::json(&known, entry.json()))
}

/// Adds a stock to the catalogue.
#[utoipa::path(post, path = "/stocks", tag = "catalogue", security(("key" = ["catalogue:write"])), request_body = NewStock, responses(
    (status = 201, body = Stock, headers(("Location" = String, description = "Path of the stock"))),
    (status = 409, description = "symbol_exists", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn add(
    _: WriteAccess,
    State(app): State<Arc<app::State>>,
    Json(new): Json<NewStock>,
) -> Result<Response, Error> {
    let stock = app.feed.change_one(Line::Add(Box::new(new))).await?;
    let location = [(header::LOCATION, format!("/stocks/{}", stock.symbol))];
    Ok((StatusCode::CREATED, location, axum::Json(stock)).into_response())
}
