//! Builds of images, through `docker buildx`. A build writes to a folder and to no tag that is ever read: the caller pushes the
//! bytes of that folder, so that it knows the digest without asking a registry or an engine for it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::process::Command;

use super::layout::Layout;
use super::process;
use super::source::Commit;
use crate::release::{Digest, Image, Service};
use crate::tag;

const TIMEOUT: Duration = Duration::from_mins(1);

/// A builder, with the checkout as its context.
#[derive(Clone, Debug)]
pub(crate) struct Builder {
    pub(crate) folder: PathBuf,
    /// `docker build --network`.
    pub(crate) network: String,
    /// More of `docker build --build-arg`.
    pub(crate) arguments: Vec<String>,
    /// True if the registry speaks HTTP without TLS.
    pub(crate) is_plain: bool,
}

/// The cache of a build, in a registry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caches {
    /// The cache that the build reads.
    pub(crate) from: Option<Image>,
    /// The name under which the build writes its own.
    pub(crate) to: Option<String>,
}

/// The result of a build.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) layout: Layout,
    /// The digest of the cache that it has written.
    pub(crate) cache: Option<Digest>,
}

impl Builder {
    /// Builds an image into an empty folder. `made_of` is the last commit that changed one of its inputs.
    pub(crate) async fn build(
        &self,
        service: Service,
        made_of: &Commit,
        caches: &Caches,
        folder: &Path,
    ) -> Result<Built> {
        self.check_driver().await?;
        let (layout, metadata) = (folder.join("image"), folder.join("metadata.json"));
        let mut command = self.docker();
        command.args(["buildx", "build", "--provenance=false"]);
        command.args(["--file", &format!("services/{service}/Dockerfile")]);
        command.args(["--network", &self.network]);
        command.arg("--output").arg(output(&layout)?);
        command.arg("--metadata-file").arg(&metadata);
        let fixed = [
            format!("SOURCE_DATE_EPOCH={}", made_of.time),
            format!("REVISION={}", made_of.id),
            format!("VERSION={}", &made_of.id[..tag::COMMIT_DIGITS]),
        ];
        for argument in fixed.iter().chain(&self.arguments) {
            command.args(["--build-arg", argument]);
        }
        if let Some(cache) = &caches.from {
            let from = self.cache_options(&cache.to_string());
            command.args(["--cache-from", &from]);
        }
        if let Some(name) = &caches.to {
            // A cache that cannot be written costs time, and no build.
            let kind = "mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true";
            let to = format!("{},{kind}", self.cache_options(name));
            command.args(["--cache-to", &to]);
        }
        command.arg(".");
        let ended = process::run(&mut command, b"", process::COMPILE_TIMEOUT).await;
        ended.with_context(|| format!("build of {service}"))?;
        let told = std::fs::read(&metadata).context("buildx has written no metadata")?;
        Ok(Built {
            layout: Layout::open(&layout)?,
            cache: written_cache(&serde_json::from_slice(&told)?)?,
        })
    }

    fn cache_options(&self, reference: &str) -> String {
        let plain = if self.is_plain {
            ",registry.insecure=true"
        } else {
            ""
        };
        format!("type=registry,ref={reference}{plain}")
    }

    /// Fails where the builder in use cannot write an image to a folder.
    async fn check_driver(&self) -> Result<()> {
        let mut inspect = self.docker();
        let told = process::run(inspect.args(["buildx", "inspect"]), b"", TIMEOUT).await?;
        let driver = told.lines().find_map(|line| line.strip_prefix("Driver:"));
        let driver = driver.context("buildx names no driver")?.trim();
        if driver != "docker" {
            return Ok(());
        }
        let mut info = self.docker();
        info.args(["info", "--format", "{{json .DriverStatus}}"]);
        let status = process::run(&mut info, b"", TIMEOUT).await?;
        if status.contains("io.containerd.snapshotter") {
            return Ok(());
        }
        bail!(
            "the builder of this engine cannot write an image to a folder. Create one that can: docker buildx create --use \
             --driver docker-container --driver-opt network=host; or turn on the engine's containerd image store \
             (\"features\": {{\"containerd-snapshotter\": true}} in daemon.json)"
        );
    }

    fn docker(&self) -> Command {
        let mut command = process::program("docker");
        command.current_dir(&self.folder);
        command
    }
}

/// The exporter's options. The media types are named, because their default depends on the builder, and with it the digest.
fn output(layout: &Path) -> Result<String> {
    let dest = layout.to_str().context("the path of the image layout")?;
    // The options are a line of CSV.
    ensure!(
        !dest.contains([',', '"']),
        "{dest} has a comma or a quotation mark: set TMPDIR to another folder"
    );
    Ok(format!(
        "type=oci,dest={dest},tar=false,oci-mediatypes=false"
    ))
}

/// The digest of the cache that the builder has written, as the builder itself computed it.
fn written_cache(metadata: &Value) -> Result<Option<Digest>> {
    let Some(text) = metadata["cache.manifest"].as_str() else {
        return Ok(None);
    };
    let descriptor: Value = serde_json::from_str(text).context("cache.manifest of the metadata")?;
    let digest = descriptor["digest"].as_str();
    let digest = digest.context("cache.manifest of the metadata has no digest")?;
    Ok(Some(digest.parse()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_digest_of_a_cache_is_the_one_that_the_builder_computed() {
        let digest = Digest::of(b"cache");
        // As BuildKit 0.13 writes it: JSON within a string.
        let descriptor = json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 1559,
        });
        let metadata = json!({"cache.manifest": descriptor.to_string()});
        assert_eq!(written_cache(&metadata).unwrap(), Some(digest));
        assert_eq!(written_cache(&json!({})).unwrap(), None);
        for wrong in ["", "{}", r#"{"digest":"latest"}"#] {
            let metadata = json!({"cache.manifest": wrong});
            assert!(written_cache(&metadata).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_path_does_not_add_options() {
        assert!(output(Path::new("/tmp/a")).is_ok());
        assert!(output(Path::new("/tmp/a,push=true")).is_err());
    }
}
