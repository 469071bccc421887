//! Settings of an installation: the signers, approvers and reviews that count in an environment.
//!
//! They are kept with the environment's record, beside lock and ledger. A workflow file, a repository variable or a shell that calls
//! stocksctl does not change them.

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::signers::{RepositoryName, Signers};

/// The issuer of tokens for jobs on github.com.
pub(crate) const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The settings of one environment.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Installation {
    /// Signers of images; none: those that the caller names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signers: Option<Signers>,
    /// Signers of approvals; none: those that the caller names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) approvers: Option<Signers>,
    /// None: reviews on GitHub are no approvals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reviews: Option<Reviews>,
}

/// The repository whose reviews count as approvals.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reviews {
    pub(crate) repository: RepositoryName,
    /// `https://api.github.com`.
    pub(crate) api: String,
    /// The issuer of the tokens of its jobs.
    pub(crate) issuer: String,
}

impl Installation {
    /// Reads what was stored; an empty text is an environment without settings.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(text).context("the settings of the installation cannot be read")
    }

    /// The issuer whose tokens prove the identity of a job.
    pub(crate) fn issuer(&self) -> &str {
        self.reviews
            .as_ref()
            .map_or(ISSUER, |reviews| &reviews.issuer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signers::Identity;

    #[test]
    fn settings_are_read_as_they_were_written_and_nothing_else_is_taken_for_them() {
        assert_eq!(Installation::parse("").unwrap(), Installation::default());
        let written = Installation {
            signers: Some(Signers::one(Identity::Key("hashivault://k".to_owned()))),
            approvers: None,
            reviews: Some(Reviews {
                repository: "owner/stocks-app".parse().unwrap(),
                api: "https://api.github.com".to_owned(),
                issuer: "https://issuer.example".to_owned(),
            }),
        };
        assert_eq!(written.issuer(), "https://issuer.example");
        assert_eq!(Installation::default().issuer(), ISSUER);
        let text = serde_json::to_string(&written).unwrap();
        assert_eq!(Installation::parse(&text).unwrap(), written);
        for other in [
            "{",
            "null",
            "{\"review\": {}}",
            &text.replace("owner/stocks-app", "owner"),
        ] {
            assert!(Installation::parse(other).is_err(), "{other}");
        }
    }
}
