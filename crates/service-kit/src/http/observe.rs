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
use crate::lifecycle::Phase;
use crate::metrics::{InFlight, RequestLabels};
use crate::problem::{PROBLEM_JSON, Problem};

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
            service: Arc::clone(&self.0),
        }
    }
}

#[derive(Clone)]
pub(super) struct Observe<S> {
    inner: S,
    service: Arc<Service>,
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
        let observed = Observed::begin(Arc::clone(&self.service), &mut request);
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
    service: Arc<Service>,
    id: RequestId,
    labels: RequestLabels,
    version: Version,
    unread: Option<Unread>,
    in_flight: InFlight,
    started: Instant,
}

impl Observed {
    fn begin(service: Arc<Service>, request: &mut Request) -> Self {
        let id = RequestId::from_client(request.headers())
            .unwrap_or_else(|| RequestId::new(service.ids.next(service.clock.now())));
        request.extensions_mut().insert(id.clone());
        let route = request.extensions().get::<MatchedPath>();
        let route = route.map_or(UNMATCHED, MatchedPath::as_str);
        let labels = RequestLabels::new(request.method(), route);
        Self {
            version: request.version(),
            unread: Unread::hold(request),
            in_flight: service.metrics.enter(),
            started: Instant::now(),
            service,
            id,
            labels,
        }
    }

    async fn end(self, answer: Response) -> Response {
        let elapsed = self.started.elapsed();
        let (mut response, problem) = with_problem(answer, &self.id);
        let status = response.status();
        self.log(status, elapsed, problem.as_ref().and_then(Problem::cause));
        let metrics = &self.service.metrics;
        metrics.record(self.labels, status.as_u16(), elapsed);
        drop(self.in_flight);

        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, self.id.header_value());
        let is_draining = self.service.lifecycle.phase() == Phase::Draining;
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
        let Self { id, labels, .. } = self;
        let (service, status) = (self.service.name, status.as_u16());
        let (method, route) = (labels.method, labels.route.as_str());
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        match status {
            500 => error!(%id, service, method, route, status, micros, cause, "request failed"),
            501.. => {
                warn!(%id, service, method, route, status, micros, cause, "request not served");
            }
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
    let mut rendered = problem.render(id.as_str());
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
