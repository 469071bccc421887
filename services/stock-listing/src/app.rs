//! Puts the catalogue service together; nothing else wires things.

use std::sync::Arc;
use std::time::Duration;

use service_kit::app::{App, AppError};
use service_kit::auth::{Access, Guarded};
use service_kit::clock::Clock;
use service_kit::database::{Database, OpenError, StoreError};
use service_kit::http::{Assembled, Service};
use service_kit::ids::Ids;
use service_kit::lifecycle::{Lifecycle, Phase};
use service_kit::metrics::HttpMetrics;
use service_kit::serve;
use tokio::task::JoinSet;

use crate::feed::{Feed, Tools};
use crate::history::History;
use crate::http;
use crate::live::Live;
use crate::settings::Settings;
use crate::store;
use crate::ticker::Ticker;

/// The service's name.
pub const SERVICE: &str = "stock-listing";

/// Pause between two attempts to read the catalogue at start.
const LOAD_PAUSE: Duration = Duration::from_millis(500);

/// What the handlers share.
pub(crate) struct State {
    access: Arc<Access>,
    pub(crate) live: Arc<Live>,
    pub(crate) history: Arc<History>,
    pub(crate) feed: Feed,
    pub(crate) ticker: Ticker,
    pub(crate) lifecycle: Lifecycle,
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
        description: "The catalogue of stocks: symbols, names, sectors and live prices.",
        lifecycle: Lifecycle::default(),
        database: database.clone(),
        access: Arc::clone(&access),
        metrics,
        ids: Ids::default(),
        clock,
    };
    let store = store::open(&database);
    let candles = store::candles::open(&database);
    let live = Arc::new(Live::new(Arc::clone(&store)));
    let ticker = Ticker::new();
    let history = Arc::new(History::new(Arc::clone(&candles)));
    let mut workers = JoinSet::new();
    let tools = Tools {
        store,
        live: Arc::clone(&live),
        recorder: history.record(&mut workers),
        clock: service.clock.clone(),
    };
    let feed = Feed::start(tools, &mut workers);
    let lifecycle = service.lifecycle.clone();
    let state = Arc::new(State {
        access: Arc::clone(&access),
        live: Arc::clone(&live),
        history,
        feed,
        ticker: ticker.clone(),
        lifecycle,
    });
    let Assembled { router, .. } =
        service_kit::http::assemble(&service, &common.server, http::routes(state));
    let follow = follow(Arc::clone(&live), service.lifecycle.clone());
    let forget = settings
        .retention
        .run(candles, service.clock, service.lifecycle.clone());
    Ok(App {
        name: SERVICE,
        lifecycle: service.lifecycle,
        settings: common.server,
        listener,
        router,
        access,
        database: database.clone(),
        preparation: Box::pin(prepare(database, settings.seeds_stocks, Arc::clone(&live))),
        background: vec![
            Box::pin(follow),
            Box::pin(forget),
            Box::pin(async move { ticker.run(&live).await }),
        ],
        workers,
    })
}

/// Brings the schema up to date and reads the catalogue, waiting for the database where it must.
async fn prepare(database: Database, seeds_stocks: bool, live: Arc<Live>) -> Result<(), OpenError> {
    store::migrate(&database, SERVICE, seeds_stocks).await?;
    loop {
        match live.load().await {
            Ok(()) => return Ok(()),
            Err(StoreError::Unavailable(_) | StoreError::Conflict(_)) => {
                tokio::time::sleep(LOAD_PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Hears of other replicas once the schema is there.
async fn follow(live: Arc<Live>, lifecycle: Lifecycle) {
    lifecycle.reached(Phase::Ready).await;
    live.follow().await;
}
