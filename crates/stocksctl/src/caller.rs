//! The caller of a command, for the ledger: the identity that is proven, and a remark that is not.

use std::fmt::{self, Display, Formatter};

/// The name of a caller without proof.
const UNPROVEN: &str = "unproven";

/// The caller of a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Caller {
    /// `oidc` and the subject of a job's token, or that there is no proof.
    pub(crate) by: String,
    /// `user@host`, as the machine says: a caller can change both.
    pub(crate) remark: String,
}

impl Caller {
    pub(crate) fn new(proven: Option<String>, remark: &str) -> Self {
        Self {
            by: proven.unwrap_or_else(|| UNPROVEN.to_owned()),
            remark: remark.to_owned(),
        }
    }
}

impl Display for Caller {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.by, self.remark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_without_proof_is_called_so() {
        let subject = "oidc repo:owner/app:environment:prod".to_owned();
        let told = |proven| Caller::new(proven, "ann@laptop").to_string();
        assert_eq!(
            told(Some(subject)),
            "oidc repo:owner/app:environment:prod (ann@laptop)"
        );
        assert_eq!(told(None), "unproven (ann@laptop)");
    }
}
