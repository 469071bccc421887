//! Lets a request in, or refuses it at once: not ready, too many in flight, too slow.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;

use crate::lifecycle::{Lifecycle, Phase};
use crate::problem::Problem;

#[derive(Clone)]
pub(super) struct Limits {
    pub(super) lifecycle: Lifecycle,
    pub(super) in_flight: Arc<Semaphore>,
    pub(super) request_timeout: Duration,
}

pub(super) async fn admit(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    if limits.lifecycle.phase() == Phase::Starting {
        return Problem::unavailable(
            "starting",
            "the service is starting: its database is not there yet",
        )
        .into_response();
    }
    let Ok(_permit) = limits.in_flight.try_acquire() else {
        return Problem::unavailable("overloaded", "too many requests are in flight")
            .into_response();
    };
    match tokio::time::timeout(limits.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable(
            "timeout",
            "the request took too long; whether it had an effect is unknown",
        )
        .into_response(),
    }
}
