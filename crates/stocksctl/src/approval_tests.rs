//! The rule of approval, and approvals that are attested.

use serde_json::{Value, json};

use super::*;
use crate::adapters::cosign::tests::StandIn;
use crate::adapters::github::review_tests::reviewed;
use crate::ledger::Outcome;
use crate::ledger::tests::{entry, of};
use crate::release::tests::release;

fn by(key: &str, predicate: &impl Serialize) -> Attestation {
    Attestation {
        by: key.to_owned(),
        predicate: serde_json::to_value(predicate).unwrap(),
    }
}

#[test]
fn only_digests_that_have_not_served_there_need_an_approval() {
    let wanted = release("dev-1", 'a', 'b');
    let ledger = |release, outcome| of([entry(release, outcome)]);
    let done = |release| ledger(release, Outcome::Done);
    for (needed, environment, ledger) in [
        (true, Environment::Prod, Ledger::default()),
        (false, Environment::Prod, done(release("v1.0.0", 'a', 'b'))),
        (true, Environment::Prod, done(release("dev-1", 'a', 'c'))),
        (true, Environment::Prod, done(release("dev-1", 'b', 'a'))),
        (
            true,
            Environment::Prod,
            ledger(wanted.clone(), Outcome::Begun),
        ),
        (
            true,
            Environment::Prod,
            ledger(wanted.clone(), Outcome::RolledBack),
        ),
        (
            true,
            Environment::Prod,
            ledger(wanted.clone(), Outcome::Interrupted),
        ),
        (false, Environment::Stage, Ledger::default()),
        (false, Environment::Dev, Ledger::default()),
    ] {
        let found = is_needed(environment, &wanted, &ledger);
        assert_eq!(found, needed, "{environment} {:?}", ledger.entries());
    }
    // Each image has served, the two of them never together.
    let apart =
        of([release("v1", 'a', 'c'), release("v2", 'c', 'b')].map(|it| entry(it, Outcome::Done)));
    assert!(is_needed(Environment::Prod, &wanted, &apart));
}

#[test]
fn an_approval_is_of_one_release_one_place_and_one_week() {
    let now = DateTime::UNIX_EPOCH;
    let wanted = release("git-1", 'a', 'b');
    let given = Approval::new(Environment::Prod, &wanted, "ann", now);
    assert_eq!(given.until, now + TimeDelta::days(7));
    let attestations = [by("key 1", &given)];
    let find = |environment, release: &Release, at: DateTime<Utc>| {
        find(&attestations, environment, release, at)
    };
    assert_eq!(
        find(Environment::Prod, &wanted, now).unwrap(),
        (given, "key 1")
    );
    let last = now + STANDS - TimeDelta::seconds(1);
    assert!(find(Environment::Prod, &wanted, last).is_ok());
    let other = release("git-1", 'a', 'c');
    for (environment, release, at, reason) in [
        (
            Environment::Prod,
            &wanted,
            now + STANDS,
            "ann gave it until 1970-01-08",
        ),
        (
            Environment::Prod,
            &wanted,
            now - TimeDelta::seconds(1),
            "a time to come",
        ),
        (Environment::Stage, &wanted, now, "it is for prod"),
        (Environment::Prod, &other, now, "another release"),
    ] {
        let told = format!("{:#}", find(environment, release, at).unwrap_err());
        assert!(told.contains(reason), "{told}");
    }
}

#[test]
fn one_that_is_valid_is_found_among_others() {
    let now = DateTime::UNIX_EPOCH;
    let release = release("git-1", 'a', 'b');
    let old = Approval::new(Environment::Prod, &release, "ann", now - STANDS);
    let new = Approval::new(Environment::Prod, &release, "bob", now);
    let mut attestations = vec![by("key 1", &Value::Null), by("key 1", &old)];
    let told = format!(
        "{:#}",
        find(&attestations, Environment::Prod, &release, now).unwrap_err()
    );
    assert!(
        told.contains("cannot be read") && told.contains("ann gave it until"),
        "{told}"
    );
    attestations.push(by("key 2", &new));
    let found = find(&attestations, Environment::Prod, &release, now).unwrap();
    assert_eq!(found, (new, "key 2"));
    assert!(find(&[], Environment::Prod, &release, now).is_err());
}

#[tokio::test]
async fn every_image_must_be_approved_and_the_keys_are_named() {
    let now = DateTime::UNIX_EPOCH;
    let wanted = release("git-1", 'a', 'b');
    let given =
        serde_json::to_value(Approval::new(Environment::Prod, &wanted, "ann", now)).unwrap();
    let stand_in = StandIn::new();
    let approvals = Approvals {
        approvers: stand_in.cosign(&["old", "new"]),
        reviews: None,
    };
    let found = async |at| approvals.find(Environment::Prod, &wanted, at).await;
    let [listing, trade] = Service::ALL.map(|service| wanted.image(service).unwrap());
    stand_in.attest("old", listing, PREDICATE, &given);
    let told = format!("{:#}", found(now).await.unwrap_err());
    let next = format!("`stocksctl approve prod {} --yes`", wanted.argument());
    assert!(
        told.contains(&next) && told.contains("no attestation of"),
        "{told}"
    );
    stand_in.attest("new", trade, PREDICATE, &json!({"by": "mallory"}));
    assert!(found(now).await.is_err());
    stand_in.attest("new", trade, PREDICATE, &given);
    assert_eq!(found(now).await.unwrap(), "new (ann), old (ann)");
    assert!(found(now + STANDS).await.is_err());

    let nothing = Release {
        images: BTreeMap::new(),
        ..wanted.clone()
    };
    assert!(
        approvals
            .find(Environment::Prod, &nothing, now)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_review_counts_for_images_that_were_built_from_the_reviewed_commit_in_that_repository() {
    let now = DateTime::UNIX_EPOCH + TimeDelta::seconds(1_200);
    let wanted = release("git-1", 'a', 'b');
    let [listing, trade] = Service::ALL.map(|service| wanted.image(service).unwrap());
    let built = |service: Service, repository: &str, digit: &str| {
        Origin::new(repository, &digit.repeat(40))
            .unwrap()
            .predicate(service)
    };
    let stand_in = StandIn::new();
    let (job, reviews) = reviewed().await;
    let approvals = |reviews| Approvals {
        approvers: stand_in.cosign(&["approver"]),
        reviews,
    };
    let by_review = approvals(Some(JobReviews {
        reviews,
        job,
        signers: stand_in.cosign(&["signer"]),
    }));
    let found = async |approvals: &Approvals| approvals.find(Environment::Prod, &wanted, now).await;
    stand_in.attest(
        "signer",
        listing,
        origin::PREDICATE,
        &built(Service::StockListing, "owner/app", "a"),
    );
    let told = format!("{:#}", found(&by_review).await.unwrap_err());
    assert!(
        told.contains("no attestation of urn:stocks-app:origin"),
        "{told}"
    );
    // Another commit, another repository, another service, and one of another signer: none is the reviewed one.
    for (signer, service, repository, digit) in [
        ("signer", Service::Trade, "owner/app", "b"),
        ("signer", Service::Trade, "fork/app", "a"),
        ("signer", Service::StockListing, "owner/app", "a"),
        ("other", Service::Trade, "owner/app", "a"),
    ] {
        let predicate = built(service, repository, digit);
        stand_in.attest(signer, trade, origin::PREDICATE, &predicate);
    }
    let told = format!("{:#}", found(&by_review).await.unwrap_err());
    assert!(
        told.contains("was not built from aaaa") && told.contains("stocksctl approve prod"),
        "{told}"
    );
    // An image may come of several commits.
    let reviewed = built(Service::Trade, "owner/app", "a");
    stand_in.attest("signer", trade, origin::PREDICATE, &reviewed);
    assert!(
        found(&by_review)
            .await
            .unwrap()
            .starts_with("octocat, in the review of run 42")
    );
    assert!(
        found(&approvals(None)).await.is_err(),
        "where the installation takes no reviews"
    );
    // The review is of prod.
    assert!(
        by_review
            .find(Environment::Stage, &wanted, now)
            .await
            .is_err()
    );
    let nothing = Release {
        images: BTreeMap::new(),
        ..wanted.clone()
    };
    assert!(
        by_review
            .find(Environment::Prod, &nothing, now)
            .await
            .is_err()
    );
    // An approval by key counts beside it.
    let given =
        serde_json::to_value(Approval::new(Environment::Prod, &wanted, "ann", now)).unwrap();
    for image in [listing, trade] {
        stand_in.attest("approver", image, PREDICATE, &given);
    }
    assert_eq!(found(&by_review).await.unwrap(), "approver (ann)");
}
