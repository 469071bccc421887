//! `/portfolio`: what a user holds and what it is worth.

use std::sync::Arc;

use axum::extract::State;
use market::{Symbol, UserId};
use service_kit::auth::OrderAccess;
use service_kit::extract::Path;

use crate::app;
use crate::error::Error;
use crate::portfolio::{PricedPosition, Summary};

/// Lists a user's open positions by symbol; market figures are null while a price is not known.
#[utoipa::path(get, path = "/portfolio/{user_id}", tag = "portfolio", security(("key" = ["orders"])), params(("user_id" = UserId, Path)), responses(
    (status = 200, description = "Open positions; none for a user that is not known", body = Vec<PricedPosition>),
))]
pub(super) async fn show(
    access: OrderAccess,
    State(app): State<Arc<app::State>>,
    Path(user_id): Path<UserId>,
) -> Result<axum::Json<Vec<PricedPosition>>, Error> {
    access.must_act_for(&user_id)?;
    let portfolio = app.store.portfolio(&user_id).await?;
    let priced = portfolio
        .positions
        .iter()
        .map(|open| open.priced(&user_id, app.market_price(&open.symbol)));
    Ok(axum::Json(priced.collect::<Result<_, _>>()?))
}

/// Sums up a user's portfolio.
#[utoipa::path(get, path = "/portfolio/{user_id}/summary", tag = "portfolio", security(("key" = ["orders"])), params(("user_id" = UserId, Path)), responses(
    (status = 200, body = Summary),
))]
pub(super) async fn summary(
    access: OrderAccess,
    State(app): State<Arc<app::State>>,
    Path(user_id): Path<UserId>,
) -> Result<axum::Json<Summary>, Error> {
    access.must_act_for(&user_id)?;
    let portfolio = app.store.portfolio(&user_id).await?;
    Ok(axum::Json(
        portfolio.summary(user_id, |symbol: &Symbol| app.market_price(symbol))?,
    ))
}

impl app::State {
    /// The last price of a stock, when a catalogue is followed and knows it.
    fn market_price(&self, symbol: &Symbol) -> Option<market::Price> {
        self.catalogue.as_ref()?.market_price(symbol)
    }
}
