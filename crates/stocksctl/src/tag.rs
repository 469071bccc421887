//! Names of releases: what each kind is for, and which never move.
//!
//! | tag | names |
//! |---|---|
//! | `git-<sha7>` | what was built from a commit; never moves |
//! | `dev-<sha7>`, `stage-<sha7>` | what came into service there |
//! | `v<semver>` | a version; never moves, and no other name begins with `v` |
//! | `latest` | what prod serves |
//! | `dirty-<sha7>` | a commit with files that differ from it |
//! | `unsigned-<sha7>` | a commit, built without a signature |

use semver::Version;

use crate::environment::Environment;

/// Digits of a commit in a tag.
pub(crate) const COMMIT_DIGITS: usize = 7;
const MAX_LENGTH: usize = 128;
/// The tag of the release that serves in prod: it moves.
pub(crate) const LATEST: &str = "latest";

/// The state of the files that an image is built from, and of the image.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BuildKind {
    /// The files of a commit, signed: the only kind whose tag never moves.
    Commit,
    /// Files that differ from the commit.
    Dirty,
    /// The files of a commit, without a signature.
    Unsigned,
}

/// The name of what was built from a commit.
pub(crate) fn of_commit(commit: &str, kind: BuildKind) -> String {
    let kind = match kind {
        BuildKind::Commit => "git",
        BuildKind::Dirty => "dirty",
        BuildKind::Unsigned => "unsigned",
    };
    format!("{kind}-{}", &commit[..COMMIT_DIGITS.min(commit.len())])
}

/// The names that Harbor never moves, as its rule has it. Not those of builds: their signature and attestation guard them, and a
/// rule would keep every build for ever.
pub(crate) const FIXED_IN_HARBOR: &str = "v*";

/// A name that no release gets.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Unusable {
    /// Registries do not take it.
    #[error("\"{0}\" is not a valid tag")]
    Invalid(String),
    /// Harbor would fix it like a version.
    #[error("\"{0}\" begins with v and is not a version such as v1.4.2: tags v* never move")]
    NoVersion(String),
}

/// Returns true if it names the same digest for ever.
pub(crate) fn is_fixed(tag: &str) -> bool {
    tag.starts_with("git-") || is_version_like(tag)
}

/// Refuses a name that a release cannot have.
pub(crate) fn check_new(tag: &str) -> Result<(), Unusable> {
    if !is_valid(tag) {
        Err(Unusable::Invalid(tag.to_owned()))
    } else if is_version_like(tag) && !is_version(tag) {
        Err(Unusable::NoVersion(tag.to_owned()))
    } else {
        Ok(())
    }
}

/// Returns true if Harbor's rule matches it.
pub(crate) fn is_version_like(tag: &str) -> bool {
    tag.starts_with(FIXED_IN_HARBOR.trim_end_matches('*'))
}

/// Whether it is `v` and a version (semver.org).
pub(crate) fn is_version(tag: &str) -> bool {
    tag.strip_prefix('v')
        .is_some_and(|version| Version::parse(version).is_ok())
}

/// Whether a registry takes it (OCI distribution specification, "Pulling manifests").
pub(crate) fn is_valid(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = tag.bytes();
    bytes.next().is_some_and(is_word)
        && tag.len() <= MAX_LENGTH
        && bytes.all(|byte| is_word(byte) || byte == b'.' || byte == b'-')
}

/// The commit that a tag speaks of.
pub(crate) fn commit(tag: &str) -> Option<&str> {
    let (kind, commit) = tag.split_once('-')?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_commit = commit.len() >= COMMIT_DIGITS && commit.bytes().all(is_digit);
    (matches!(kind, "git" | "dev" | "stage") && is_commit).then_some(commit)
}

/// The names that a release gets once it serves, beside the one that it was asked for by and `further` ones.
pub(crate) fn once_in_service(
    environment: Environment,
    asked: &str,
    further: &[String],
) -> Vec<String> {
    let mut tags = further.to_vec();
    match environment {
        Environment::Dev | Environment::Stage => {
            tags.extend(commit(asked).map(|commit| format!("{environment}-{commit}")));
        }
        Environment::Prod => tags.push(LATEST.to_owned()),
    }
    tags.retain(|tag| tag != asked);
    tags.sort();
    tags.dedup();
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_and_versions_never_move() {
        for fixed in [
            "git-a1b2c3d",
            "v1.4.2",
            "v1.4.2-rc.1",
            "v9x",
            "v1",
            "version",
        ] {
            assert!(is_fixed(fixed), "{fixed}");
        }
        for movable in ["latest", "dev-a1b2c3d", "stage-a1b2c3d", "1.4.2", "V1.4.2"] {
            assert!(!is_fixed(movable), "{movable}");
        }
    }

    #[test]
    fn a_name_that_harbor_would_fix_is_a_version() {
        for usable in ["v1.4.2", "v1.4.2-rc.1", "latest", "e2e-mark", "V9x"] {
            assert_eq!(check_new(usable), Ok(()), "{usable}");
        }
        for tag in ["v9x", "v", "v1", "v1.4", "vx.y.z", "version"] {
            assert_eq!(check_new(tag), Err(Unusable::NoVersion(tag.to_owned())));
        }
        // Semver's build metadata has a character that no tag has.
        for tag in ["", "a b", "v1.0.0+build"] {
            assert_eq!(check_new(tag), Err(Unusable::Invalid(tag.to_owned())));
        }
    }

    #[test]
    fn a_tag_is_what_registries_take() {
        for valid in ["a", "_x", "v1.2.3-rc.1", "git-a1b2c3d", &"a".repeat(128)] {
            assert!(is_valid(valid), "{valid}");
        }
        for wrong in [
            "",
            "-a",
            ".a",
            "a b",
            "a/b",
            "a:b",
            "a@b",
            "ä",
            &"a".repeat(129),
        ] {
            assert!(!is_valid(wrong), "{wrong}");
        }
    }

    #[test]
    fn what_serves_is_named_as_the_environment_does() {
        use Environment::{Dev, Prod, Stage};
        let version = ["v1.4.2".to_owned()];
        let cases: [(Environment, &str, &[String], &[&str]); 8] = [
            (Dev, "git-a1b2c3d", &[], &["dev-a1b2c3d"]),
            (Dev, "dev-a1b2c3d", &[], &[]),
            (Stage, "dev-a1b2c3d", &[], &["stage-a1b2c3d"]),
            (Stage, "v1.4.2", &[], &[]),
            (Dev, "feature-x", &[], &[]),
            (Prod, "v1.4.2", &[], &["latest"]),
            (Prod, "stage-a1b2c3d", &version, &["latest", "v1.4.2"]),
            (Prod, "latest", &[], &[]),
        ];
        for (environment, asked, further, expected) in cases {
            assert_eq!(
                once_in_service(environment, asked, further),
                expected,
                "{environment} {asked}"
            );
        }
    }

    #[test]
    fn only_a_signed_build_of_a_commit_has_a_tag_that_never_moves() {
        for (kind, tag, never_moves) in [
            (BuildKind::Commit, "git-a1b2c3d", true),
            (BuildKind::Dirty, "dirty-a1b2c3d", false),
            (BuildKind::Unsigned, "unsigned-a1b2c3d", false),
        ] {
            assert_eq!(of_commit("a1b2c3d4e5f6", kind), tag);
            assert_eq!(is_fixed(tag), never_moves, "{tag}");
        }
    }
}
