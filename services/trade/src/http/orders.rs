//! `/trades/buy` and `/trades/sell`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use catalogue_client::Listing;
use market::Side;
use service_kit::auth::OrderAccess;
use service_kit::extract::{IdempotencyKey, Json};
use service_kit::http::RequestId;
use service_kit::problem::ProblemDocument;

use super::answer::respond;
use crate::app;
use crate::error::Error;
use crate::order::{NewOrder, Order};
use crate::trade::Trade;

/// Executes a buy order.
#[utoipa::path(post, path = "/trades/buy", tag = "orders", security(("key" = ["orders"])), request_body = NewOrder,
    params(("Idempotency-Key" = Option<String>, Header, description = "Key under which the order happens once, for 24 h", min_length = 1, max_length = 255, pattern = "^[ -~]+$")),
    responses(
        (status = 201, description = "The trade", body = Trade, headers(
            ("Location" = String, description = "Path of the trade"),
            ("Idempotency-Replayed" = String, description = "`true` on an answer that was given before"),
        )),
        (status = 422, description = "unknown_symbol, validation_failed, idempotency_key_reused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn buy(
    access: OrderAccess,
    State(app): State<Arc<app::State>>,
    key: Option<IdempotencyKey>,
    request_id: RequestId,
    Json(new): Json<NewOrder>,
) -> Result<Response, Error> {
    execute(&app, &access, Side::Buy, new, key, request_id).await
}

/// Executes a sell order.
#[utoipa::path(post, path = "/trades/sell", tag = "orders", security(("key" = ["orders"])), request_body = NewOrder,
    params(("Idempotency-Key" = Option<String>, Header, description = "Key under which the order happens once, for 24 h", min_length = 1, max_length = 255, pattern = "^[ -~]+$")),
    responses(
        (status = 201, description = "The trade", body = Trade, headers(
            ("Location" = String, description = "Path of the trade"),
            ("Idempotency-Replayed" = String, description = "`true` on an answer that was given before"),
        )),
        (status = 422, description = "insufficient_holdings with requested and available, unknown_symbol, validation_failed, idempotency_key_reused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn sell(
    access: OrderAccess,
    State(app): State<Arc<app::State>>,
    key: Option<IdempotencyKey>,
    request_id: RequestId,
    Json(new): Json<NewOrder>,
) -> Result<Response, Error> {
    execute(&app, &access, Side::Sell, new, key, request_id).await
}

async fn execute(
    app: &app::State,
    access: &OrderAccess,
    side: Side,
    new: NewOrder,
    key: Option<IdempotencyKey>,
    request_id: RequestId,
) -> Result<Response, Error> {
    access.must_act_for(&new.user_id)?;
    let listing = match &app.catalogue {
        Some(catalogue) => catalogue.listing(&new.symbol).await,
        None => Listing::Listed,
    };
    // What is held can be sold whether the catalogue answers or not.
    if listing == Listing::Unknown && side == Side::Buy {
        return Err(Error::CatalogueUnavailable(new.symbol));
    }
    let NewOrder {
        user_id,
        symbol,
        quantity,
        price,
    } = new;
    let order = Order {
        user_id,
        symbol,
        side,
        quantity,
        price,
        is_listed: listing != Listing::Unlisted,
        key,
        request_id,
        placed_by: access.identity().cloned(),
    };
    respond(app.engine.execute(order).await?)
}
