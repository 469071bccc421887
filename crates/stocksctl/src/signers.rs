//! The identities whose signatures count: public keys and workflows, each with the last day on which it counts.
//!
//! Several may count at a time, so that a key can be replaced while releases that were signed with the old one still serve.
//! They are read from a file with one identity a line:
//!
//! ```text
//! # The runner's key until it was replaced.
//! key cosign-2026.pub exp:2027-03-31
//! key cosign-2027.pub exp:2028-03-31
//! workflow owner/stocks-app exp:2028-03-31
//! ```

use std::path::Path;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail, ensure};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// The refs whose runs may sign. One digest serves in all environments, so these are the same everywhere.
const REFS: &str = "refs/(heads/(develop|release/.+)|tags/v.+)";
/// Limit of a file, so that each image needs few calls of cosign.
const MAX_SIGNERS: usize = 16;

/// A repository on GitHub, `owner/name`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct RepositoryName(String);

/// It is not the name of a repository.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is not a repository: OWNER/NAME, of letters, digits, '.', '_' and '-'")]
pub(crate) struct InvalidRepositoryName(String);

impl FromStr for RepositoryName {
    type Err = InvalidRepositoryName;

    fn from_str(text: &str) -> Result<Self, InvalidRepositoryName> {
        let is_valid = |part: &str| {
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            !part.is_empty() && part != "." && part != ".." && part.bytes().all(is_allowed)
        };
        match text.split_once('/') {
            Some((owner, name)) if is_valid(owner) && is_valid(name) => Ok(Self(text.to_owned())),
            _ => Err(InvalidRepositoryName(text.to_owned())),
        }
    }
}

impl TryFrom<String> for RepositoryName {
    type Error = InvalidRepositoryName;

    fn try_from(text: String) -> Result<Self, InvalidRepositoryName> {
        text.parse()
    }
}

impl From<RepositoryName> for String {
    fn from(name: RepositoryName) -> Self {
        name.0
    }
}

impl RepositoryName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A signer that is trusted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Identity {
    /// The owner of the private key to this public one: a file, a reference to a key store, or the key itself as PEM.
    Key(String),
    /// A workflow, by the certificate that it was given for its token.
    Workflow {
        /// A regular expression for the certificate's identity, anchored at both ends.
        identity: String,
        /// The issuer of the token.
        issuer: String,
    },
}

impl Identity {
    /// The workflow that builds releases of this repository, at the refs that are released.
    pub(crate) fn of_repository(repository: &RepositoryName, issuer: &str) -> Self {
        Self::Workflow {
            identity: expression(repository),
            issuer: issuer.to_owned(),
        }
    }

    /// A workflow by an expression of the caller's, which must match whole identities only.
    pub(crate) fn of_expression(expression: &str, issuer: &str) -> Result<Self> {
        check_anchored(expression).with_context(|| {
            format!(
                "the identity \"{expression}\" is refused; COSIGN_CERTIFICATE_REPOSITORY=OWNER/NAME names one that is exact"
            )
        })?;
        Ok(Self::Workflow {
            identity: expression.to_owned(),
            issuer: issuer.to_owned(),
        })
    }

    /// The same with the key itself instead of the file that has it, for a record that is read elsewhere.
    pub(crate) fn with_key_read(self) -> Result<Self> {
        match self {
            Self::Key(key) if !key.contains("://") && !is_pem(&key) => {
                let pem = std::fs::read_to_string(&key).with_context(|| key.clone())?;
                ensure!(is_pem(&pem), "{key} is not a public key in PEM");
                Ok(Self::Key(pem))
            }
            other => Ok(other),
        }
    }
}

/// Returns true for a key itself, as against a file or a reference to it.
pub(crate) fn is_pem(key: &str) -> bool {
    key.starts_with("-----BEGIN PUBLIC KEY-----")
}

/// The workflow file, as GitHub's API names it.
pub(crate) const WORKFLOW_PATH: &str = ".github/workflows/ci-cd.yml";

/// Returns true for a token's `job_workflow_ref` of the workflow that builds releases, at a ref that is released.
pub(crate) fn is_release_workflow(repository: &RepositoryName, workflow_ref: &str) -> bool {
    let start = format!("{}/{WORKFLOW_PATH}@", repository.as_str());
    let Some(at) = workflow_ref.strip_prefix(&start) else {
        return false;
    };
    let is_below = |prefix| {
        at.strip_prefix(prefix)
            .is_some_and(|rest: &str| !rest.is_empty())
    };
    at == "refs/heads/develop" || is_below("refs/heads/release/") || is_below("refs/tags/v")
}

/// The regular expression (RE2, as cosign reads it) for certificates of the workflow.
fn expression(repository: &RepositoryName) -> String {
    // Of all characters that a name may have, the dot alone means something in an expression.
    let [repository, workflow] =
        [repository.as_str(), WORKFLOW_PATH].map(|it| it.replace('.', r"\."));
    format!(r"^https://github\.com/{repository}/{workflow}@{REFS}$")
}

/// Fails for an expression that also matches identities which merely contain what it names.
fn check_anchored(expression: &str) -> Result<()> {
    let inner = expression
        .strip_prefix('^')
        .context("it does not begin with ^, so it matches names with any text before it")?;
    // RE2 takes a repetition of the anchor itself.
    ensure!(
        !inner.starts_with(['*', '+', '?', '{']),
        "it repeats its ^, so it matches names with any text before it"
    );
    let mut depth = 0_u32;
    let mut is_in_class = false;
    let mut rest = inner.chars().peekable();
    let mut ends_with_anchor = false;
    while let Some(character) = rest.next() {
        ends_with_anchor = false;
        match character {
            '\\' => {
                // `\Q` quotes all up to `\E`, and would hide what this loop looks for.
                ensure!(
                    rest.next().is_some_and(|next| next != 'Q'),
                    "it has \\Q, or ends with a backslash"
                );
            }
            ']' if is_in_class => is_in_class = false,
            _ if is_in_class => {}
            '[' => is_in_class = true,
            '(' => {
                depth += 1;
                if rest.peek() == Some(&'?') {
                    rest.next();
                    ensure!(
                        rest.next() == Some(':'),
                        "it has a group with flags, which may change what ^ and $ mean"
                    );
                }
            }
            ')' => {
                depth = depth
                    .checked_sub(1)
                    .context("a parenthesis is not opened")?;
            }
            '|' if depth == 0 => {
                bail!("it has | outside of parentheses, so ^ and $ hold for one side each")
            }
            '$' => ends_with_anchor = depth == 0,
            _ => {}
        }
    }
    ensure!(
        depth == 0 && !is_in_class,
        "a parenthesis or bracket is not closed"
    );
    ensure!(
        ends_with_anchor,
        "it does not end with $, so it matches names with any text after it"
    );
    Ok(())
}

/// An identity and the last day on which it counts.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrustedSigner {
    pub(crate) identity: Identity,
    /// None: it counts until it is taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<NaiveDate>,
}

/// The identities that are trusted for one purpose.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Signers(Vec<TrustedSigner>);

impl Signers {
    /// One identity without an end.
    pub(crate) fn one(identity: Identity) -> Self {
        let until = None;
        Self(vec![TrustedSigner { identity, until }])
    }

    /// Reads a file's text. Keys are looked for in `folder`; tokens of workflows come from `issuer`.
    pub(crate) fn parse(text: &str, folder: &Path, issuer: &str) -> Result<Self> {
        let mut signers = Vec::new();
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let signer = parse_line(line, folder, issuer);
            signers.push(signer.with_context(|| format!("line {number}: {line}"))?);
        }
        ensure!(!signers.is_empty(), "it names no signer");
        ensure!(
            signers.len() <= MAX_SIGNERS,
            "it names more than {MAX_SIGNERS} signers"
        );
        Ok(Self(signers))
    }

    /// The identities that count on this day; there is at least one.
    pub(crate) fn live(&self, today: NaiveDate) -> Result<Vec<Identity>> {
        let is_live = |signer: &&TrustedSigner| signer.until.is_none_or(|until| today <= until);
        let live: Vec<_> = self.0.iter().filter(is_live).collect();
        if let (true, Some(last)) = (
            live.is_empty(),
            self.0.iter().filter_map(|signer| signer.until).max(),
        ) {
            bail!("no key or identity counts any more: the last one ended on {last}");
        }
        ensure!(!live.is_empty(), "no key or identity is trusted");
        Ok(live.into_iter().map(|it| it.identity.clone()).collect())
    }

    /// The same with the keys themselves instead of the files that have them.
    pub(crate) fn with_keys_read(self) -> Result<Self> {
        let read = |signer: TrustedSigner| {
            let identity = signer.identity.with_key_read()?;
            Ok(TrustedSigner { identity, ..signer })
        };
        self.0
            .into_iter()
            .map(read)
            .collect::<Result<_>>()
            .map(Self)
    }
}

fn parse_line(line: &str, folder: &Path, issuer: &str) -> Result<TrustedSigner> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [kind, name, until] = words[..] else {
        bail!("a line is `key FILE exp:YYYY-MM-DD` or `workflow OWNER/NAME exp:YYYY-MM-DD`");
    };
    let until = until
        .strip_prefix("exp:")
        .context("it has no day on which it ends: exp:YYYY-MM-DD")?;
    let until = until.parse().with_context(|| format!("the day {until}"))?;
    let identity = match kind {
        "key" if name.contains("://") => Identity::Key(name.to_owned()),
        "key" => Identity::Key(folder.join(name).display().to_string()),
        "workflow" => Identity::of_repository(&name.parse()?, issuer),
        other => bail!("{other} is neither key nor workflow"),
    };
    Ok(TrustedSigner {
        identity,
        until: Some(until),
    })
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    const ISSUER: &str = "https://token.actions.githubusercontent.com";

    fn matches(repository: &str, identity: &str) -> bool {
        let repository = repository.parse().unwrap();
        let is_match = Regex::new(&expression(&repository))
            .unwrap()
            .is_match(identity);
        // The same rule for the claims of a token, which have no line ends.
        if let (Some(claim), false) = (
            identity.strip_prefix("https://github.com/"),
            identity.contains('\n'),
        ) {
            assert_eq!(is_release_workflow(&repository, claim), is_match, "{claim}");
        }
        is_match
    }

    #[test]
    fn an_identity_is_one_workflow_of_one_repository_at_a_ref_that_is_released() {
        let here =
            |run: &str| format!("https://github.com/owner/stocks.app/.github/workflows/{run}");
        for run in [
            "ci-cd.yml@refs/heads/develop",
            "ci-cd.yml@refs/heads/release/1.4",
            "ci-cd.yml@refs/heads/release/1.4/fix",
            "ci-cd.yml@refs/tags/v1.4.2",
        ] {
            assert!(matches("owner/stocks.app", &here(run)), "{run}");
        }
        let mut foreign: Vec<String> = [
            "ci-cd.yml@refs/heads/feature",
            "ci-cd.yml@refs/heads/main",
            "ci-cd.yml@refs/heads/develop-x",
            "ci-cd.yml@refs/heads/develop/x",
            "ci-cd.yml@refs/heads/release/",
            "ci-cd.yml@refs/heads/release",
            "ci-cd.yml@refs/heads/v1.4.2",
            "ci-cd.yml@refs/tags/x",
            "ci-cd.yml@refs/tags/v",
            "ci-cd.yml@refs/tags/release/1.4",
            "ci-cd.yml@refs/pull/7/merge",
            "ci-cd.yml@refs/heads/feature/refs/heads/develop",
            "ci-cd.yml@develop",
            "ci-cd.yml@",
            "ci-cd.yml@refs/heads/develop\n",
            "ci-cd.yml@refs/heads/develop\nx",
            "ci-cd.yml@refs/tags/v1\n",
            "other.yml@refs/heads/develop",
            "ci-cdxyml@refs/heads/develop",
            "sub/ci-cd.yml@refs/heads/develop",
            "rollback.yml@refs/heads/develop",
        ]
        .map(here)
        .into();
        let run = "/.github/workflows/ci-cd.yml@refs/heads/develop";
        foreign.extend(
            [
                "https://github.com/fork/stocks.app",
                "https://github.com/owner/stocks.app-2",
                "https://github.com/owner/stocks",
                "https://github.com/owner/stocksxapp",
                "https://github.com/xowner/stocks.app",
                "https://githubxcom/owner/stocks.app",
                "https://github.com.evil.example/owner/stocks.app",
                "http://github.com/owner/stocks.app",
                "https://evil.example/https://github.com/owner/stocks.app",
                "x\nhttps://github.com/owner/stocks.app",
            ]
            .map(|start| format!("{start}{run}")),
        );
        for identity in foreign {
            assert!(!matches("owner/stocks.app", &identity), "{identity:?}");
        }
    }

    #[test]
    fn a_repository_has_an_owner_and_a_name_without_characters_of_expressions() {
        for valid in ["owner/stocks-app", "o_1/Stocks.App", "a/.github"] {
            assert!(valid.parse::<RepositoryName>().is_ok(), "{valid}");
        }
        for invalid in [
            "", "/", "owner", "owner/", "/name", "a/b/c", "a/..", "./b", "a/b*", "a/b|c", "a/(b)",
            "a/b ", "a/b\n", "a/b\\", "a/b\"", "a/é",
        ] {
            assert!(invalid.parse::<RepositoryName>().is_err(), "{invalid:?}");
        }
    }

    #[test]
    fn an_expression_that_is_not_anchored_is_refused_with_the_reason() {
        let exact = expression(&"owner/stocks-app".parse().unwrap());
        for anchored in [
            exact.as_str(),
            "^a$",
            "^(a|b)$",
            "^(?:a|b)$",
            "^[|$(]$",
            r"^a\|b$",
        ] {
            assert!(
                Identity::of_expression(anchored, ISSUER).is_ok(),
                "{anchored}"
            );
        }
        for (open, reason) in [
            ("", "begin with ^"),
            ("a$", "begin with ^"),
            (r"\^a$", "begin with ^"),
            ("^*a$", "repeats its ^"),
            ("^+a$", "repeats its ^"),
            ("^?a$", "repeats its ^"),
            ("^{0}a$", "repeats its ^"),
            ("^", "end with $"),
            ("^a", "end with $"),
            (r"^a\$", "end with $"),
            ("^(a$)", "end with $"),
            ("^a[$]", "end with $"),
            ("^a$.*", "end with $"),
            ("^a|b$", "outside of parentheses"),
            ("^(a)|(b)$", "outside of parentheses"),
            ("^(?m)a$", "flags"),
            ("^(?m:a$)", "flags"),
            ("^a)|(b$", "not opened"),
            ("^(a$", "not closed"),
            ("^[a$", "not closed"),
            (r"^\Qa(\E|b$", r"\Q"),
            ("^a\\", "backslash"),
        ] {
            let refused = Identity::of_expression(open, ISSUER).unwrap_err();
            let told = format!("{refused:#}");
            assert!(
                told.contains(reason) && told.contains("COSIGN_CERTIFICATE_REPOSITORY"),
                "{open}: {told}"
            );
        }
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_signer_counts_up_to_its_last_day_beside_the_one_that_replaces_it() {
        let text = "# Replaced.\nkey old.pub exp:2026-06-30\n\nkey new.pub exp:2027-06-30\nkey hashivault://k exp:2026-06-30\n\
                    workflow owner/app exp:2026-07-01\n";
        let signers = Signers::parse(text, Path::new("/keys"), ISSUER).unwrap();
        let [old, new, vault] = ["/keys/old.pub", "/keys/new.pub", "hashivault://k"]
            .map(|it| Identity::Key(it.to_owned()));
        let workflow = Identity::of_repository(&"owner/app".parse().unwrap(), ISSUER);
        let live = |today: &str| signers.live(day(today));
        assert_eq!(
            live("2026-06-30").unwrap(),
            [old, new.clone(), vault, workflow.clone()]
        );
        assert_eq!(live("2026-07-01").unwrap(), [new.clone(), workflow]);
        assert_eq!(live("2027-06-30").unwrap(), [new]);
        let ended = live("2027-07-01").unwrap_err().to_string();
        assert!(ended.contains("ended on 2027-06-30"), "{ended}");
        let forever = Signers::one(Identity::Key("cosign.pub".to_owned()));
        assert_eq!(forever.live(day("9999-12-31")).unwrap().len(), 1);
        assert!(Signers::default().live(day("2026-01-01")).is_err());
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        let many = "key a.pub exp:2027-01-01\n".repeat(MAX_SIGNERS + 1);
        for (text, reason) in [
            ("", "names no signer"),
            ("# key a.pub exp:2027-01-01", "names no signer"),
            ("\nkey a.pub", "line 2: key a.pub: a line is"),
            ("key a.pub 2027-01-01", "no day on which it ends"),
            ("key a.pub exp:soon", "the day soon"),
            ("key a.pub exp:2027-01-01 more", "a line is"),
            ("person a exp:2027-01-01", "neither key nor workflow"),
            ("workflow owner exp:2027-01-01", "is not a repository"),
            (many.as_str(), "more than 16"),
        ] {
            let refused = Signers::parse(text, Path::new(""), ISSUER).unwrap_err();
            assert!(
                format!("{refused:#}").contains(reason),
                "{text}: {refused:#}"
            );
        }
    }

    #[test]
    fn a_key_is_read_into_a_record_and_references_stay() {
        let folder = tempfile::tempdir().unwrap();
        let pem = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n";
        std::fs::write(folder.path().join("a.pub"), pem).unwrap();
        std::fs::write(folder.path().join("b.pub"), "something else").unwrap();
        let key = |name: &str| {
            Signers::one(Identity::Key(
                folder.path().join(name).display().to_string(),
            ))
        };
        let read = key("a.pub").with_keys_read().unwrap();
        assert_eq!(read, Signers::one(Identity::Key(pem.to_owned())));
        assert_eq!(read.clone().with_keys_read().unwrap(), read);
        let reference = Signers::one(Identity::Key("hashivault://k".to_owned()));
        assert_eq!(reference.clone().with_keys_read().unwrap(), reference);
        assert!(key("b.pub").with_keys_read().is_err());
        assert!(key("c.pub").with_keys_read().is_err());
        let stored = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Signers>(&stored).unwrap(), read);
    }
}
