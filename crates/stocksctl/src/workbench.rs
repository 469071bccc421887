//! The tools of a build: the checkout, the builder, the registry and cosign, for one service.

use anyhow::{Result, ensure};
use async_trait::async_trait;
use serde_json::Value;
use tempfile::TempDir;

use crate::adapters::bill::BillTool;
use crate::adapters::buildx::{Builder, Caches};
use crate::adapters::cosign::{Cosign, Signer};
use crate::adapters::layout::Layout;
use crate::adapters::registry::Registry;
use crate::adapters::source::Source as Checkout;
use crate::build_cache;
use crate::publication::{Backend, Built, CachePlan};
use crate::release::{Image, Service};

pub(crate) struct Workbench<'a> {
    pub(crate) service: Service,
    pub(crate) checkout: &'a Checkout,
    pub(crate) registry: &'a Registry,
    pub(crate) builder: &'a Builder,
    pub(crate) cosign: &'a Cosign,
    pub(crate) signer: &'a Signer,
    pub(crate) bill_tool: &'a BillTool,
    /// The commit that the image must be built from; none where files may differ from it.
    pub(crate) commit: Option<&'a str>,
}

/// An image in a temporary folder.
pub(crate) struct Files {
    layout: Layout,
    /// Deleted with this value.
    _folder: TempDir,
}

#[async_trait]
impl Backend for Workbench<'_> {
    type Files = Files;

    async fn tagged(&self, tag: &str) -> Result<Option<Image>> {
        self.registry.image(self.service, tag).await
    }

    async fn verify(&self, image: &Image) -> Result<()> {
        self.cosign.verify(image).await
    }

    async fn attested(&self, image: &Image, kind: &str) -> Result<Vec<Value>> {
        self.cosign.attested(image, kind).await
    }

    async fn build(&self, cache: CachePlan) -> Result<Built<Files>> {
        let repository = self.registry.repository(self.service);
        let upload = format!("{repository}:{}", build_cache::UPLOAD_TAG);
        let caches = Caches {
            from: cache.from,
            to: cache.is_kept.then_some(upload),
        };
        let inputs = self.checkout.inputs(self.service).await?;
        let made_of = self.checkout.last_change(&inputs).await?;
        let folder = tempfile::tempdir()?;
        let built = self
            .builder
            .build(self.service, &made_of, &caches, folder.path())
            .await?;
        if let Some(commit) = self.commit {
            // A checkout that changed in the meantime is not what the tag and the origin name.
            let is_same = self.checkout.head().await?.id == commit
                && self.checkout.changes().await?.is_empty();
            ensure!(
                is_same,
                "the checkout changed while {} was built: build again",
                self.service
            );
        }
        Ok(Built {
            cache: built.cache.map(|digest| Image { repository, digest }),
            files: Files {
                layout: built.layout,
                _folder: folder,
            },
        })
    }

    async fn push(&self, files: &Files) -> Result<Image> {
        self.registry.push(self.service, &files.layout).await
    }

    async fn bill(&self, image: &Image) -> Result<Value> {
        self.bill_tool.make(image).await
    }

    async fn sign(&self, image: &Image) -> Result<()> {
        self.signer.sign(image).await
    }

    async fn attest(&self, image: &Image, kind: &str, predicate: &Value) -> Result<()> {
        self.signer.attest(image, kind, predicate).await
    }

    async fn set_tag(&self, image: &Image, tag: &str) -> Result<()> {
        self.registry.tag(self.service, image, tag).await.map(drop)
    }
}
