//! Puts the trading service together; nothing else wires things.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use catalogue_client::CatalogueClient;
use market::Timestamp;
use service_kit::app::{App, AppError};
use service_kit::auth::{Access, Guarded};
use service_kit::clock::Clock;
use service_kit::database::Database;
use service_kit::http::{Assembled, Service};
use service_kit::ids::Ids;
use service_kit::lifecycle::{Lifecycle, Phase};
use service_kit::metrics::HttpMetrics;
use service_kit::serve;
use tokio::task::JoinSet;
use tracing::warn;

use crate::engine::{Engine, Tools};
use crate::http;
use crate::settings::Settings;
use crate::store::{self, Store};

/// The service's name.
pub const SERVICE: &str = "trade";

/// How long the answer to an order with an Idempotency-Key is kept.
const ANSWER_KEPT: Duration = Duration::from_hours(24);
/// Pause between two rounds of forgetting.
const FORGET_PAUSE: Duration = Duration::from_mins(1);
/// Answers forgotten in one statement, so that it holds no lock for long.
const FORGET_AT_ONCE: u32 = 1_000;

/// What the handlers share.
pub(crate) struct State {
    access: Arc<Access>,
    pub(crate) engine: Engine,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) catalogue: Option<Arc<CatalogueClient>>,
}

impl Guarded for State {
    fn access(&self) -> &Access {
        &self.access
    }
}

/// Takes the socket and the database; [`App::run`] serves.
pub async fn build(settings: Settings) -> Result<App, AppError> {
    let common = settings.common;
    let listener = serve::bind(&common.server)?;
    let database = Database::open(&common.database, SERVICE).await?;
    let clock = Clock::system();
    let metrics = Arc::new(HttpMetrics::new(SERVICE));
    let access = Arc::new(Access::new(&common.auth, &clock, &metrics));
    let service = Service {
        name: SERVICE,
        version: env!("CARGO_PKG_VERSION"),
        image: common.image,
        started_at: clock.now(),
        description: "Orders, trades and portfolios.",
        lifecycle: Lifecycle::default(),
        database: database.clone(),
        access: Arc::clone(&access),
        metrics,
        ids: Ids::default(),
        clock,
    };
    let store = store::open(&database);
    let tools = Tools {
        store: Arc::clone(&store),
        clock: service.clock.clone(),
        ids: service.ids.clone(),
        answering: http::answer,
        batch_sizes: service
            .metrics
            .counts("order_batch_orders", "Orders committed together"),
    };
    let lanes = if matches!(database, Database::Sqlite(_)) {
        NonZeroUsize::MIN
    } else {
        settings.lanes
    };
    let mut workers = JoinSet::new();
    let engine = Engine::start(lanes, &tools, &mut workers);
    let state = Arc::new(State {
        access: Arc::clone(&access),
        engine,
        store: Arc::clone(&store),
        catalogue: settings.catalogue.clone(),
    });
    let Assembled { router, .. } =
        service_kit::http::assemble(&service, &common.server, http::routes(state));

    let mut app = App {
        name: SERVICE,
        lifecycle: service.lifecycle.clone(),
        settings: common.server,
        listener,
        router,
        access,
        database: database.clone(),
        preparation: Box::pin(store::migrate(database, SERVICE)),
        background: vec![Box::pin(forget_answers(
            store,
            service.clock,
            service.lifecycle,
        ))],
        workers,
    };
    if let Some(catalogue) = settings.catalogue {
        app.background
            .push(Box::pin(async move { catalogue.follow().await }));
    }
    Ok(app)
}

/// Forgets kept answers once they are old enough; never ends.
async fn forget_answers(store: Arc<dyn Store>, clock: Clock, lifecycle: Lifecycle) {
    lifecycle.reached(Phase::Ready).await;
    let kept_micros = i64::try_from(ANSWER_KEPT.as_micros()).unwrap_or(i64::MAX);
    loop {
        if let Some(moment) =
            Timestamp::from_micros(clock.now().micros().saturating_sub(kept_micros))
        {
            match store.forget_answers(moment, FORGET_AT_ONCE).await {
                Ok(forgotten) if forgotten >= u64::from(FORGET_AT_ONCE) => continue,
                Ok(_) => {}
                Err(error) => warn!(%error, "cannot forget old answers"),
            }
        }
        tokio::time::sleep(FORGET_PAUSE).await;
    }
}
