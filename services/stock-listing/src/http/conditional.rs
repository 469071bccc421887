//! Conditional requests (RFC 9110 section 13): an answer that the client has is not sent again.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use service_kit::problem::Problem;

/// Answers with `body` as JSON and its entity tag, or with 304 when the client has that already.
///
/// The tag is weak, since the same body may go out compressed.
pub(super) fn json(request: &HeaderMap, body: &impl Serialize) -> Response {
    let Ok(body) = serde_json::to_vec(body) else {
        return Problem::internal().into_response();
    };
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let tag = format!("W/\"{:016x}\"", hasher.finish());
    let is_known = matches(request, &tag);
    let Ok(tag) = HeaderValue::from_str(&tag) else {
        return Problem::internal().into_response();
    };
    let validators = [
        (header::ETAG, tag),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if is_known {
        return (StatusCode::NOT_MODIFIED, validators).into_response();
    }
    (
        validators,
        [(header::CONTENT_TYPE, "application/json")],
        body,
    )
        .into_response()
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

    fn status(if_none_match: &str) -> StatusCode {
        let mut request = HeaderMap::new();
        request.insert(
            header::IF_NONE_MATCH,
            HeaderValue::from_str(if_none_match).unwrap(),
        );
        json(&request, &["body"]).status()
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let response = json(&HeaderMap::new(), &["body"]);
        let tag = response.headers()[header::ETAG].to_str().unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        for known in [
            tag,
            tag.trim_start_matches("W/"),
            &format!("\"other\", {tag}"),
            "*",
        ] {
            assert_eq!(status(known), StatusCode::NOT_MODIFIED, "{known}");
        }
        assert_eq!(status("\"other\""), StatusCode::OK);
    }
}
