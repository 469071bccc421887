//! The one parameter of a path.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use crate::problem::{FieldError, Problem};

/// The value of the one parameter in the route's path.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: FromStr,
    T::Err: Display,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parameters = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::malformed("the path is no UTF-8"))?;
        // A route without a parameter that asks for one is a bug of ours.
        let (name, text) = parameters.iter().next().ok_or_else(Problem::internal)?;
        let value = text
            .parse()
            .map_err(|error| FieldError::in_parameter(name.to_owned(), &error));
        value
            .map(Self)
            .map_err(|error| Problem::validation(vec![error]))
    }
}
