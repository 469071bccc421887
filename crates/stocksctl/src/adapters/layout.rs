//! An image as a folder of this machine: an OCI image layout (image specification, `image-layout.md`), as a builder writes it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::release::Digest;

const IMAGE_MANIFESTS: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
/// Registries accept no larger manifest (distribution specification, "Pushing manifests").
const MAX_MANIFEST_BYTES: u64 = 4 * 1024 * 1024;

/// The single image of a layout.
#[derive(Debug)]
pub(crate) struct Layout {
    folder: PathBuf,
    pub(crate) media_type: String,
    /// The digest of [`Self::manifest`].
    pub(crate) digest: Digest,
    /// The manifest's bytes.
    pub(crate) manifest: Vec<u8>,
    /// The digests of the configuration and of the layers.
    pub(crate) blobs: Vec<Digest>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    #[serde(rename = "mediaType")]
    media_type: String,
    digest: Digest,
}

#[derive(Deserialize)]
struct Manifest {
    config: Blob,
    layers: Vec<Blob>,
}

#[derive(Deserialize)]
struct Blob {
    digest: Digest,
}

impl Layout {
    /// Reads a layout, which must have one image and no index of several.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        Self::read(folder).with_context(|| format!("the image layout {}", folder.display()))
    }

    fn read(folder: &Path) -> Result<Self> {
        let index: Index = serde_json::from_slice(&read_bounded(&folder.join("index.json"))?)
            .context("index.json")?;
        let [descriptor] = <[Descriptor; 1]>::try_from(index.manifests)
            .map_err(|all| anyhow::anyhow!("it has {} manifests instead of one", all.len()))?;
        ensure!(
            IMAGE_MANIFESTS.contains(&descriptor.media_type.as_str()),
            "it has a {} instead of an image",
            descriptor.media_type
        );
        let bytes = read_bounded(&blob_path(folder, &descriptor.digest))?;
        let digest = Digest::of(&bytes);
        ensure!(
            digest == descriptor.digest,
            "its manifest is {digest}, and its index names {}",
            descriptor.digest
        );
        let manifest: Manifest = serde_json::from_slice(&bytes).context("its manifest")?;
        let blobs = std::iter::once(manifest.config).chain(manifest.layers);
        let mut blobs: Vec<Digest> = blobs.map(|blob| blob.digest).collect();
        blobs.sort();
        blobs.dedup();
        Ok(Self {
            folder: folder.to_owned(),
            media_type: descriptor.media_type,
            digest,
            manifest: bytes,
            blobs,
        })
    }

    /// The file of a blob.
    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        blob_path(&self.folder, digest)
    }
}

fn blob_path(folder: &Path, digest: &Digest) -> PathBuf {
    folder.join("blobs/sha256").join(digest.hex())
}

fn read_bounded(file: &Path) -> Result<Vec<u8>> {
    let length = std::fs::metadata(file)
        .with_context(|| file.display().to_string())?
        .len();
    ensure!(
        length <= MAX_MANIFEST_BYTES,
        "{} has {length} bytes, more than a registry accepts",
        file.display()
    );
    std::fs::read(file).with_context(|| file.display().to_string())
}

#[cfg(test)]
pub(crate) mod samples {
    use serde_json::json;

    use super::*;

    /// Writes an image of these layers, as a builder does; returns its digest.
    pub(crate) fn write_layout(folder: &Path, layers: &[&[u8]]) -> Digest {
        let blobs = folder.join("blobs/sha256");
        std::fs::create_dir_all(&blobs).unwrap();
        let write = |bytes: &[u8]| {
            let digest = Digest::of(bytes);
            std::fs::write(blobs.join(digest.hex()), bytes).unwrap();
            digest
        };
        let config = write(b"{\"architecture\":\"amd64\"}");
        let layers: Vec<_> = layers
            .iter()
            .map(|layer| json!({"digest": write(layer), "size": layer.len()}))
            .collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": IMAGE_MANIFESTS[1],
            "config": {"digest": config, "size": 24},
            "layers": layers,
        });
        let digest = write(manifest.to_string().as_bytes());
        let index = json!({
            "schemaVersion": 2,
            "manifests": [{"mediaType": IMAGE_MANIFESTS[1], "digest": digest}],
        });
        std::fs::write(folder.join("index.json"), index.to_string()).unwrap();
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_the_digest_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let digest = samples::write_layout(folder.path(), &[b"one", b"two", b"one"]);
        let layout = Layout::open(folder.path()).unwrap();
        assert_eq!(layout.digest, digest);
        assert_eq!(layout.blobs.len(), 3, "{:?}", layout.blobs);
        assert!(layout.blobs.iter().all(|blob| layout.blob(blob).exists()));
    }

    #[test]
    fn a_layout_whose_manifest_was_changed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let digest = samples::write_layout(folder.path(), &[b"one"]);
        let other = tempfile::tempdir().unwrap();
        let changed = samples::write_layout(other.path(), &[b"two"]);
        let bytes = std::fs::read(blob_path(other.path(), &changed)).unwrap();
        std::fs::write(blob_path(folder.path(), &digest), bytes).unwrap();
        let refused = Layout::open(folder.path()).unwrap_err();
        assert!(
            format!("{refused:#}").contains("its index names"),
            "{refused:#}"
        );
    }

    #[test]
    fn an_index_of_images_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let digest = samples::write_layout(folder.path(), &[b"one"]);
        let entry =
            |media_type: &str| format!(r#"{{"mediaType":"{media_type}","digest":"{digest}"}}"#);
        let image = entry(IMAGE_MANIFESTS[0]);
        let several = format!("{image},{image}");
        let nested = entry("application/vnd.oci.image.index.v1+json");
        for manifests in ["", &several, &nested] {
            let index = format!(r#"{{"manifests":[{manifests}]}}"#);
            std::fs::write(folder.path().join("index.json"), index).unwrap();
            assert!(Layout::open(folder.path()).is_err(), "{manifests}");
        }
    }
}
