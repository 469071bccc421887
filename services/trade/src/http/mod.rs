//! Trading over HTTP.

mod answer;
mod orders;
mod portfolios;
mod trades;
mod trades_csv;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::State;

pub(crate) use answer::answer;

/// Every route of trading.
pub(crate) fn routes(state: Arc<State>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(orders::buy))
        .routes(routes!(orders::sell))
        .routes(routes!(trades::list))
        .routes(routes!(trades::show))
        .routes(routes!(trades_csv::download))
        .routes(routes!(portfolios::show))
        .routes(routes!(portfolios::summary))
        .with_state(state)
}
