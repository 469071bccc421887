//! Who has said that a release may come into prod.
//!
//! An approval is attested of both images, signed with the key of those who may approve: it says which images, where, by whom and
//! until when. Whoever can push images cannot make one.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::adapters::cosign::Cosign;
use crate::adapters::github::Run;
use crate::environment::Environment;
use crate::release::{Digest, Release, Service};

/// The type of the attestation's predicate.
pub(crate) const PREDICATE: &str = "urn:stocks-app:approval:v1";
/// How long an approval stands.
pub(crate) const STANDS: TimeDelta = TimeDelta::days(7);

/// An approval.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Approval {
    /// Where the release may come.
    pub(crate) environment: Environment,
    /// What it is made of.
    pub(crate) images: BTreeMap<Service, Digest>,
    /// Who says so.
    pub(crate) by: String,
    /// When it was said.
    pub(crate) at: DateTime<Utc>,
    /// When it ends.
    pub(crate) until: DateTime<Utc>,
}

impl Approval {
    pub(crate) fn new(
        environment: Environment,
        release: &Release,
        by: &str,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            environment,
            images: release.digests(),
            by: by.to_owned(),
            at,
            until: at + STANDS,
        }
    }

    /// Whether it says that this release may come there now.
    fn check(&self, environment: Environment, release: &Release, now: DateTime<Utc>) -> Result<()> {
        ensure!(
            self.environment == environment,
            "it is for {}",
            self.environment
        );
        ensure!(
            self.images == release.digests(),
            "it is of another release, which shares an image with this one"
        );
        ensure!(
            now < self.until,
            "{} gave it until {}",
            self.by,
            self.until.to_rfc3339()
        );
        ensure!(self.at <= now, "it is of a time to come, {}", self.at);
        Ok(())
    }
}

/// Where approvals are looked for.
#[derive(Clone, Debug)]
pub(crate) enum Approvals {
    /// In attestations of the images, signed by whoever may approve.
    Attested(Cosign),
    /// In the reviews of the workflow's run.
    Reviewed(Run),
}

impl Approvals {
    /// Who has said that this release may come there now.
    pub(crate) async fn find(
        &self,
        environment: Environment,
        release: &Release,
        now: DateTime<Utc>,
    ) -> Result<String> {
        match self {
            Self::Reviewed(run) => run.approver(environment).await,
            Self::Attested(cosign) => {
                let mut by = String::new();
                for image in release.images.values() {
                    let attested = cosign.attested(image, PREDICATE).await;
                    let found = attested.and_then(|predicates| {
                        find(&predicates, environment, release, now)
                            .with_context(|| format!("approvals of {image}"))
                    });
                    let how = "somebody who may must give it: stocksctl approve";
                    by = found
                        .with_context(|| format!("{environment} wants an approval, {how}"))?
                        .by;
                }
                Ok(by)
            }
        }
    }
}

/// The approval among these predicates that stands.
pub(crate) fn find(
    predicates: &[Value],
    environment: Environment,
    release: &Release,
    now: DateTime<Utc>,
) -> Result<Approval> {
    let mut reasons = Vec::new();
    for predicate in predicates {
        let approval: Approval = match serde_json::from_value(predicate.clone()) {
            Ok(approval) => approval,
            Err(error) => {
                reasons.push(format!("it cannot be read: {error}"));
                continue;
            }
        };
        match approval.check(environment, release, now) {
            Ok(()) => return Ok(approval),
            Err(error) => reasons.push(error.to_string()),
        }
    }
    ensure!(!reasons.is_empty(), "there is none");
    Err(anyhow::anyhow!("{}", reasons.join("; "))).context("none stands")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Image;

    fn release(listing: char, trade: char) -> Release {
        let image = |(service, digit): (Service, char)| {
            let digest = format!("sha256:{}", digit.to_string().repeat(64));
            let image = Image {
                repository: format!("localhost:5000/stocks/{service}"),
                digest: digest.parse().unwrap(),
            };
            (service, image)
        };
        let images = [(Service::StockListing, listing), (Service::Trade, trade)];
        Release {
            tag: "git-1".to_owned(),
            images: images.map(image).into(),
        }
    }

    #[test]
    fn an_approval_is_of_one_release_one_place_and_one_week() {
        let now = DateTime::UNIX_EPOCH;
        let given = Approval::new(Environment::Prod, &release('a', 'b'), "ann", now);
        let predicates = [serde_json::to_value(&given).unwrap()];
        let find = |environment, release: &Release, at: DateTime<Utc>| {
            find(&predicates, environment, release, at)
        };
        let same = release('a', 'b');
        assert_eq!(find(Environment::Prod, &same, now).unwrap(), given);
        let last = now + STANDS - TimeDelta::seconds(1);
        assert!(find(Environment::Prod, &same, last).is_ok());
        assert!(find(Environment::Prod, &same, now + STANDS).is_err());
        assert!(find(Environment::Prod, &same, now - TimeDelta::seconds(1)).is_err());
        assert!(find(Environment::Stage, &same, now).is_err());
        assert!(find(Environment::Prod, &release('a', 'c'), now).is_err());
    }

    #[test]
    fn one_that_stands_is_found_among_others() {
        let now = DateTime::UNIX_EPOCH;
        let release = release('a', 'b');
        let old = Approval::new(Environment::Prod, &release, "ann", now - STANDS);
        let new = Approval::new(Environment::Prod, &release, "bob", now);
        let mut predicates = vec![Value::Null, serde_json::to_value(old).unwrap()];
        let none = find(&predicates, Environment::Prod, &release, now).unwrap_err();
        assert!(
            format!("{none:#}").contains("ann gave it until"),
            "{none:#}"
        );
        predicates.push(serde_json::to_value(&new).unwrap());
        let found = find(&predicates, Environment::Prod, &release, now).unwrap();
        assert_eq!(found.by, "bob");
        assert!(find(&[], Environment::Prod, &release, now).is_err());
    }
}
