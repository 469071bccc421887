//! Puts a service's routes behind what every service has: request ids, problem documents, metrics,
//! limits, probes and the OpenAPI page.

mod admission;
mod compress;
mod docs;
mod observe;
mod operations;
mod probes;
mod request_id;
mod unread;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use market::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::auth::Access;
use crate::clock::Clock;
use crate::database::Database;
use crate::ids::Ids;
use crate::lifecycle::Lifecycle;
use crate::metrics::HttpMetrics;
use crate::problem::Problem;
use crate::settings::ServerSettings;

use self::admission::AdmitLayer;
use self::compress::CompressLayer;
use self::observe::ObserveLayer;

pub use request_id::RequestId;

/// What the shared layers need to know of a service.
#[derive(Clone)]
pub struct Service {
    /// Its name, such as `trade`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The image that it runs from, where it does.
    pub image: Option<String>,
    /// When it was started.
    pub started_at: Timestamp,
    /// One sentence for the OpenAPI document.
    pub description: &'static str,
    /// Its phase.
    pub lifecycle: Lifecycle,
    /// The database that it cannot do without.
    pub database: Database,
    /// Who decides who may call.
    pub access: Arc<Access>,
    /// Its metrics.
    pub metrics: Arc<HttpMetrics>,
    /// The source of request ids.
    pub ids: Ids,
    /// The clock of request ids.
    pub clock: Clock,
}

/// The routes of a service in all their layers, and the document of them.
pub struct Assembled {
    /// Serves every path, the probes and the OpenAPI page too.
    pub router: Router,
    /// The document that is served at `/openapi.json`.
    pub document: OpenApi,
}

/// Wraps `api` in the shared layers.
pub fn assemble(service: &Service, settings: &ServerSettings, api: OpenApiRouter) -> Assembled {
    let service = Arc::new(service.clone());
    let admit = AdmitLayer::new(
        service.lifecycle.clone(),
        Arc::clone(&service.access),
        settings,
    );
    let observe = ObserveLayer(Arc::clone(&service));
    // All layers of a route at once: each turn of layering costs its requests a box.
    let api = api.merge(operations::routes(&service)).layer((
        observe.clone(),
        admit,
        CompressLayer::new(),
    ));
    let probes = probes::routes(&service).layer(observe.clone());
    let (router, mut document) = api.merge(probes).split_for_parts();
    docs::describe(&mut document, &service);
    let others = docs::page(document.clone())
        .fallback(async || Problem::of_status(http::StatusCode::NOT_FOUND))
        .layer(observe);
    let router = router.merge(others);
    Assembled { router, document }
}

/// Encodes a value for a query: all but the unreserved characters (RFC 3986 section 2.3).
pub fn encode_query(value: &str) -> impl std::fmt::Display + '_ {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(value, RESERVED)
}

/// How long a health check waits for the database.
pub(crate) const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);
