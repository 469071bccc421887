//! The order of a publication, kills, and accounts that set tags.

use super::fake::*;
use super::*;
use crate::tag;

/// A fixed tag names nothing but images that are signed, with their bill and their origin.
fn assert_fixed_tags_are_proven(stored: &Stored) {
    for (_, digest) in stored.tags.iter().filter(|(tag, _)| tag::is_fixed(tag)) {
        assert!(stored.signed.contains(digest));
        assert_eq!(count(stored, digest, BILL), 1);
        assert_eq!(count(stored, digest, origin::PREDICATE), 1);
    }
}

#[tokio::test]
async fn the_fixed_tag_is_set_after_everything_that_is_said_of_the_image() {
    let fake = Fake::new(Stored::default());
    let made = publication().publish(&fake).await.unwrap();
    assert_eq!(made.image.digest, digest("image"));
    assert_eq!(made.bill, Some(json!({"of": digest("image")})));
    let expected = [
        "build",
        "push",
        "sign",
        "attest cyclonedx",
        "attest urn:stocks-app:origin:v1",
        "tag git-a1b2c3d",
        "attest urn:stocks-app:build-cache:v1",
        "tag buildcache",
    ];
    assert_eq!(fake.effects(), expected);
}

#[tokio::test]
async fn a_build_that_was_published_does_nothing() {
    let fake = Fake::new(published(Stored::default()).await);
    let again = publication().publish(&fake).await.unwrap();
    assert_eq!(again.image.digest, digest("image"));
    assert!(again.bill.is_some());
    assert!(fake.effects().is_empty(), "{:?}", fake.effects());
}

#[tokio::test]
async fn a_build_killed_at_any_step_is_completed_by_the_next() {
    let all = {
        let fake = Fake::new(Stored::default());
        publication().publish(&fake).await.unwrap();
        fake.effects().len()
    };
    assert_eq!(all, 8);
    for effects in 0..all {
        let killed = Fake::killed_after(Stored::default(), effects);
        let ended = publication().publish(&killed).await;
        // Past the tag a kill is a cache that is not kept.
        assert_eq!(ended.is_err(), effects < 6, "killed after {effects}");
        let stored = killed.into_stored();
        assert_fixed_tags_are_proven(&stored);

        let next = Fake::new(stored);
        let made = publication().publish(&next).await.unwrap();
        assert_eq!(made.image.digest, digest("image"), "killed after {effects}");
        let stored = next.into_stored();
        assert_eq!(stored.tags[TAG], digest("image"));
        assert_eq!(stored.signed.len(), 1, "killed after {effects}");
        assert_fixed_tags_are_proven(&stored);
    }
}

#[tokio::test]
async fn commits_that_change_no_input_add_an_origin_and_no_signature() {
    let stored = published(Stored::default()).await;
    let fake = Fake::new(stored);
    publication_of('b').publish(&fake).await.unwrap();
    let expected = [
        "build",
        "push",
        "attest urn:stocks-app:origin:v1",
        "tag git-bbbbbbb",
    ];
    assert_eq!(fake.effects(), expected);
    let stored = fake.into_stored();
    for commit in ['a', 'b'] {
        let origins: Vec<_> = stored
            .attested
            .iter()
            .map(|(_, _, it)| it.clone())
            .collect();
        let service = publication().service;
        assert!(
            origin(REPOSITORY, commit).is_among(service, &origins),
            "{commit}"
        );
    }
}

#[tokio::test]
async fn an_unsigned_image_under_the_tag_is_named_and_never_signed() {
    let mut stored = Stored::default();
    stored.tags.insert(TAG.to_owned(), digest("planted"));
    let fake = Fake::new(stored);
    let said = refused(&fake).await;
    assert!(said.contains(&digest("planted").to_string()), "{said}");
    assert!(said.contains("Delete the tag"), "{said}");
    assert!(fake.effects().is_empty(), "{:?}", fake.effects());
}

#[tokio::test]
async fn an_image_planted_while_the_build_runs_is_named_and_never_signed() {
    for after in ["build", "push", "sign", "attest urn:stocks-app:origin:v1"] {
        let mut fake = Fake::new(Stored::default());
        fake.intruder = Some(Intruder {
            after,
            act: |stored| drop(stored.tags.insert(TAG.to_owned(), digest("planted"))),
        });
        let said = refused(&fake).await;
        assert!(
            said.contains(&digest("planted").to_string()),
            "{after}: {said}"
        );
        assert!(said.contains("delete the tag"), "{after}: {said}");
        let stored = fake.into_stored();
        assert_eq!(stored.tags[TAG], digest("planted"));
        assert_eq!(stored.signed, [digest("image")], "{after}");
        assert!(
            stored
                .attested
                .iter()
                .all(|(of, _, _)| *of != digest("planted"))
        );
        // The next build says it before it builds.
        let next = Fake::new(stored);
        assert!(refused(&next).await.contains("was not built here"));
        assert!(next.effects().is_empty());
    }
}

#[tokio::test]
async fn a_signed_image_of_another_commit_or_repository_does_not_count() {
    for claimed in [
        // The same seven digits.
        Origin::new(REPOSITORY, &format!("a1b2c3d{}", "f".repeat(33))).unwrap(),
        origin("owner/stocks-app-fork", 'a'),
        origin("other/stocks-app", 'a'),
    ] {
        let mut stored = Stored::default();
        let other = digest("other");
        stored.tags.insert(TAG.to_owned(), other.clone());
        stored.signed.push(other.clone());
        let predicate = claimed.predicate(publication().service);
        let attestation = (other.clone(), origin::PREDICATE.to_owned(), predicate);
        stored.attested.push(attestation);
        let fake = Fake::new(stored);
        let said = refused(&fake).await;
        assert!(said.contains(&other.to_string()), "{claimed}: {said}");
        let stored = fake.into_stored();
        assert_eq!(count(&stored, &other, origin::PREDICATE), 1, "{claimed}");
        assert_eq!(stored.tags[TAG], other);
    }
}

#[tokio::test]
async fn a_signed_image_without_an_origin_counts_once_this_build_gives_the_same_bytes() {
    let mut stored = published(Stored::default()).await;
    stored
        .attested
        .retain(|(_, kind, _)| kind != origin::PREDICATE);
    let fake = Fake::new(stored);
    publication().publish(&fake).await.unwrap();
    assert!(fake.effects().contains(&"build".to_owned()));
    let stored = fake.into_stored();
    assert_eq!(stored.signed.len(), 1);
    assert_fixed_tags_are_proven(&stored);
}

#[tokio::test]
async fn a_signature_that_does_not_count_sets_no_tag() {
    let mut fake = Fake::new(Stored::default());
    fake.signs_in_vain = true;
    let said = refused(&fake).await;
    assert!(said.contains("do both keys belong together"), "{said}");
    assert!(fake.into_stored().tags.is_empty());
}

#[tokio::test]
async fn files_that_differ_from_the_commit_are_signed_without_origin_and_leave_no_cache() {
    let fake = Fake::new(Stored::default());
    let dirty = Publication {
        tag: "dirty-a1b2c3d".to_owned(),
        claim: Claim::NoOrigin,
        ..publication()
    };
    dirty.publish(&fake).await.unwrap();
    let expected = [
        "build",
        "push",
        "sign",
        "attest cyclonedx",
        "tag dirty-a1b2c3d",
    ];
    assert_eq!(fake.effects(), expected);
}

#[tokio::test]
async fn an_unsigned_build_signs_nothing_and_leaves_no_cache() {
    let fake = Fake::new(Stored::default());
    let unsigned = Publication {
        tag: "unsigned-a1b2c3d".to_owned(),
        claim: Claim::Unsigned,
        ..publication()
    };
    let made = unsigned.publish(&fake).await.unwrap();
    assert!(made.bill.is_none());
    assert_eq!(fake.effects(), ["build", "push", "tag unsigned-a1b2c3d"]);
}
