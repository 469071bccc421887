//! Many JSON items in one body: an array, or one item a line (NDJSON). Each is read on its own.

use axum::extract::{FromRequest, Request};
use http::header;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::body::{essence, parse, parse_object, read, unsupported};
use crate::problem::{FieldError, Problem};

const NDJSON: [&str; 2] = ["application/x-ndjson", "application/ndjson"];

/// The items of a body of at most `LIMIT` bytes, each read or found wrong.
#[derive(Debug)]
pub struct Items<T, const LIMIT: usize>(pub Vec<Result<T, FieldError>>);

impl<T: DeserializeOwned, S: Sync, const LIMIT: usize> FromRequest<S> for Items<T, LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind = essence(request.headers().get(header::CONTENT_TYPE));
        let is_lines = NDJSON.contains(&kind.as_str());
        if !is_lines && kind != "application/json" {
            return Err(unsupported(
                "Content-Type must be application/json or application/x-ndjson",
            ));
        }
        let body = read(request.into_body(), LIMIT).await?;
        let items = if is_lines {
            lines(&body)
        } else {
            array(&body)?
        };
        Ok(Self(items))
    }
}

fn array<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<Result<T, FieldError>>, Problem> {
    let items: Vec<&RawValue> = parse(body)?;
    Ok(items
        .into_iter()
        .map(|item| read_item(item.get().as_bytes()))
        .collect())
}

fn lines<T: DeserializeOwned>(body: &[u8]) -> Vec<Result<T, FieldError>> {
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines
        .filter(|line| !line.is_empty())
        .map(read_item)
        .collect()
}

fn read_item<T: DeserializeOwned>(item: &[u8]) -> Result<T, FieldError> {
    parse_object(item).map_err(Problem::into_first_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(items: Vec<Result<market::Price, FieldError>>) -> Vec<Option<i128>> {
        items
            .into_iter()
            .map(|item| item.ok().map(market::Price::units))
            .collect()
    }

    #[test]
    fn a_wrong_item_leaves_the_others_right() {
        let expected = [Some(10_000), None, None, Some(5_000)];
        assert_eq!(units(array(b"[1, 0, {}, \"0.5\"]").unwrap()), expected);
        assert_eq!(units(lines(b"1\n0\r\n\n{\n0.5")), expected);
        assert!(array::<market::Price>(b"{}").is_err());
    }
}
