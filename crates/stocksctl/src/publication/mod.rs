//! The publication of an image: from a checkout to a tag, in an order that leaves no unsigned image under a fixed tag.
//!
//! | step | effect | after a kill here |
//! |---|---|---|
//! | build | the image as files of this machine | the next build makes the same bytes |
//! | push | the image under its digest and no tag | the registry removes what no tag names |
//! | sign, attest | a signature, the bill of materials and the origin of that digest | the next build adds what is missing |
//! | tag | `git-<sha7>` names the digest | the next build finds it done |
//! | keep the cache | `buildcache` names a cache that is attested | the next build reads the one before |
//!
//! An account with push rights can set a tag at any time, so a tag is never read to learn what was built, and an image under a
//! fixed tag counts only if its signature and its origin say so.

use anyhow::{Context as _, Error, Result, bail};
use async_trait::async_trait;
use serde_json::{Value, json};

use crate::adapters::registry::Fixed;
use crate::build_cache::{self, BuildCache};
use crate::origin::{self, Origin};
use crate::progress::note;
use crate::release::{Image, Service};

const BILL: &str = "cyclonedx";

/// The builder, the registry and the signatures, for one service.
#[async_trait]
pub(crate) trait Backend: Sync {
    /// An image that was built and not pushed.
    type Files: Send + Sync;

    /// The image that a tag names now.
    async fn tagged(&self, tag: &str) -> Result<Option<Image>>;

    /// Fails unless the image is signed by an identity that counts.
    async fn verify(&self, image: &Image) -> Result<()>;

    /// The predicates of this type that such an identity has attested of the image; fails when there are none.
    async fn attested(&self, image: &Image, kind: &str) -> Result<Vec<Value>>;

    /// Builds the checkout.
    async fn build(&self, cache: CachePlan) -> Result<Built<Self::Files>>;

    /// Pushes it under no tag.
    async fn push(&self, files: &Self::Files) -> Result<Image>;

    /// Makes the bill of materials of a pushed image.
    async fn bill(&self, image: &Image) -> Result<Value>;

    async fn sign(&self, image: &Image) -> Result<()>;

    async fn attest(&self, image: &Image, kind: &str, predicate: &Value) -> Result<()>;

    /// Gives the image a tag. Fails with [`Fixed`] when the tag never moves and names another image.
    async fn set_tag(&self, image: &Image, tag: &str) -> Result<()>;
}

/// The cache that a build reads, and whether it writes one.
#[derive(Clone, Debug, Default)]
pub(crate) struct CachePlan {
    pub(crate) from: Option<Image>,
    pub(crate) is_kept: bool,
}

/// The result of a build.
pub(crate) struct Built<F> {
    pub(crate) files: F,
    /// The cache that it has written.
    pub(crate) cache: Option<Image>,
}

/// The claims that are signed with an image.
#[derive(Clone, Debug)]
pub(crate) enum Claim {
    /// It is built from a commit.
    Origin(Origin),
    /// Its files differ from the commit, so that no origin is true of it.
    NoOrigin,
    /// Nothing is signed.
    Unsigned,
}

/// A build that is to be published.
#[derive(Clone, Debug)]
pub(crate) struct Publication {
    pub(crate) service: Service,
    pub(crate) tag: String,
    pub(crate) claim: Claim,
    /// The cache of such builds; none where the repository is not known.
    pub(crate) cache: Option<BuildCache>,
}

/// An image under its tag.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) image: Image,
    /// None for an image that is not signed.
    pub(crate) bill: Option<Value>,
}

impl Publication {
    pub(crate) async fn publish(&self, backend: &impl Backend) -> Result<Published> {
        let (service, tag) = (self.service, &self.tag);
        if let Some(image) = self.find(backend).await? {
            note(&format!("{service}: {tag} was built before"));
            let bill = Some(bill(backend, &image).await?);
            return Ok(Published { image, bill });
        }
        let is_kept = self.cache.is_some() && matches!(self.claim, Claim::Origin(_));
        let plan = CachePlan {
            from: self.verified_cache(backend).await,
            is_kept,
        };
        note(&format!("{service}: building {tag}"));
        let built = backend.build(plan.clone()).await?;
        let image = backend.push(&built.files).await?;
        let bill = self.sign(backend, &image).await?;
        let tagged = backend.set_tag(&image, tag).await;
        tagged.map_err(|error| {
            let advice = if error.is::<Fixed>() {
                "two commits share the digits of that tag, or an account with push rights has set it: delete the tag in the \
                 registry, or build another commit"
            } else {
                "the next build of this commit sets the tag"
            };
            error.context(format!("{image} is pushed, without the tag {tag}: {advice}"))
        })?;
        if is_kept {
            let kept = self.keep_cache(backend, plan.from, built.cache).await;
            warn_of(service, "the build's cache is not kept", kept);
        }
        Ok(Published { image, bill })
    }

    /// The image that was published of this commit before.
    async fn find(&self, backend: &impl Backend) -> Result<Option<Image>> {
        let (service, tag) = (self.service, &self.tag);
        let Claim::Origin(origin) = &self.claim else {
            return Ok(None);
        };
        let Some(image) = backend.tagged(tag).await? else {
            return Ok(None);
        };
        let is_signed = backend.verify(&image).await;
        is_signed.with_context(|| {
            format!(
                "{tag} of {service} names {}, which was not built here: a build sets that tag after the signature. Nothing was \
                 built. Delete the tag in the registry, or build another commit",
                image.digest
            )
        })?;
        // Without an answer it is built again, which proves the same.
        let origins = backend.attested(&image, origin::PREDICATE).await;
        if origin.is_among(service, &origins.unwrap_or_default()) {
            return Ok(Some(image));
        }
        note(&format!(
            "{service}: {tag} names {}, and no attestation says that it is of {origin}: building it to compare",
            image.digest
        ));
        Ok(None)
    }

    /// Signs an image that this process has pushed, and attests what is claimed of it, unless that was done.
    async fn sign(&self, backend: &impl Backend, image: &Image) -> Result<Option<Value>> {
        if matches!(self.claim, Claim::Unsigned) {
            return Ok(None);
        }
        if backend.verify(image).await.is_err() {
            backend.sign(image).await?;
            // Otherwise its own tag would be taken for another's by the next build.
            let counts = backend.verify(image).await;
            counts.context(
                "it is signed, and the signature does not count: do both keys belong together?",
            )?;
        }
        let bill = bill(backend, image).await?;
        if let Claim::Origin(origin) = &self.claim {
            let origins = backend.attested(image, origin::PREDICATE).await;
            if !origin.is_among(self.service, &origins.unwrap_or_default()) {
                let predicate = origin.predicate(self.service);
                backend.attest(image, origin::PREDICATE, &predicate).await?;
            }
        }
        Ok(Some(bill))
    }

    /// The cache that the build may read. Doubts cost time, and no build.
    async fn verified_cache(&self, backend: &impl Backend) -> Option<Image> {
        let cache = self.cache.as_ref()?;
        let found = async {
            let Some(image) = backend.tagged(build_cache::TAG).await? else {
                return Ok(None);
            };
            let predicates = backend.attested(&image, build_cache::PREDICATE).await?;
            if cache.is_among(&predicates) {
                return Ok(Some(image));
            }
            let (service, repository) = (cache.service, &cache.repository);
            bail!("{image} is not a cache of {service} in {repository}")
        };
        warn_of(self.service, "the build goes without a cache", found.await).flatten()
    }

    async fn keep_cache(
        &self,
        backend: &impl Backend,
        read: Option<Image>,
        written: Option<Image>,
    ) -> Result<()> {
        let written =
            written.context("the builder has written none: does it reach the registry?")?;
        if read.is_some_and(|read| read == written) {
            return Ok(());
        }
        let predicate = json!(self.cache);
        backend
            .attest(&written, build_cache::PREDICATE, &predicate)
            .await?;
        backend.set_tag(&written, build_cache::TAG).await
    }
}

/// The bill of materials that is attested of a signed image, which is made where there is none.
async fn bill(backend: &impl Backend, image: &Image) -> Result<Value> {
    let attested = backend.attested(image, BILL).await.unwrap_or_default();
    if let Some(bill) = attested.into_iter().next() {
        return Ok(bill);
    }
    let bill = backend.bill(image).await?;
    backend.attest(image, BILL, &bill).await?;
    Ok(bill)
}

fn warn_of<T>(service: Service, effect: &str, result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            note(&format!("warning: {service}: {effect}: {error:#}"));
            None
        }
    }
}

#[cfg(test)]
mod cache_tests;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
