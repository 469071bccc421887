//! The `Idempotency-Key` header.

use axum::extract::OptionalFromRequestParts;
use http::HeaderName;
use http::request::Parts;

use crate::problem::{FieldError, Problem};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A key under which an order happens once: 1-255 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Longest key, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// Reads a key.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let is_printable = |byte: &u8| (b' '..=b'~').contains(byte);
        let is_key = (1..=Self::MAX_BYTES).contains(&text.len()) && text.iter().all(is_printable);
        is_key.then(|| Self(String::from_utf8_lossy(text).into_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let key = Self::parse(value.as_bytes()).filter(|_| values.next().is_none());
        key.map(Some).ok_or_else(|| {
            let rule = "must be one key of 1-255 printable ASCII characters";
            Problem::validation(vec![FieldError::in_parameter("Idempotency-Key", rule)])
        })
    }
}
