//! What testkit takes from the environment: the one place of this crate that reads it.

use std::{env, ffi::OsString};

/// The search path of a system that sets none.
const PLAIN_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A variable's value; none when it is not set or empty.
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no main: this function stands in for it"
)]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The folders in which programs are looked for.
pub(crate) fn path() -> OsString {
    variable("PATH").unwrap_or_else(|| PLAIN_PATH.into())
}
