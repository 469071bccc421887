//! Publications against a registry and signatures in memory, which outlive the process that is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use anyhow::{anyhow, ensure};

use super::*;
use crate::release::Digest;
use crate::tag;

const REPOSITORY: &str = "owner/stocks-app";
const TAG: &str = "git-a1b2c3d";

/// The registry, with what is signed in it by the key that counts.
#[derive(Clone, Default)]
struct Stored {
    /// Pushed under their digest.
    images: BTreeSet<Digest>,
    tags: BTreeMap<String, Digest>,
    signed: Vec<Digest>,
    attested: Vec<(Digest, String, Value)>,
}

/// An account with push rights and no key, which acts as soon as this effect is done.
struct Intruder {
    after: &'static str,
    act: fn(&mut Stored),
}

struct Fake {
    stored: Mutex<Stored>,
    /// Effects until the process is killed.
    left: Mutex<usize>,
    effects: Mutex<Vec<String>>,
    cache_read: Mutex<Option<Image>>,
    intruder: Option<Intruder>,
    /// The key of the signatures is another one than the public key.
    signs_in_vain: bool,
    /// What the sources and their cache are built to.
    image: Digest,
    cache: Digest,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

fn image(name: &str) -> Image {
    Image {
        repository: "registry/stocks/trade".to_owned(),
        digest: digest(name),
    }
}

impl Fake {
    fn new(stored: Stored) -> Self {
        Self {
            stored: Mutex::new(stored),
            left: Mutex::new(usize::MAX),
            effects: Mutex::default(),
            cache_read: Mutex::default(),
            intruder: None,
            signs_in_vain: false,
            image: digest("image"),
            cache: digest("cache"),
        }
    }

    fn killed_after(stored: Stored, effects: usize) -> Self {
        Self {
            left: Mutex::new(effects),
            ..Self::new(stored)
        }
    }

    /// Does something that lasts, unless the process is dead by now.
    fn effect(&self, name: &str, act: impl FnOnce(&mut Stored)) -> Result<()> {
        let mut left = lock(&self.left);
        *left = left.checked_sub(1).ok_or_else(|| anyhow!("killed"))?;
        let mut stored = lock(&self.stored);
        act(&mut stored);
        lock(&self.effects).push(name.to_owned());
        if let Some(intruder) = self.intruder.as_ref().filter(|it| it.after == name) {
            (intruder.act)(&mut stored);
        }
        Ok(())
    }

    fn into_stored(self) -> Stored {
        lock(&self.stored).clone()
    }

    fn effects(&self) -> Vec<String> {
        lock(&self.effects).clone()
    }
}

#[async_trait]
impl Backend for Fake {
    type Files = Digest;

    async fn tagged(&self, tag: &str) -> Result<Option<Image>> {
        let digest = lock(&self.stored).tags.get(tag).cloned();
        Ok(digest.map(|digest| Image {
            digest,
            ..image("")
        }))
    }

    async fn verify(&self, image: &Image) -> Result<()> {
        ensure!(
            lock(&self.stored).signed.contains(&image.digest),
            "no signatures found"
        );
        Ok(())
    }

    async fn attested(&self, image: &Image, kind: &str) -> Result<Vec<Value>> {
        let stored = lock(&self.stored);
        let found = stored.attested.iter();
        let found = found.filter(|(of, is, _)| *of == image.digest && is == kind);
        let found: Vec<_> = found.map(|(_, _, predicate)| predicate.clone()).collect();
        ensure!(!found.is_empty(), "no matching attestations");
        Ok(found)
    }

    async fn build(&self, plan: CachePlan) -> Result<Built<Digest>> {
        (*lock(&self.cache_read)).clone_from(&plan.from);
        let cache = plan.is_kept.then(|| self.cache.clone());
        self.effect("build", |stored| stored.images.extend(cache.clone()))?;
        Ok(Built {
            files: self.image.clone(),
            cache: cache.map(|digest| Image {
                digest,
                ..image("")
            }),
        })
    }

    async fn push(&self, files: &Digest) -> Result<Image> {
        self.effect("push", |stored| {
            stored.images.insert(files.clone());
        })?;
        Ok(Image {
            digest: files.clone(),
            ..image("")
        })
    }

    async fn bill(&self, image: &Image) -> Result<Value> {
        Ok(json!({"of": image.digest}))
    }

    async fn sign(&self, image: &Image) -> Result<()> {
        self.effect("sign", |stored| {
            if !self.signs_in_vain {
                stored.signed.push(image.digest.clone());
            }
        })
    }

    async fn attest(&self, image: &Image, kind: &str, predicate: &Value) -> Result<()> {
        let attestation = (image.digest.clone(), kind.to_owned(), predicate.clone());
        self.effect(&format!("attest {kind}"), |stored| {
            stored.attested.push(attestation);
        })
    }

    async fn set_tag(&self, image: &Image, tag: &str) -> Result<()> {
        let named = self.tagged(tag).await?;
        if let Some(named) = named.filter(|named| named != image && tag::is_fixed(tag)) {
            bail!(Fixed {
                tag: tag.to_owned(),
                service: Service::Trade,
                is: named.digest,
                wanted: image.digest.clone(),
            });
        }
        self.effect(&format!("tag {tag}"), |stored| {
            stored.tags.insert(tag.to_owned(), image.digest.clone());
        })
    }
}

fn origin(repository: &str, digit: char) -> Origin {
    Origin::new(repository, &digit.to_string().repeat(40)).unwrap()
}

fn publication() -> Publication {
    Publication {
        service: Service::Trade,
        tag: TAG.to_owned(),
        claim: Claim::Origin(origin(REPOSITORY, 'a')),
        cache: Some(BuildCache {
            repository: REPOSITORY.to_owned(),
            service: Service::Trade,
        }),
    }
}

/// The same image, as another commit whose inputs are the same gives it.
fn publication_of(digit: char) -> Publication {
    Publication {
        tag: format!("git-{}", digit.to_string().repeat(7)),
        claim: Claim::Origin(origin(REPOSITORY, digit)),
        ..publication()
    }
}

async fn published(stored: Stored) -> Stored {
    let fake = Fake::new(stored);
    publication().publish(&fake).await.unwrap();
    fake.into_stored()
}

fn count(stored: &Stored, of: &Digest, kind: &str) -> usize {
    let attested = stored.attested.iter();
    attested
        .filter(|(digest, is, _)| digest == of && is == kind)
        .count()
}

async fn refused(fake: &Fake) -> String {
    let error = publication().publish(fake).await.unwrap_err();
    format!("{error:#}")
}

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
        assert!(origin(REPOSITORY, commit).is_among(&origins), "{commit}");
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
        let predicate = serde_json::to_value(&claimed).unwrap();
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
