//! What watches a service: `/health`, `/livez`, `/readyz`, `/metrics`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::header;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::docs::PROBES;
use super::{HEALTH_TIMEOUT, Service};
use crate::lifecycle::Phase;
use crate::metrics::METRICS_TYPE;
use crate::problem::{Problem, ProblemDocument};

/// That a service is well.
#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `healthy`; a service that is not answers with a problem.
    #[schema(examples("healthy"))]
    status: &'static str,
    /// Its name.
    service: &'static str,
    /// Its version.
    version: &'static str,
}

pub(super) fn routes(service: &Arc<Service>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(livez))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .with_state(Arc::clone(service))
}

impl Service {
    fn healthy(&self) -> Json<Health> {
        Json(Health {
            status: "healthy",
            service: self.name,
            version: self.version,
        })
    }

    pub(super) async fn check_database(&self) -> Result<(), Problem> {
        if self.lifecycle.phase() == Phase::Starting {
            let detail = match self.database.missing_credentials() {
                Some(missing) => format!("waiting for secrets: {missing}"),
                None => "the database is not there yet".to_owned(),
            };
            return Err(Problem::unavailable("starting", detail));
        }
        match tokio::time::timeout(HEALTH_TIMEOUT, self.database.ping()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Problem::unavailable(
                "database_unavailable",
                "the database does not answer",
            )),
            Err(_) => Err(Problem::unavailable(
                "database_unavailable",
                "the database does not answer within 2 s",
            )),
        }
    }
}

/// Whether the service and its database are well.
#[utoipa::path(get, path = "/health", tag = PROBES, responses(
    (status = 200, body = Health),
    (status = 503, description = "The database does not answer", body = ProblemDocument, content_type = "application/problem+json"),
))]
async fn health(State(service): State<Arc<Service>>) -> Result<Json<Health>, Problem> {
    service.check_database().await?;
    Ok(service.healthy())
}

/// Whether the process is alive; asks nothing else.
#[utoipa::path(get, path = "/livez", tag = PROBES, responses((status = 200, body = Health)))]
async fn livez(State(service): State<Arc<Service>>) -> Json<Health> {
    service.healthy()
}

/// Whether the service should be sent requests.
#[utoipa::path(get, path = "/readyz", tag = PROBES, responses(
    (status = 200, body = Health),
    (status = 503, description = "Starting, stopping, or without its database", body = ProblemDocument, content_type = "application/problem+json"),
))]
async fn readyz(State(service): State<Arc<Service>>) -> Result<Json<Health>, Problem> {
    if service.lifecycle.phase() == Phase::Draining {
        return Err(Problem::unavailable("stopping", "the service is stopping"));
    }
    service.check_database().await?;
    Ok(service.healthy())
}

/// Metrics for Prometheus, in the text form of `OpenMetrics`.
#[utoipa::path(get, path = "/metrics", tag = PROBES, responses(
    (status = 200, body = String, content_type = "application/openmetrics-text"),
))]
async fn metrics(
    State(service): State<Arc<Service>>,
) -> ([(header::HeaderName, &'static str); 1], String) {
    (
        [(header::CONTENT_TYPE, METRICS_TYPE)],
        service.metrics.encode(),
    )
}
