//! Problem documents (RFC 9457): the one shape of every failure.
//!
//! A handler's [`Problem`] travels in the response's extensions; the outermost layer
//! ([`crate::http`]) writes the document, since it alone knows the request's id.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// Media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// How a caller may say who they are (RFC 6750 section 3).
const CHALLENGE: &str = r#"Bearer realm="stocks""#;

/// Seconds after which a client may try again when a service is short of something.
const RETRY_AFTER_SECONDS: u16 = 1;

/// Why a request failed.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: Cow<'static, str>,
    errors: Box<[FieldError]>,
    extensions: BTreeMap<&'static str, Box<RawValue>>,
    aside: Box<Aside>,
}

/// What few problems have, and what does not stand in the document.
#[derive(Clone, Debug, Default)]
struct Aside {
    cause: Option<String>,
    /// How long to wait, where somebody has asked too much.
    wait: Option<Duration>,
}

/// What is wrong with one part of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Name of a parameter of the path, the query or the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<Cow<'static, str>>,
    /// What is wrong with it.
    pub detail: String,
}

/// A problem document (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument<'a> {
    /// URN of the kind of problem.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem, for people.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What went wrong this time.
    detail: &'a str,
    /// The kind of problem, for programs; it never changes.
    code: &'a str,
    /// Id of the request, as in X-Request-ID.
    instance: &'a str,
    /// The parts of the request that are wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(flatten)]
    #[schema(ignore)]
    extensions: &'a BTreeMap<&'static str, Box<RawValue>>,
}

impl Problem {
    /// A problem of a kind: its status, its stable code in `snake_case`, its title.
    pub fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self {
            status,
            code,
            title,
            detail: title.into(),
            errors: Box::default(),
            extensions: BTreeMap::new(),
            aside: Box::default(),
        }
    }

    /// Its stable code.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// 422: the request can be read, but parts of it are wrong.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let detail = errors.first().map_or_else(String::new, FieldError::summary);
        let problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "validation_failed",
            "The request is not valid",
        );
        Self {
            errors: errors.into(),
            ..problem.detail(detail)
        }
    }

    /// 400: the request cannot be read.
    pub fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed_request",
            "The request cannot be read",
        )
        .detail(detail)
    }

    /// 401: nobody knows who asks.
    pub fn unauthenticated(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "It is not known who asks",
        )
        .detail(detail)
    }

    /// 403: it is known who asks, and they may not.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "Who asks may not do this",
        )
        .detail(detail)
    }

    /// 429: an address or a caller has had its requests; how long to wait.
    pub(crate) fn rate_limited(kind: &'static str, wait: Duration) -> Self {
        let mut problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            "There are too many requests",
        );
        problem.aside.wait = Some(wait);
        problem.detail(format!("this {kind} has had its requests of this second"))
    }

    /// 503: something that the service needs is missing for now.
    pub fn unavailable(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code,
            "The service is not available",
        )
        .detail(detail)
    }

    /// 500: our fault; what went wrong is logged, not told.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "The service failed",
        )
    }

    /// The problem of a bare status, for answers that were made elsewhere.
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => {
                Self::new(status, "not_found", "There is nothing at this path")
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::new(status, "method_not_allowed", "This path has no such method")
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                Self::unavailable("unavailable", "try again in a moment")
            }
            _ if status.is_client_error() => {
                Self::new(status, "bad_request", "The request cannot be served")
            }
            _ => Self::internal(),
        }
    }

    /// Says what went wrong this time.
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Says why, for the log alone: it is written there with the request's id, and never told.
    pub fn because(mut self, cause: impl Display) -> Self {
        self.aside.cause = Some(cause.to_string());
        self
    }

    /// What the log is to say of it.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.aside.cause.as_deref()
    }

    /// Adds a member of this kind of problem.
    pub fn with(mut self, name: &'static str, value: &impl Serialize) -> Self {
        if let Ok(value) = serde_json::value::to_raw_value(value) {
            self.extensions.insert(name, value);
        }
        self
    }

    /// The first part that is wrong, or the whole as one.
    pub(crate) fn into_first_error(self) -> FieldError {
        let whole = FieldError::at("", &self.detail);
        self.errors.into_vec().into_iter().next().unwrap_or(whole)
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The document, with the request's id as its instance.
    pub fn to_json(&self, instance: &str) -> String {
        let document = ProblemDocument {
            kind: format!("urn:stocks-app:problem:{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            instance,
            errors: &self.errors,
            extensions: &self.extensions,
        };
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// The whole answer, with the request's id as its instance.
    pub fn render(&self, instance: &str) -> Response {
        let content_type = HeaderValue::from_static(PROBLEM_JSON);
        let mut response = (
            self.status,
            [(header::CONTENT_TYPE, content_type)],
            self.to_json(instance),
        )
            .into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        if let Some(wait) = self.aside.wait {
            // Whole seconds (RFC 9110 section 10.2.3), and not too few.
            let seconds = wait.as_secs().saturating_add(1);
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static(CHALLENGE);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl FieldError {
    /// An error at a place in the body, by its JSON pointer; the whole body is "".
    pub fn at(pointer: impl Into<String>, detail: &(impl ToString + ?Sized)) -> Self {
        Self {
            pointer: Some(pointer.into()),
            parameter: None,
            detail: detail.to_string(),
        }
    }

    /// An error in a parameter of the path, the query or a header.
    pub fn in_parameter(
        name: impl Into<Cow<'static, str>>,
        detail: &(impl ToString + ?Sized),
    ) -> Self {
        Self {
            pointer: None,
            parameter: Some(name.into()),
            detail: detail.to_string(),
        }
    }

    /// The place and what is wrong with it, in one line.
    pub fn summary(&self) -> String {
        let place = self
            .parameter
            .as_deref()
            .or(self.pointer.as_deref())
            .unwrap_or_default();
        if place.is_empty() {
            self.detail.clone()
        } else {
            format!("{place}: {}", self.detail)
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
