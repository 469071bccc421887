//! Lets a request in, or refuses it at once: not ready, too many in flight, too many of one address, too slow.

use std::future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower::{Layer, Service};

use crate::auth::Access;
use crate::lifecycle::{Lifecycle, Phase};
use crate::problem::Problem;
use crate::settings::ServerSettings;

/// What is let in.
pub(super) struct Limits {
    lifecycle: Lifecycle,
    access: Arc<Access>,
    max_in_flight: usize,
    request_timeout: Duration,
    in_flight: AtomicUsize,
}

/// The layer of these limits.
#[derive(Clone)]
pub(super) struct AdmitLayer(Arc<Limits>);

impl AdmitLayer {
    pub(super) fn new(
        lifecycle: Lifecycle,
        access: Arc<Access>,
        settings: &ServerSettings,
    ) -> Self {
        Self(Arc::new(Limits {
            lifecycle,
            access,
            max_in_flight: settings.max_in_flight,
            request_timeout: settings.request_timeout,
            in_flight: AtomicUsize::new(0),
        }))
    }
}

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
    S: Service<Request, Response: IntoResponse>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match Permit::of(&self.limits, &request) {
            Ok(permit) => Answer::Admitted {
                answer: self.inner.call(request),
                deadline: None,
                permit,
            },
            Err(problem) => Answer::Refused {
                answer: future::ready(problem.into_response()),
            },
        }
    }
}

pin_project! {
    /// What is answered, now or when it is known.
    #[project = AnswerProjection]
    pub(super) enum Answer<F> {
        Admitted {
            #[pin]
            answer: F,
            // Only what does not answer at once needs one. A timer has a cache line to itself, and so had a future with one in it.
            deadline: Option<Pin<Box<Sleep>>>,
            permit: Permit,
        },
        Refused {
            #[pin]
            answer: future::Ready<Response>,
        },
    }
}

impl<F, R, E> Future for Answer<F>
where
    F: Future<Output = Result<R, E>>,
    R: IntoResponse,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            AnswerProjection::Admitted {
                answer,
                deadline,
                permit,
            } => {
                if let Poll::Ready(answer) = answer.poll(context) {
                    return Poll::Ready(answer.map(IntoResponse::into_response));
                }
                let timer = || Box::pin(sleep(permit.0.request_timeout));
                ready!(deadline.get_or_insert_with(timer).as_mut().poll(context));
                let problem = Problem::unavailable(
                    "timeout",
                    "the request took too long; whether it had an effect is unknown",
                );
                Poll::Ready(Ok(problem.into_response()))
            }
            AnswerProjection::Refused { answer } => Poll::Ready(Ok(ready!(answer.poll(context)))),
        }
    }
}

/// The right of a request to be in flight, for as long as it lives.
pub(super) struct Permit(Arc<Limits>);

impl Permit {
    fn of(limits: &Arc<Limits>, request: &Request) -> Result<Self, Problem> {
        if limits.lifecycle.phase() == Phase::Starting {
            return Err(Problem::unavailable(
                "starting",
                "the service is starting: its database is not there yet",
            ));
        }
        let before = limits.in_flight.fetch_add(1, Ordering::Relaxed);
        // From here on it is counted, and given back when it is dropped.
        let permit = Self(Arc::clone(limits));
        if before >= limits.max_in_flight {
            return Err(Problem::unavailable(
                "overloaded",
                "too many requests are in flight",
            ));
        }
        limits.access.count_address(request)?;
        Ok(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
