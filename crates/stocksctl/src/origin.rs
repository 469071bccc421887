//! The origin of an image: the repository and the commit that it was built from, attested of its digest.
//!
//! Commits that change no input of an image share its digest, so an image may have several origins.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The type of the attestation's predicate.
pub(crate) const PREDICATE: &str = "urn:stocks-app:origin:v1";

/// The repository and the commit of a build.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Origin {
    /// `owner/name`.
    pub(crate) repository: String,
    /// All 40 hexadecimal digits.
    pub(crate) commit: String,
}

impl Origin {
    /// Returns true if one of these predicates names this repository and this commit.
    pub(crate) fn is_among(&self, predicates: &[Value]) -> bool {
        predicates
            .iter()
            .any(|predicate| Self::deserialize(predicate).is_ok_and(|origin| origin == *self))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_origin_is_the_whole_commit_in_the_same_repository() {
        let origin = Origin {
            repository: "owner/stocks-app".to_owned(),
            commit: "a".repeat(40),
        };
        let named = |repository: &str, commit: &str| {
            let predicate = json!({"repository": repository, "commit": commit});
            origin.is_among(&[Value::Null, predicate])
        };
        assert!(named("owner/stocks-app", &"a".repeat(40)));
        assert!(!named("owner/stocks-app", &"a".repeat(7)));
        assert!(!named("owner/stocks-app-fork", &"a".repeat(40)));
        assert!(!named("other/stocks-app", &"a".repeat(40)));
        assert!(!origin.is_among(&[]));
    }
}
