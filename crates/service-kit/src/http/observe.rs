//! The outermost layer: names the request, measures it, logs its failure, writes its problem.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http::{HeaderValue, StatusCode, Version, header};
use tower::Layer;
use tracing::{debug, error, info, warn};

use super::Service;
use super::request_id::{RequestId, X_REQUEST_ID};
use super::unread::Unread;
use crate::auth::Visit;
use crate::lifecycle::Phase;
use crate::log::audit::{self, Asked};
use crate::metrics::{self, UsualAnswer};
use crate::problem::{PROBLEM_JSON, Problem};
use crate::rates::Left;

/// Label of requests that no route matches, so that a client cannot make up label values.
const UNMATCHED: &str = "unmatched";

/// The layer around everything that a service answers.
#[derive(Clone)]
pub(super) struct ObserveLayer(pub(super) Arc<Service>);

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe {
            inner,
            endpoint: Arc::new(Endpoint {
                service: Arc::clone(&self.0),
                usual: UsualAnswer::default(),
            }),
        }
    }
}

#[derive(Clone)]
pub(super) struct Observe<S> {
    inner: S,
    endpoint: Arc<Endpoint>,
}

/// What is behind the layer: a router layers each of its endpoints by itself.
struct Endpoint {
    service: Arc<Service>,
    usual: UsualAnswer,
}

impl<S> tower::Service<Request> for Observe<S>
where
    S: tower::Service<Request, Response: IntoResponse, Future: Send + 'static>,
    S::Error: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let observed = Observed::begin(Arc::clone(&self.endpoint), &mut request);
        // One bad request must not end the connection of others.
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        Box::pin(async move {
            let answer = match answer.await {
                Ok(answer) => answer?.into_response(),
                Err(panic) => Problem::internal()
                    .because(said_by(&*panic))
                    .into_response(),
            };
            Ok(observed.end(answer).await)
        })
    }
}

/// A request that is being answered.
struct Observed {
    request: InFlight,
    id: RequestId,
    method: &'static str,
    route: Option<MatchedPath>,
    version: Version,
    unread: Option<Unread>,
    visit: Option<Visit>,
    started: Instant,
}

/// Counts a request as in flight for as long as it lives.
struct InFlight(Arc<Endpoint>);

impl InFlight {
    fn of(endpoint: Arc<Endpoint>) -> Self {
        endpoint.service.metrics.enter();
        Self(endpoint)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.service.metrics.leave();
    }
}

impl Observed {
    fn begin(endpoint: Arc<Endpoint>, request: &mut Request) -> Self {
        let service = &endpoint.service;
        let id = RequestId::from_client(request.headers())
            .unwrap_or_else(|| RequestId::new(service.ids.next(service.clock.now())));
        request.extensions_mut().insert(id.clone());
        Self {
            id,
            method: metrics::label(request.method()),
            route: request.extensions().get().cloned(),
            version: request.version(),
            unread: Unread::hold(request),
            visit: service.access.begin_visit(request),
            started: Instant::now(),
            request: InFlight::of(endpoint),
        }
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or(UNMATCHED, MatchedPath::as_str)
    }

    async fn end(self, answer: Response) -> Response {
        let elapsed = self.started.elapsed();
        let (mut response, problem) = with_problem(answer, &self.id);
        let status = response.status();
        self.log(status, elapsed, problem.as_ref().and_then(Problem::cause));
        let Endpoint { service, usual } = &*self.request.0;
        let (route, status) = (self.route(), status.as_u16());
        service
            .metrics
            .record(usual, self.method, route, status, elapsed);

        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, self.id.header_value());
        if let Some(visit) = self.visit {
            Left::write(&visit.left(), headers);
        }
        let is_draining = service.lifecycle.phase() == Phase::Draining;
        let is_cut_off = match self.unread {
            Some(unread) => !unread.discard().await,
            None => false,
        };
        if (is_draining || is_cut_off) && self.version <= Version::HTTP_11 {
            // Tells a client that keeps its connection to open another one for its next request.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Says how the request went, in one line that has all there is to say: a span around it would cost every request.
    fn log(&self, status: StatusCode, elapsed: Duration, cause: Option<&str>) {
        let Self { id, method, .. } = self;
        let service = self.request.0.service.name;
        let (route, status) = (self.route(), status.as_u16());
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        if let Some((caller, path)) = self.visit.as_ref().and_then(Visit::write) {
            let asked = Asked {
                id,
                service,
                caller,
                method,
                path,
                status,
            };
            audit::record(&asked, self.request.0.service.clock.now());
        }
        match status {
            500 => error!(%id, service, method, route, status, micros, cause, "request failed"),
            501.. => {
                warn!(%id, service, method, route, status, micros, cause, "request not served");
            }
            // Who asks too much shall not fill the log with it.
            429 => debug!(%id, service, method, route, status, micros, "request over its limit"),
            400.. => info!(%id, service, method, route, status, micros, "request refused"),
            _ => debug!(%id, service, method, route, status, micros, "request served"),
        }
    }
}

/// The message of a panic.
fn said_by(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.unwrap_or_default())
}

/// Gives every failure the shape of a problem document, whoever made it; the problem, where there is one.
fn with_problem(mut response: Response, id: &RequestId) -> (Response, Option<Problem>) {
    let status = response.status();
    let is_failure = status.is_client_error() || status.is_server_error();
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == PROBLEM_JSON);
    if !is_failure || is_problem {
        return (response, None);
    }
    let problem = response
        .extensions_mut()
        .remove::<Problem>()
        .unwrap_or_else(|| Problem::of_status(status));
    let mut rendered = problem.render(&id.to_string());
    for (name, value) in response.headers() {
        let describes_the_old_body = [
            header::CONTENT_TYPE,
            header::CONTENT_LENGTH,
            header::CONTENT_ENCODING,
        ]
        .contains(name);
        if !describes_the_old_body {
            rendered.headers_mut().append(name, value.clone());
        }
    }
    (rendered, Some(problem))
}
