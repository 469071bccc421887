//! The trading page, out of the binary: the files that `npm run build` makes in `web/dist`.

use std::borrow::Cow;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use rust_embed::{EmbeddedFile, Metadata, RustEmbed};
use tower_http::compression::CompressionLayer;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Files;

/// Where the build puts files that have a hash in their name, and so are never another thing.
const NAMED_BY_HASH: &str = "assets/";

/// What a browser may do with the page; the proxy says the same.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// Whether the page has a file at this path.
pub(crate) fn has(path: &str) -> bool {
    Files::get(name_of(path)).is_some()
}

/// Serves the page's files to who reads them; a path that is none of them, the door does not lead here.
pub(crate) fn router() -> Router {
    Router::new()
        .fallback(show)
        .layer(CompressionLayer::new().gzip(true))
}

/// The file at a path; the page itself at the root.
fn name_of(path: &str) -> &str {
    match path.trim_start_matches('/') {
        "" => "index.html",
        name => name,
    }
}

async fn show(request: Request) -> Response {
    let name = name_of(request.uri().path());
    match Files::get(name) {
        Some(file) => answer(name, file, &request),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn answer(name: &str, file: EmbeddedFile, request: &Request) -> Response {
    let EmbeddedFile { data, metadata } = file;
    let tag = tag_of(&metadata);
    let known = request.headers().get(header::IF_NONE_MATCH);
    let mut response = if known.is_some_and(|known| *known == tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match data {
            Cow::Borrowed(data) => Bytes::from_static(data).into_response(),
            Cow::Owned(data) => data.into_response(),
        }
    };
    let headers = response.headers_mut();
    headers.extend(HEADERS);
    if let Ok(kind) = HeaderValue::from_str(metadata.mimetype()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(header::ETAG, tag);
    let caching = if name.starts_with(NAMED_BY_HASH) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}

/// Weak, since the same file may go out compressed.
fn tag_of(file: &Metadata) -> HeaderValue {
    let hash = file.sha256_hash();
    let (first, _) = hash.split_at(16);
    let number = first
        .iter()
        .fold(0, |sum, byte| sum << 8 | u128::from(*byte));
    HeaderValue::try_from(format!("W/\"{number:032x}\""))
        .unwrap_or(HeaderValue::from_static("W/\"\""))
}
