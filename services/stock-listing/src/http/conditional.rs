//! Conditional requests (RFC 9110 section 13): an answer that the client has is not sent again.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::snapshot::Representation;

/// What an answer has in the end, with what is added to it on its way out.
const HEADERS: usize = 8;

/// What a client has already: its `If-None-Match`.
pub(super) struct Known(Vec<HeaderValue>);

impl<S: Sync> FromRequestParts<S> for Known {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

impl Known {
    fn of(headers: &HeaderMap) -> Self {
        Self(
            headers
                .get_all(header::IF_NONE_MATCH)
                .iter()
                .cloned()
                .collect(),
        )
    }

    /// Weak comparison (RFC 9110 section 8.8.3.2).
    fn has(&self, tag: &HeaderValue) -> bool {
        fn opaque(tag: &str) -> &str {
            tag.trim().trim_start_matches("W/")
        }
        let tag = tag.to_str().unwrap_or_default();
        let values = self.0.iter().filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .any(|known| known.trim() == "*" || opaque(known) == opaque(tag))
    }
}

/// Answers with JSON and its tag, or with 304 when the client has that already.
pub(super) fn json(known: &Known, answer: &Representation) -> Response {
    let is_known = known.has(&answer.tag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(answer.json.clone()))
    };
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    if !is_known {
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
    }
    headers.insert(header::ETAG, answer.tag.clone());
    let no_cache = HeaderValue::from_static("no-cache");
    headers.insert(header::CACHE_CONTROL, no_cache);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stock::Version;

    fn answer(if_none_match: Option<&str>) -> Response {
        let mut request = HeaderMap::new();
        if let Some(known) = if_none_match {
            request.insert(header::IF_NONE_MATCH, HeaderValue::from_str(known).unwrap());
        }
        json(&Known::of(&request), &Representation::new(Version(7), "[]"))
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
