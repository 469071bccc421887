//! Answers in their exact digits: a JSON number that was parsed has lost how it was written.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::http::Reply;

/// The members of a JSON object, each in its exact digits.
pub type Members = BTreeMap<String, Box<RawValue>>;

/// The members of an object that was answered.
#[track_caller]
pub fn members(reply: &Reply) -> Members {
    serde_json::from_str(reply.text()).unwrap_or_else(|error| panic!("{error} in {reply}"))
}

/// The objects of an array that was answered.
#[track_caller]
pub fn rows(reply: &Reply) -> Vec<Members> {
    serde_json::from_str(reply.text()).unwrap_or_else(|error| panic!("{error} in {reply}"))
}

/// Compares members with what they must be, as JSON texts.
#[track_caller]
pub fn assert_members(object: &Members, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        let found = object.get(*name).map(|found| found.get());
        assert_eq!(found, Some(*value), "{name} in {object:?}");
    }
}

/// The text of a member that is a string.
#[track_caller]
pub fn text_of(object: &Members, name: &str) -> String {
    serde_json::from_str(object[name].get()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The target of the Link to the next page, if there is one.
#[track_caller]
pub fn next_page(reply: &Reply) -> Option<String> {
    let link = reply.header("link")?;
    let target = link
        .strip_prefix('<')
        .and_then(|link| link.strip_suffix(">; rel=\"next\""));
    Some(
        target
            .unwrap_or_else(|| panic!("no next page in {reply}"))
            .to_owned(),
    )
}
