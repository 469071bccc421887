//! The origin of an image: the repository and the commit that it was built from, attested of its digest.
//!
//! Commits that change no input of an image share its digest, so an image may have several origins. Each names the service too:
//! a signature counts under any name, so that one service's image could take the tag of another's.

use std::fmt::{self, Display, Formatter};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::release::Service;

/// The type of the attestation's predicate.
pub(crate) const PREDICATE: &str = "urn:stocks-app:origin:v1";
const COMMIT_DIGITS: usize = 40;

/// The repository and the commit of a build.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Origin {
    /// `owner/name`.
    pub(crate) repository: String,
    /// All 40 hexadecimal digits.
    pub(crate) commit: String,
}

impl Origin {
    pub(crate) fn new(repository: &str, commit: &str) -> Result<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        ensure!(
            commit.len() == COMMIT_DIGITS && commit.bytes().all(is_digit),
            "\"{commit}\" is not a commit of {COMMIT_DIGITS} hexadecimal digits"
        );
        Ok(Self {
            repository: checked_repository(repository)?.to_owned(),
            commit: commit.to_owned(),
        })
    }

    /// The predicate that a build of this service attests.
    pub(crate) fn predicate(&self, service: Service) -> Value {
        let Self { repository, commit } = self;
        json!({"repository": repository, "commit": commit, "service": service.name()})
    }

    /// Returns true if one of these predicates names this repository, this commit and this service.
    pub(crate) fn is_among(&self, service: Service, predicates: &[Value]) -> bool {
        predicates.contains(&self.predicate(service))
    }
}

/// Returns true if one of these predicates names this service, and a commit that begins with these digits.
pub(crate) fn is_of_commit(service: Service, digits: &str, predicates: &[Value]) -> bool {
    predicates.iter().any(|predicate| {
        let commit = predicate["commit"].as_str().unwrap_or_default();
        predicate["service"] == service.name() && commit.starts_with(digits)
    })
}

impl Display for Origin {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {}", self.commit, self.repository)
    }
}

/// Returns the name of a repository if it is `owner/name`.
pub(crate) fn checked_repository(name: &str) -> Result<&str> {
    let is_valid = |part: &str| {
        let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !part.is_empty() && part != "." && part != ".." && part.bytes().all(is_of_name)
    };
    let parts = name.split_once('/');
    ensure!(
        parts.is_some_and(|(owner, name)| is_valid(owner) && is_valid(name)),
        "\"{name}\" is not a repository, owner/name"
    );
    Ok(name)
}

/// Returns `owner/name` of a repository's address: a URL, or `user@host:path` as ssh takes it. A path of this machine has none.
pub(crate) fn repository_of(address: &str) -> Result<String> {
    let path = match address.split_once("://") {
        Some(("https" | "http" | "ssh" | "git", rest)) => rest.split_once('/'),
        Some(_) => None,
        // With a slash before the colon it is a path (git-clone, "GIT URLS").
        None => address
            .split_once(':')
            .filter(|(host, _)| !host.contains('/')),
    };
    let (_, path) = path.with_context(|| format!("\"{address}\" is not on a server"))?;
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    checked_repository(path).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_the_whole_commit_in_the_same_repository_for_one_service() {
        let origin = Origin::new("owner/stocks-app", &"a".repeat(40)).unwrap();
        let named = |repository: &str, commit: &str| {
            let predicate = json!({"repository": repository, "commit": commit, "service": "trade"});
            origin.is_among(Service::Trade, &[Value::Null, predicate])
        };
        assert!(named("owner/stocks-app", &"a".repeat(40)));
        assert!(!named("owner/stocks-app", &"a".repeat(7)));
        assert!(!named("owner/stocks-app-fork", &"a".repeat(40)));
        assert!(!named("other/stocks-app", &"a".repeat(40)));
        let of_trade = [origin.predicate(Service::Trade)];
        assert!(origin.is_among(Service::Trade, &of_trade));
        assert!(!origin.is_among(Service::StockListing, &of_trade));
        let of_none = json!({"repository": "owner/stocks-app", "commit": "a".repeat(40)});
        assert!(!origin.is_among(Service::Trade, &[of_none]));
        assert!(!origin.is_among(Service::Trade, &[]));
    }

    #[test]
    fn a_commit_has_all_of_its_digits() {
        for wrong in ["", &"a".repeat(7), &"A".repeat(40), &"a".repeat(41)] {
            assert!(Origin::new("owner/name", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_repository_is_read_from_the_addresses_that_git_takes() {
        for address in [
            "https://github.com/owner/stocks-app.git",
            "https://user@github.com/owner/stocks-app/",
            "ssh://git@github.com:22/owner/stocks-app.git",
            "git@github.com:owner/stocks-app.git",
            "git@github.com:owner/stocks-app",
        ] {
            assert_eq!(repository_of(address).unwrap(), "owner/stocks-app");
        }
        for wrong in [
            "",
            ".",
            "/srv/owner/name",
            "../owner/name",
            "./a:owner/name",
            "file:///srv/owner/name",
            "https://github.com/owner",
            "https://github.com/group/owner/name",
            "https://github.com/owner/na me",
            "https://github.com/owner/..",
        ] {
            assert!(repository_of(wrong).is_err(), "{wrong}");
        }
    }
}
