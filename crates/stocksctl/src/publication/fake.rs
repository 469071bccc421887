//! A registry and signatures in memory, which outlive the process that is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use anyhow::{anyhow, ensure};

use super::*;
use crate::release::Digest;
use crate::tag;

pub(super) const REPOSITORY: &str = "owner/stocks-app";
pub(super) const TAG: &str = "git-a1b2c3d";

/// The registry, with what is signed in it by the key that counts.
#[derive(Clone, Default)]
pub(super) struct Stored {
    /// Pushed under their digest.
    pub(super) images: BTreeSet<Digest>,
    pub(super) tags: BTreeMap<String, Digest>,
    pub(super) signed: Vec<Digest>,
    pub(super) attested: Vec<(Digest, String, Value)>,
}

/// An account with push rights and no key, which acts as soon as this effect is done.
pub(super) struct Intruder {
    pub(super) after: &'static str,
    pub(super) act: fn(&mut Stored),
}

pub(super) struct Fake {
    pub(super) stored: Mutex<Stored>,
    /// Effects until the process is killed.
    pub(super) left: Mutex<usize>,
    pub(super) effects: Mutex<Vec<String>>,
    pub(super) cache_read: Mutex<Option<Image>>,
    pub(super) intruder: Option<Intruder>,
    /// The key of the signatures is another one than the public key.
    pub(super) signs_in_vain: bool,
    /// The results of a build: the image and its cache.
    pub(super) image: Digest,
    pub(super) cache: Digest,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

pub(super) fn image(name: &str) -> Image {
    Image {
        repository: "registry/stocks/trade".to_owned(),
        digest: digest(name),
    }
}

impl Fake {
    pub(super) fn new(stored: Stored) -> Self {
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

    pub(super) fn killed_after(stored: Stored, effects: usize) -> Self {
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

    pub(super) fn into_stored(self) -> Stored {
        lock(&self.stored).clone()
    }

    pub(super) fn effects(&self) -> Vec<String> {
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

pub(super) fn origin(repository: &str, digit: char) -> Origin {
    Origin::new(repository, &digit.to_string().repeat(40)).unwrap()
}

pub(super) fn publication() -> Publication {
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
pub(super) fn publication_of(digit: char) -> Publication {
    Publication {
        tag: format!("git-{}", digit.to_string().repeat(7)),
        claim: Claim::Origin(origin(REPOSITORY, digit)),
        ..publication()
    }
}

pub(super) async fn published(stored: Stored) -> Stored {
    let fake = Fake::new(stored);
    publication().publish(&fake).await.unwrap();
    fake.into_stored()
}

pub(super) fn count(stored: &Stored, of: &Digest, kind: &str) -> usize {
    let attested = stored.attested.iter();
    attested
        .filter(|(digest, is, _)| digest == of && is == kind)
        .count()
}

pub(super) async fn refused(fake: &Fake) -> String {
    let error = publication().publish(fake).await.unwrap_err();
    format!("{error:#}")
}
