//! JSON bodies: bounded, typed, and refused with the place that is wrong.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::problem::{FieldError, Problem};

/// Largest body of an ordinary request, in bytes.
pub const BODY_LIMIT_BYTES: usize = 64 * 1024;

/// A JSON body of type `T` and at most `LIMIT` bytes.
#[derive(Clone, Copy, Debug)]
pub struct Json<T, const LIMIT: usize = BODY_LIMIT_BYTES>(pub T);

impl<T: DeserializeOwned, S: Sync, const LIMIT: usize> FromRequest<S> for Json<T, LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if essence(request.headers().get(header::CONTENT_TYPE)) != "application/json" {
            return Err(unsupported("Content-Type must be application/json"));
        }
        let body = read(request.into_body(), LIMIT).await?;
        parse_object(&body).map(Self)
    }
}

/// A content type without its parameters, in lower case.
pub(super) fn essence(kind: Option<&HeaderValue>) -> String {
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

pub(super) fn unsupported(rule: &'static str) -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        rule,
    )
}

pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let problem = Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The body is too large",
            );
            Err(problem.detail(format!("a body may have at most {limit} bytes")))
        }
        Err(_) => Err(Problem::malformed("the body ended early")),
    }
}

/// Reads a value that is no array: a struct can be read from an array of its fields as well, which nobody means to send.
pub(super) fn parse_object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::validation(vec![FieldError::at(
            "",
            "must be an object",
        )]));
    }
    parse(body)
}

pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    // The path of an error costs time on each field, so it is only sought once there is an error.
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => Problem::validation(vec![locate::<T>(body)]),
        Category::Eof | Category::Syntax | Category::Io => {
            Problem::malformed(format!("the body is no JSON: {error}"))
        }
    })
}

fn locate<'a, T: Deserialize<'a>>(body: &'a [u8]) -> FieldError {
    let mut json = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Ok(_) => FieldError::at("", "the body has something after its end"),
        Err(error) => FieldError::at(pointer(error.path()), &detail(error.inner())),
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        let token = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.clone(),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
    }
    pointer
}

/// The message without the position that `serde_json` adds: the pointer names the place.
fn detail(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message
        .split(" at line ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[serde(rename = "quantity")]
        _quantity: market::Quantity,
    }

    fn refusal(body: &str) -> serde_json::Value {
        let problem = parse_object::<Order>(body.as_bytes()).unwrap_err();
        serde_json::from_str(&problem.to_json("id")).unwrap()
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        for body in [
            "",
            "{",
            "{\"quantity\":NaN}",
            "{\"quantity\":1}}",
            "\u{0}",
            "{'quantity':1}",
        ] {
            assert_eq!(refusal(body)["code"], "malformed_request", "{body}");
        }
    }

    #[test]
    fn what_is_wrong_in_the_body_is_pointed_at() {
        for (body, pointer) in [
            ("{\"quantity\":0}", "/quantity"),
            ("{\"quantity\":1e400}", "/quantity"),
            ("{\"quantity\":null}", "/quantity"),
            ("{\"quantity\":[[[]]]}", "/quantity"),
            ("{\"quantity\":1,\"quantity\":2}", ""),
            ("{\"quantity\":1,\"price\":2}", "/price"),
            ("{}", ""),
            ("[]", ""),
            (" [1]", ""),
            ("7", ""),
        ] {
            let problem = refusal(body);
            assert_eq!(problem["code"], "validation_failed", "{body}");
            assert_eq!(
                problem["errors"][0]["pointer"], pointer,
                "{body}: {problem}"
            );
        }
    }
}
