//! The lock of an environment: a lease, so that one who dies does not keep it, with a token that grows, so that one who was
//! thought dead cannot write any more.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How long a lease lasts from its last renewal.
pub(crate) const LEASE: TimeDelta = TimeDelta::seconds(60);

/// Who works on an environment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Lease {
    /// Higher than that of each lease before.
    pub(crate) token: u64,
    /// `user@host`.
    pub(crate) owner: String,
    /// Of the process there.
    pub(crate) pid: u32,
    /// What for.
    pub(crate) purpose: String,
    /// When it was taken.
    pub(crate) since: DateTime<Utc>,
    /// When it ends unless it is renewed; a lease that was given back has ended.
    pub(crate) until: DateTime<Utc>,
}

/// Somebody else works on it.
#[derive(Debug, thiserror::Error)]
#[error(
    "{owner} (process {pid}) holds the lock since {since}, for: {purpose}. It ends at {until} unless it is renewed; \
     `stocksctl lock break` takes it away",
    owner = .0.owner, pid = .0.pid, since = .0.since.to_rfc3339(), purpose = .0.purpose, until = .0.until.to_rfc3339()
)]
pub(crate) struct Held(pub(crate) Box<Lease>);

impl Lease {
    /// The lease that follows `last`, when that one has ended.
    pub(crate) fn take(
        last: Option<&Self>,
        owner: &str,
        pid: u32,
        purpose: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, Held> {
        if let Some(last) = last.filter(|last| last.holds(now)) {
            return Err(Held(Box::new(last.clone())));
        }
        Ok(Self {
            token: last.map_or(0, |last| last.token) + 1,
            owner: owner.to_owned(),
            pid,
            purpose: purpose.to_owned(),
            since: now,
            until: now + LEASE,
        })
    }

    /// Whether it keeps others away.
    pub(crate) fn holds(&self, now: DateTime<Utc>) -> bool {
        now < self.until
    }

    /// The same, for another while.
    pub(crate) fn renewed(&self, now: DateTime<Utc>) -> Self {
        Self {
            until: now + LEASE,
            ..self.clone()
        }
    }

    /// The same, ended. It stays as the one that the next token follows.
    pub(crate) fn ended(&self, now: DateTime<Utc>) -> Self {
        Self {
            until: now,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_keeps_others_away_until_it_ends_and_tokens_grow() {
        let start = DateTime::UNIX_EPOCH;
        let first = Lease::take(None, "ann@a", 1, "deploy", start).unwrap();
        assert_eq!(first.token, 1);
        let refused = Lease::take(
            Some(&first),
            "bob@b",
            2,
            "deploy",
            start + LEASE - TimeDelta::seconds(1),
        );
        let told = refused.unwrap_err().to_string();
        assert!(
            told.contains("ann@a") && told.contains("1970-01-01T00:00:00"),
            "{told}"
        );

        assert_eq!(
            (first.since, first.until),
            (start, start + TimeDelta::minutes(1))
        );
        assert!(!first.holds(start + LEASE) && first.holds(start));

        let renewed = first.renewed(start + TimeDelta::seconds(30));
        assert!(renewed.holds(start + LEASE) && renewed.token == first.token);
        let second = Lease::take(Some(&first), "bob@b", 2, "deploy", start + LEASE).unwrap();
        assert_eq!(second.token, 2);
        let third = Lease::take(Some(&second.ended(start)), "ann@a", 3, "deploy", start).unwrap();
        assert_eq!(third.token, 3);
    }
}
