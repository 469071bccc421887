//! The id of a request: the client's when it is sane, else a new one.

use std::convert::Infallible;
use std::fmt;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// Name of the header that carries it, both ways.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken from a client, in bytes.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// Names one request in answers and logs: letters, digits, `.`, `_`, `:` and `-` alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Source);

/// Where an id comes from. One of ours becomes text where it is written, once.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Client(HeaderValue),
    Made(Uuid),
}

impl RequestId {
    /// The client's id, when it has one that is safe to write into logs and answers.
    pub(crate) fn from_client(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(X_REQUEST_ID)?;
        let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"._:-".contains(byte);
        let is_sane = (1..=MAX_REQUEST_ID_BYTES).contains(&value.len())
            && value.as_bytes().iter().all(is_token);
        is_sane.then(|| Self(Source::Client(value.clone())))
    }

    /// A new id.
    pub fn new(id: Uuid) -> Self {
        Self(Source::Made(id))
    }

    pub(crate) fn header_value(&self) -> HeaderValue {
        match &self.0 {
            Source::Client(value) => value.clone(),
            Source::Made(id) => {
                let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
                let text = id.hyphenated().encode_lower(&mut text);
                HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
            }
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Client(value) => out.write_str(value.to_str().unwrap_or_default()),
            Source::Made(id) => id.hyphenated().fmt(out),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let id = parts.extensions.get::<Self>().cloned();
        Ok(id.unwrap_or(Self(Source::Made(Uuid::nil()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_client(text: &'static [u8]) -> Option<RequestId> {
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, HeaderValue::from_bytes(text).unwrap());
        RequestId::from_client(&headers)
    }

    #[test]
    fn only_a_sane_id_is_taken_from_a_client() {
        assert_eq!(
            from_client(b"build-7.a:1_b").unwrap().to_string(),
            "build-7.a:1_b"
        );
        for text in [
            &b""[..],
            b"a b",
            b"a\"b",
            b"\xff",
            &[b'a'; MAX_REQUEST_ID_BYTES + 1],
        ] {
            assert_eq!(from_client(text), None);
        }
    }
}
