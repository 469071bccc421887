//! Puts the catalogue service together; nothing else wires things.

use std::sync::Arc;

use axum::extract::FromRef;
use service_kit::app::AppError;
use service_kit::clock::Clock;
use service_kit::database::Database;
use service_kit::http::{Assembled, Service};
use service_kit::ids::Ids;
use service_kit::lifecycle::Lifecycle;
use service_kit::metrics::HttpMetrics;
use service_kit::serve;
use tokio::task::JoinSet;

use crate::http;
use crate::settings::Settings;
use crate::store::{self, Store};

/// The service's name.
pub const SERVICE: &str = "stock-listing";

/// What the handlers share.
#[derive(Clone, FromRef)]
pub(crate) struct State {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
}

/// Takes the socket and the database; [`service_kit::app::App::run`] serves.
pub async fn build(settings: Settings) -> Result<service_kit::app::App, AppError> {
    let common = settings.common;
    let listener = serve::bind(&common.server).await?;
    let database = Database::open(&common.database, SERVICE).await?;
    let service = Service {
        name: SERVICE,
        version: env!("CARGO_PKG_VERSION"),
        description: "The catalogue of stocks: symbols, names, sectors and live prices.",
        lifecycle: Lifecycle::default(),
        database: database.clone(),
        metrics: Arc::new(HttpMetrics::new(SERVICE)),
        ids: Ids::default(),
        clock: Clock::system(),
    };
    let state = State {
        store: store::open(&database),
        clock: service.clock.clone(),
    };
    let Assembled { router, .. } =
        service_kit::http::assemble(&service, &common.server, http::routes(state));
    Ok(service_kit::app::App {
        name: SERVICE,
        lifecycle: service.lifecycle,
        settings: common.server,
        listener,
        router,
        database: database.clone(),
        preparation: Box::pin(store::migrate(database, SERVICE, settings.seeds_stocks)),
        background: Vec::new(),
        workers: JoinSet::new(),
    })
}
