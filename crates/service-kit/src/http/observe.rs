//! The outermost layer: names the request, measures it, logs its failure, writes its problem.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, Version, header};
use tracing::{Instrument as _, debug, error, info, info_span, warn};

use super::Service;
use super::request_id::{RequestId, X_REQUEST_ID};
use super::unread::Unread;
use crate::lifecycle::Phase;
use crate::metrics::RequestLabels;
use crate::problem::{PROBLEM_JSON, Problem};

/// Label of requests that no route matches, so that a client cannot make up label values.
const UNMATCHED: &str = "unmatched";

pub(super) async fn observe(
    State(service): State<Service>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::from_client(request.headers())
        .unwrap_or_else(|| RequestId::new(service.ids.next(service.clock.now())));
    request.extensions_mut().insert(id.clone());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    let labels = RequestLabels::new(request.method(), route);
    let version = request.version();
    let span = info_span!("request", %id, service = service.name, method = labels.method, route);

    let unread = Unread::hold(&mut request);
    let in_flight = service.metrics.enter();
    let started = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let elapsed = started.elapsed();
    drop(in_flight);

    let mut response = with_problem(response, &id);
    let status = response.status().as_u16();
    service.metrics.record(labels, status, elapsed);
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    span.in_scope(|| match status {
        500 => error!(status, micros, "request failed"),
        501.. => warn!(status, micros, "request not served"),
        400.. => info!(status, micros, "request refused"),
        _ => debug!(status, micros, "request served"),
    });

    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, id.header_value());
    let is_draining = service.lifecycle.phase() == Phase::Draining;
    let is_cut_off = match unread {
        Some(unread) => !unread.discard().await,
        None => false,
    };
    if (is_draining || is_cut_off) && version <= Version::HTTP_11 {
        // Tells a client that keeps its connection to open another one for its next request.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Gives every failure the shape of a problem document, whoever made it.
fn with_problem(mut response: Response, id: &RequestId) -> Response {
    let status = response.status();
    let is_failure = status.is_client_error() || status.is_server_error();
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == PROBLEM_JSON);
    if !is_failure || is_problem {
        return response;
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
    rendered
}
