//! The caches that a build reads, and those that it does not.

use super::fake::*;
use super::*;
use crate::release::Digest;

async fn cache_read_from(stored: Stored) -> Option<Image> {
    let fake = Fake::new(stored);
    publication_of('c').publish(&fake).await.unwrap();
    lock(&fake.cache_read).clone()
}

#[tokio::test]
async fn a_build_reads_the_cache_that_an_earlier_one_has_attested() {
    let stored = published(Stored::default()).await;
    assert_eq!(stored.tags[build_cache::TAG], digest("cache"));
    assert_eq!(cache_read_from(stored).await, Some(image("cache")));
    assert_eq!(cache_read_from(Stored::default()).await, None);
}

/// A name, and a change of the registry that gives the digest to which the cache's tag is moved.
type Move<'a> = (&'a str, Box<dyn Fn(&mut Stored) -> Digest + 'a>);

#[tokio::test]
async fn a_cache_tag_that_was_moved_is_a_build_without_cache() {
    let attest = |stored: &mut Stored, of: &Digest, kind: &str, predicate: Value| {
        stored
            .attested
            .push((of.clone(), kind.to_owned(), predicate));
    };
    let of =
        |repository: &str, service: &str| json!({"repository": repository, "service": service});
    let cases: [Move<'_>; 5] = [
        ("nothing is signed", Box::new(|_| digest("planted"))),
        // Signed, with its bill and its origin.
        ("an image", Box::new(|_| digest("image"))),
        (
            "a signed digest",
            Box::new(|stored| {
                stored.signed.push(digest("other"));
                digest("other")
            }),
        ),
        (
            "another repository's",
            Box::new(|stored| {
                let predicate = of("other/stocks-app", "trade");
                attest(stored, &digest("other"), build_cache::PREDICATE, predicate);
                digest("other")
            }),
        ),
        (
            "another service's",
            Box::new(|stored| {
                let predicate = of(REPOSITORY, "stock-listing");
                attest(stored, &digest("other"), build_cache::PREDICATE, predicate);
                digest("other")
            }),
        ),
    ];
    for (name, act) in cases {
        let mut stored = published(Stored::default()).await;
        let moved = act(&mut stored);
        stored.tags.insert(build_cache::TAG.to_owned(), moved);
        assert_eq!(cache_read_from(stored).await, None, "{name}");
    }
}

#[tokio::test]
async fn a_cache_under_the_fixed_tag_is_not_an_image() {
    let mut stored = published(Stored::default()).await;
    stored.tags.insert(TAG.to_owned(), digest("cache"));
    let said = refused(&Fake::new(stored)).await;
    assert!(said.contains(&digest("cache").to_string()), "{said}");
}

#[tokio::test]
async fn a_cache_that_did_not_change_is_not_attested_again() {
    let fake = Fake::new(published(Stored::default()).await);
    publication_of('d').publish(&fake).await.unwrap();
    let stored = fake.into_stored();
    assert_eq!(count(&stored, &digest("cache"), build_cache::PREDICATE), 1);
}
