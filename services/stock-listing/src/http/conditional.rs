//! Conditional requests (RFC 9110 section 13): an answer that the client has is not sent again.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use service_kit::problem::Problem;

use crate::stock::Version;

/// What an answer has in the end, with what is added to it on its way out.
const HEADERS: usize = 8;

/// Answers with JSON and the tag of its version, or with 304 when the client has that already.
///
/// The tag is weak, since the same body may go out compressed.
pub(super) fn json(request: &HeaderMap, version: Version, body: Bytes) -> Response {
    let tag = format!("W/\"{}\"", version.0);
    let is_known = matches(request, &tag);
    let Ok(tag) = HeaderValue::from_str(&tag) else {
        return Problem::internal().into_response();
    };
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(body))
    };
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    if !is_known {
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
    }
    headers.insert(header::ETAG, tag);
    let no_cache = HeaderValue::from_static("no-cache");
    headers.insert(header::CACHE_CONTROL, no_cache);
    response
}

fn matches(request: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let values = request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|known| known.trim() == "*" || opaque(known) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(if_none_match: Option<&str>) -> Response {
        let mut request = HeaderMap::new();
        if let Some(known) = if_none_match {
            request.insert(header::IF_NONE_MATCH, HeaderValue::from_str(known).unwrap());
        }
        json(&request, Version(7), Bytes::from_static(b"[]"))
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        assert_eq!(answer(None).headers()[header::ETAG], "W/\"7\"");
        for known in ["W/\"7\"", "\"7\"", "\"6\", W/\"7\"", "*"] {
            assert_eq!(
                answer(Some(known)).status(),
                StatusCode::NOT_MODIFIED,
                "{known}"
            );
        }
        for known in ["W/\"6\"", "\"77\"", "7x"] {
            assert_eq!(answer(Some(known)).status(), StatusCode::OK, "{known}");
        }
    }
}
