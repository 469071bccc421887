//! Uploads: the bytes of an image that this process has read, under their own digest and no tag.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use futures_util::stream;
use http::HeaderValue;
use oci_client::Reference;
use oci_client::errors::OciDistributionError;
use tokio::io::AsyncReadExt as _;

use super::{Registry, parse};
use crate::adapters::layout::Layout;
use crate::release::{Digest, Image, Service};

/// The size of a part of an upload.
const PART_BYTES: u64 = 8 * 1024 * 1024;

impl Registry {
    /// Pushes an image, under no tag.
    pub(crate) async fn push(&self, service: Service, layout: &Layout) -> Result<Image> {
        let image = Image {
            repository: self.repository(service),
            digest: layout.digest.clone(),
        };
        self.upload(layout, &image)
            .await
            .with_context(|| format!("push of {image}"))?;
        Ok(image)
    }

    async fn upload(&self, layout: &Layout, image: &Image) -> Result<()> {
        let reference = parse(&image.to_string())?;
        self.client
            .store_auth_if_needed(reference.resolve_registry(), &self.auth)
            .await;
        for blob in &layout.blobs {
            let is_there = self.client.blob_exists(&reference, &blob.to_string()).await;
            if !is_there.map_err(|error| self.unanswered(error))? {
                self.upload_blob(&reference, blob, &layout.blob(blob))
                    .await?;
            }
        }
        let media_type = HeaderValue::from_str(&layout.media_type)?;
        let pushed = self
            .client
            .push_manifest_raw(&reference, layout.manifest.clone(), media_type)
            .await;
        pushed.map_err(|error| self.not_pushed(&image.to_string(), error))?;
        let found = self.digest(&image.to_string()).await?;
        ensure!(
            found.as_ref() == Some(&image.digest),
            "the registry does not return what was pushed"
        );
        Ok(())
    }

    /// The registry compares the bytes with the digest when the upload ends.
    async fn upload_blob(&self, reference: &Reference, blob: &Digest, file: &Path) -> Result<()> {
        let file = tokio::fs::File::open(file)
            .await
            .with_context(|| file.display().to_string())?;
        let parts = stream::try_unfold(file, async |mut file| {
            let mut part = Vec::new();
            (&mut file).take(PART_BYTES).read_to_end(&mut part).await?;
            let is_end = part.is_empty();
            Ok::<_, OciDistributionError>((!is_end).then(|| (part.into(), file)))
        });
        let pushed = self
            .client
            .push_blob_stream(reference, parts, &blob.to_string(), None)
            .await;
        pushed
            .map(drop)
            .map_err(|error| self.not_pushed(&reference.whole(), error))
    }
}

#[cfg(test)]
mod tests {
    use super::super::stand_in::StandIn;
    use super::super::{Fixed, Registry};
    use super::*;
    use crate::adapters::layout::samples::write_layout;

    const SERVICE: Service = Service::Trade;

    fn registry(stand_in: &StandIn) -> Registry {
        let credentials = Some(("ci".to_owned(), "password".to_owned()));
        Registry::new(&stand_in.address, credentials, true)
    }

    /// An image of two layers, of which one takes several parts.
    fn layout(folder: &Path) -> Layout {
        let large = vec![7; usize::try_from(PART_BYTES).unwrap() * 2 + 1];
        write_layout(folder, &[b"small", &large]);
        Layout::open(folder).unwrap()
    }

    #[tokio::test]
    async fn an_image_is_pushed_under_its_digest_and_no_tag() {
        let stand_in = StandIn::start().await;
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        let image = registry(&stand_in).push(SERVICE, &layout).await.unwrap();
        assert_eq!(image.digest, layout.digest);
        let content = stand_in.content();
        assert!(content.tags.is_empty());
        let (media_type, bytes) = &content.manifests[&layout.digest.to_string()];
        assert_eq!((media_type, bytes), (&layout.media_type, &layout.manifest));
        for blob in &layout.blobs {
            let pushed = &content.blobs[&blob.to_string()];
            assert_eq!(*pushed, std::fs::read(layout.blob(blob)).unwrap());
        }
    }

    #[tokio::test]
    async fn a_push_that_failed_anywhere_is_completed_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        let all = {
            let stand_in = StandIn::start().await;
            registry(&stand_in).push(SERVICE, &layout).await.unwrap();
            stand_in.content().written.len()
        };
        for writes in 0..all {
            let stand_in = StandIn::start().await;
            stand_in.content().writes_left = Some(writes);
            let failed = registry(&stand_in).push(SERVICE, &layout).await;
            assert!(failed.is_err(), "after {writes} writes");
            assert!(stand_in.content().manifests.is_empty());
            stand_in.content().writes_left = None;
            registry(&stand_in).push(SERVICE, &layout).await.unwrap();
            let written = stand_in.content().manifests.len();
            assert_eq!(written, 1, "after {writes} writes");
        }
    }

    #[tokio::test]
    async fn layers_that_are_there_are_not_pushed_again() {
        let stand_in = StandIn::start().await;
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        registry(&stand_in).push(SERVICE, &layout).await.unwrap();
        stand_in.content().written.clear();
        registry(&stand_in).push(SERVICE, &layout).await.unwrap();
        let written = stand_in.content().written.clone();
        let manifest = format!("PUT /v2/stocks/trade/manifests/{}", layout.digest);
        assert_eq!(written, [manifest]);
    }

    #[tokio::test]
    async fn a_layer_that_was_changed_on_disk_is_refused() {
        let stand_in = StandIn::start().await;
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        std::fs::write(layout.blob(&Digest::of(b"small")), "other").unwrap();
        let pushed = registry(&stand_in).push(SERVICE, &layout).await;
        assert!(pushed.is_err());
        assert!(stand_in.content().manifests.is_empty());
    }

    #[tokio::test]
    async fn a_fixed_tag_that_names_another_image_does_not_move() {
        let stand_in = StandIn::start().await;
        let registry = registry(&stand_in);
        let mut images = Vec::new();
        for layer in [b"ours", b"them"] {
            let folder = tempfile::tempdir().unwrap();
            write_layout(folder.path(), &[layer]);
            let layout = Layout::open(folder.path()).unwrap();
            images.push(registry.push(SERVICE, &layout).await.unwrap());
        }
        let (tag, planted) = ("git-a1b2c3d", images[1].digest.to_string());
        stand_in
            .content()
            .tags
            .insert(tag.to_owned(), planted.clone());
        let refused = registry.tag(SERVICE, &images[0], tag).await.unwrap_err();
        assert!(refused.is::<Fixed>(), "{refused:#}");
        assert!(refused.to_string().contains(&planted), "{refused:#}");
        assert_eq!(stand_in.content().tags[tag], planted);
        // A tag that may move does.
        stand_in
            .content()
            .tags
            .insert("buildcache".to_owned(), planted);
        registry
            .tag(SERVICE, &images[0], "buildcache")
            .await
            .unwrap();
        let now = stand_in.content().tags["buildcache"].clone();
        assert_eq!(now, images[0].digest.to_string());
    }

    #[tokio::test]
    async fn a_registry_that_returns_other_bytes_for_a_digest_gets_nothing_tagged() {
        let stand_in = StandIn::start().await;
        let registry = registry(&stand_in);
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        let image = registry.push(SERVICE, &layout).await.unwrap();
        let other = (
            "application/vnd.oci.image.manifest.v1+json".to_owned(),
            b"{}".to_vec(),
        );
        let digest = image.digest.to_string();
        stand_in.content().manifests.insert(digest, other);
        assert!(registry.tag(SERVICE, &image, "dev-a1b2c3d").await.is_err());
        assert!(stand_in.content().tags.is_empty());
    }
}
