//! An answer, read to its end, and what tests ask of it. Every failure shows the whole exchange.

use std::fmt::{self, Display, Formatter};

use reqwest::{Method, Url, header::HeaderMap};
use serde_json::Value;

/// More of a body is not shown in a failure.
const SHOWN_BYTES: usize = 16_384;

/// A status, headers and a body.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) method: Method,
    pub(super) url: Url,
    /// The number: 200, 404.
    pub status: u16,
    /// As they came; [`Self::header`] reads one.
    pub headers: HeaderMap,
    /// Every byte of it.
    pub body: Vec<u8>,
}

impl Reply {
    /// The reply itself, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert!(self.status == status, "expected {status} from {self}");
        self
    }

    /// The body as JSON. Its numbers may lose digits here: [`Self::text`] has them all.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("no JSON ({error}) in {self}"),
        }
    }

    /// The body as text, to the last digit.
    #[track_caller]
    pub fn text(&self) -> &str {
        match std::str::from_utf8(&self.body) {
            Ok(text) => text,
            Err(error) => panic!("no text ({error}) in {self}"),
        }
    }

    /// The first header of this name, in any case; none when it is missing.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        match value.to_str() {
            Ok(value) => Some(value),
            Err(error) => panic!("header {name} is no text ({error}) in {self}"),
        }
    }

    /// The problem document (RFC 9457) of a refused request, if it is one to the letter: its media type, `status` as in
    /// the status line, this `code`, a `type`, a `title`, and as `instance` the request's id.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert!(self.status == status, "expected {status} from {self}");
        let media_type = self.header("content-type").unwrap_or_default();
        assert!(
            media_type.split(';').next() == Some("application/problem+json"),
            "expected the media type application/problem+json in {self}"
        );
        let problem = self.json();
        assert!(
            problem["status"] == status,
            "expected `status` {status} in {self}"
        );
        assert!(
            problem["code"] == code,
            "expected `code` {code:?} in {self}"
        );
        for member in ["type", "title"] {
            let is_there = problem[member]
                .as_str()
                .is_some_and(|text| !text.is_empty());
            assert!(is_there, "expected a `{member}` in {self}");
        }
        let request_id = self.header("x-request-id");
        assert!(
            request_id.is_some_and(|id| problem["instance"] == id),
            "expected the X-Request-ID as `instance` in {self}"
        );
        problem
    }
}

impl Display for Reply {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}\n{}", self.method, self.url, self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        let shown = self.body.len().min(SHOWN_BYTES);
        write!(f, "\n{}", String::from_utf8_lossy(&self.body[..shown]))?;
        if shown < self.body.len() {
            write!(f, "… {} bytes in all", self.body.len())?;
        }
        Ok(())
    }
}
