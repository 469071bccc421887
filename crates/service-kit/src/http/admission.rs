//! Lets a request in, or refuses it at once: not ready, too many in flight, too slow.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tower::{Layer, Service};

use crate::lifecycle::{Lifecycle, Phase};
use crate::problem::Problem;

/// What is let in.
pub(super) struct Limits {
    pub(super) lifecycle: Lifecycle,
    pub(super) in_flight: Arc<Semaphore>,
    pub(super) request_timeout: Duration,
}

/// The layer of these limits.
#[derive(Clone)]
pub(super) struct AdmitLayer(pub(super) Arc<Limits>);

impl<S> Layer<S> for AdmitLayer {
    type Service = Admit<S>;

    fn layer(&self, inner: S) -> Admit<S> {
        Admit {
            inner,
            limits: Arc::clone(&self.0),
        }
    }
}

#[derive(Clone)]
pub(super) struct Admit<S> {
    inner: S,
    limits: Arc<Limits>,
}

impl<S> Service<Request> for Admit<S>
where
    S: Service<Request, Response: IntoResponse, Future: Send + 'static>,
    S::Error: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let permit = self.limits.permit();
        let request_timeout = self.limits.request_timeout;
        let answer = permit.map(|permit| (permit, self.inner.call(request)));
        Box::pin(async move {
            let (_permit, answer) = match answer {
                Ok(admitted) => admitted,
                Err(problem) => return Ok(problem.into_response()),
            };
            match tokio::time::timeout(request_timeout, answer).await {
                Ok(answer) => Ok(answer?.into_response()),
                Err(_) => Ok(Problem::unavailable(
                    "timeout",
                    "the request took too long; whether it had an effect is unknown",
                )
                .into_response()),
            }
        })
    }
}

impl Limits {
    fn permit(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Problem> {
        if self.lifecycle.phase() == Phase::Starting {
            return Err(Problem::unavailable(
                "starting",
                "the service is starting: its database is not there yet",
            ));
        }
        let permit = Arc::clone(&self.in_flight).try_acquire_owned();
        permit.map_err(|_| Problem::unavailable("overloaded", "too many requests are in flight"))
    }
}
