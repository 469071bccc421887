//! The parameters of a query: each at most once, none unknown, every wrong one named.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::problem::{FieldError, Problem};

/// The query of a request, read into `T`.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

/// A type that is read from the parameters of a query.
pub trait FromQuery: Sized {
    /// Takes its parameters; what is wrong with them is remembered there.
    fn from_query(parameters: &mut Parameters) -> Option<Self>;
}

/// The parameters that are left to take, and what was wrong with those taken.
#[derive(Debug, Default)]
pub struct Parameters {
    values: BTreeMap<String, String>,
    errors: Vec<FieldError>,
}

impl Parameters {
    /// A parameter that may be left out.
    pub fn optional<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.values.remove(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.errors.push(FieldError::in_parameter(name, &error));
                None
            }
        }
    }

    /// A parameter that must be there.
    pub fn required<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        if !self.values.contains_key(name) {
            self.errors
                .push(FieldError::in_parameter(name, "is required"));
        }
        self.optional(name)
    }

    /// A whole number within bounds, `default` when it is left out.
    pub fn bounded(
        &mut self,
        name: &'static str,
        bounds: RangeInclusive<u32>,
        default: u32,
    ) -> u32 {
        let Some(text) = self.values.remove(name) else {
            return default;
        };
        match text.parse() {
            Ok(value) if bounds.contains(&value) => value,
            _ => {
                let rule = format!(
                    "must be a whole number from {} to {}",
                    bounds.start(),
                    bounds.end()
                );
                self.errors.push(FieldError::in_parameter(name, &rule));
                default
            }
        }
    }

    fn parse(query: &str) -> Result<Self, Problem> {
        let mut parameters = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if parameters.values.insert(name.clone(), value).is_some() {
                parameters
                    .errors
                    .push(FieldError::in_parameter(name, "is given more than once"));
            }
        }
        Ok(parameters)
    }

    fn finish<T: FromQuery>(mut self) -> Result<T, Problem> {
        let value = T::from_query(&mut self);
        for name in std::mem::take(&mut self.values).into_keys() {
            self.errors.push(FieldError::in_parameter(
                name,
                "is no parameter of this call",
            ));
        }
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(Problem::validation(self.errors)),
        }
    }
}

/// Decodes a part of a query, in which a plus sign stands for a space (WHATWG URL, section 5.1).
fn decode(text: &str) -> Result<String, Problem> {
    let text: Cow<'_, str> = if text.contains('+') {
        text.replace('+', " ").into()
    } else {
        text.into()
    };
    let decoded = percent_decode_str(&text).decode_utf8();
    decoded
        .map(Cow::into_owned)
        .map_err(|_| Problem::malformed("the query is no UTF-8"))
}

impl<T: FromQuery, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Parameters::parse(parts.uri.query().unwrap_or_default())?
            .finish()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Page {
        limit: u32,
        name: Option<String>,
    }

    impl FromQuery for Page {
        fn from_query(parameters: &mut Parameters) -> Option<Self> {
            let limit = parameters.bounded("limit", 1..=1_000, 100);
            Some(Self {
                limit,
                name: parameters.optional("name"),
            })
        }
    }

    fn read(query: &str) -> Result<Page, Problem> {
        Parameters::parse(query)?.finish()
    }

    #[test]
    fn a_query_is_decoded_as_forms_are() {
        let name = Some("a b&c é".to_owned());
        assert_eq!(
            read("name=a+b%26c+%C3%A9&limit=5").unwrap(),
            Page { limit: 5, name }
        );
        assert_eq!(
            read("").unwrap(),
            Page {
                limit: 100,
                name: None
            }
        );
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        for (query, parameters) in [
            ("limit=0", vec!["limit"]),
            ("limit=-1", vec!["limit"]),
            ("limit=1000000000", vec!["limit"]),
            ("limit=", vec!["limit"]),
            ("limit=1&limit=2", vec!["limit"]),
            ("page=2&limit=x", vec!["limit", "page"]),
        ] {
            let problem = read(query).unwrap_err();
            let problem: serde_json::Value = serde_json::from_str(&problem.to_json("id")).unwrap();
            let named: Vec<_> = problem["errors"]
                .as_array()
                .unwrap()
                .iter()
                .map(|error| &error["parameter"])
                .collect();
            assert_eq!(named, parameters, "{query}");
        }
    }

    #[test]
    fn a_query_that_is_no_utf8_is_malformed() {
        assert_eq!(
            read("name=%FF").unwrap_err().status(),
            http::StatusCode::BAD_REQUEST
        );
    }
}
