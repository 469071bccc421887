//! The catalogue over HTTP.

mod conditional;
mod history;
mod prices;
mod stocks;
mod stream;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::State;

/// Every route of the catalogue.
pub(crate) fn routes(state: Arc<State>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(stocks::list, stocks::add))
        .routes(routes!(stocks::show))
        .routes(routes!(prices::show))
        .routes(routes!(prices::quote))
        .routes(routes!(prices::quote_many))
        .routes(routes!(history::show))
        .routes(routes!(stream::show))
        .with_state(state)
}
