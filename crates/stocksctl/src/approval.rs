//! Who has said that a release may come into prod.
//!
//! An approval is attested of both images, signed with the key of those who may approve: it says which images, where, by whom and
//! until when. Whoever can push images cannot make one.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::adapters::cosign::{Attestation, Cosign};
use crate::adapters::github::{self, Job};
use crate::environment::Environment;
use crate::installation::Reviews;
use crate::ledger::Ledger;
use crate::origin::{self, Origin};
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

/// Returns true if the release needs an approval: the environment asks for one, and these digests have not served there.
///
/// The one rule for all ways into an environment: deployments, promotions and rollbacks.
pub(crate) fn is_needed(environment: Environment, release: &Release, ledger: &Ledger) -> bool {
    environment.asks_for_approval() && !ledger.has_served(release)
}

/// The places that approvals are looked for in.
#[derive(Clone, Debug)]
pub(crate) struct Approvals {
    /// Checks attestations by the approvers' keys.
    pub(crate) approvers: Cosign,
    /// Reviews on GitHub, where the installation takes them and a job calls.
    pub(crate) reviews: Option<JobReviews>,
}

/// The reviews of the run that a job is part of.
#[derive(Clone, Debug)]
pub(crate) struct JobReviews {
    pub(crate) reviews: Reviews,
    pub(crate) job: Job,
    /// Checks where images come from.
    pub(crate) signers: Cosign,
}

impl Approvals {
    /// Finds an approval of the release for the environment; returns its proven approvers.
    pub(crate) async fn find(
        &self,
        environment: Environment,
        release: &Release,
        now: DateTime<Utc>,
    ) -> Result<String> {
        let mut found = attested(&self.approvers, environment, release, now).await;
        if let (Err(error), Some(reviews)) = (&found, &self.reviews) {
            let reviewed = reviews.find(environment, release, now).await;
            found = reviewed.with_context(|| {
                format!("no approval is attested ({error:#}), and the review does not count")
            });
        }
        found.with_context(|| {
            format!(
                "{environment} takes digests that have served there or are approved; an approver types \
                 `stocksctl approve {environment} {} --yes`, and `stocksctl ledger show {environment}` lists \
                 those that have served",
                release.argument()
            )
        })
    }
}

impl JobReviews {
    /// The review of this run, if all images were built from the run's commit.
    async fn find(
        &self,
        environment: Environment,
        release: &Release,
        now: DateTime<Utc>,
    ) -> Result<String> {
        let review = github::review(&self.job, &self.reviews, environment, now).await?;
        for (service, image) in &release.images {
            let origins = self.signers.attested(image, origin::PREDICATE).await?;
            let Origin { repository, commit } = &review.origin;
            ensure!(
                review.origin.is_among(*service, &origins),
                "{image} was not built from {commit} of {repository}, which was reviewed"
            );
        }
        ensure!(!release.images.is_empty(), "the release has no image");
        Ok(review.by)
    }
}

/// Finds the approvals in the attestations of all images; returns the keys that have signed them and the names in them.
async fn attested(
    cosign: &Cosign,
    environment: Environment,
    release: &Release,
    now: DateTime<Utc>,
) -> Result<String> {
    let mut approvers = BTreeSet::new();
    for image in release.images.values() {
        let attestations = cosign.attestations(image, PREDICATE).await?;
        let (approval, key) = find(&attestations, environment, release, now)
            .with_context(|| format!("approvals of {image}"))?;
        approvers.insert(format!("{key} ({})", approval.by));
    }
    ensure!(!approvers.is_empty(), "the release has no image");
    Ok(approvers.into_iter().collect::<Vec<_>>().join(", "))
}

/// The approval among these that is valid, and the key that has signed it.
fn find<'a>(
    attestations: &'a [Attestation],
    environment: Environment,
    release: &Release,
    now: DateTime<Utc>,
) -> Result<(Approval, &'a str)> {
    let mut reasons = Vec::new();
    for attestation in attestations {
        let approval = match Approval::deserialize(&attestation.predicate) {
            Ok(approval) => approval,
            Err(error) => {
                reasons.push(format!("it cannot be read: {error}"));
                continue;
            }
        };
        match approval.check(environment, release, now) {
            Ok(()) => return Ok((approval, &attestation.by)),
            Err(error) => reasons.push(error.to_string()),
        }
    }
    ensure!(!reasons.is_empty(), "there is none");
    Err(anyhow::anyhow!("{}", reasons.join("; "))).context("none stands")
}

#[cfg(test)]
#[path = "approval_tests.rs"]
mod tests;
