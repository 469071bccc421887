//! `/operations`: what those who run a service want to see of it at a glance.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use market::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Service;
use crate::auth::{Access, Guarded, OperationsAccess};

/// How a service does.
#[derive(Serialize, ToSchema)]
struct Figures {
    /// Its name.
    #[schema(examples("trade"))]
    service: &'static str,
    /// Its version.
    version: &'static str,
    /// The image that it runs from, by its digest where a release started it.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    /// When it was started.
    started_at: Timestamp,
    /// `healthy`, or the code of what is wrong.
    #[schema(examples("healthy"))]
    health: &'static str,
    /// Its metrics, as `/metrics` has them.
    metrics: String,
}

impl Guarded for Service {
    fn access(&self) -> &Access {
        &self.access
    }
}

pub(super) fn routes(service: &Arc<Service>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(show))
        .with_state(Arc::clone(service))
}

/// Shows which release serves, how it is, and its metrics.
#[utoipa::path(get, path = "/operations", tag = "operations", security(("key" = ["operations"])),
    responses((status = 200, body = Figures))
)]
async fn show(_: OperationsAccess, State(service): State<Arc<Service>>) -> Json<Figures> {
    let health = match service.check_database().await {
        Ok(()) => "healthy",
        Err(problem) => problem.code(),
    };
    Json(Figures {
        service: service.name,
        version: service.version,
        image: service.image.clone(),
        started_at: service.started_at,
        health,
        metrics: service.metrics.encode(),
    })
}
