//! The sources that images are built from: the git repository and the Cargo workspace.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use super::process;
use crate::release::Service;

const TIMEOUT: Duration = Duration::from_mins(1);
/// A cold build compiles everything.
const BUILD_TIMEOUT: Duration = Duration::from_hours(1);
/// What every image is made of beside crates. The compiler's version stands in the Dockerfile.
const SHARED: [&str; 4] = ["Cargo.toml", "Cargo.lock", ".dockerignore", "db"];
/// Only this driver of buildx can keep a cache in a registry.
const CACHING_DRIVERS: [&str; 3] = ["docker-container", "kubernetes", "remote"];

/// A commit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Commit {
    /// 40 hexadecimal digits.
    pub(crate) id: String,
    /// Seconds since 1970.
    pub(crate) time: String,
}

/// A checkout of the project.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) folder: PathBuf,
}

/// How an image is built.
#[derive(Clone, Debug)]
pub(crate) struct Build<'a> {
    pub(crate) service: Service,
    /// `registry/stocks/trade`.
    pub(crate) repository: &'a str,
    pub(crate) tag: &'a str,
    /// The last commit that changed anything of it.
    pub(crate) made_of: &'a Commit,
    /// `docker build --network`.
    pub(crate) network: &'a str,
    /// More of `docker build --build-arg`.
    pub(crate) arguments: &'a [String],
}

impl Source {
    /// What is checked out.
    pub(crate) async fn head(&self) -> Result<Commit> {
        self.last_change(&[]).await
    }

    /// Files that differ from the commit.
    pub(crate) async fn changes(&self) -> Result<Vec<String>> {
        let status = self.git(&["status", "--porcelain"]).await?;
        Ok(status.lines().map(str::to_owned).collect())
    }

    /// The newest commit that has changed one of these paths; of all paths when there are none.
    pub(crate) async fn last_change(&self, paths: &[String]) -> Result<Commit> {
        let log = ["log", "-1", "--format=%H %ct", "HEAD", "--"];
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let line = self.git(&[&log[..], &paths].concat()).await?;
        let (id, time) = line
            .trim()
            .split_once(' ')
            .context("git has no commit of it")?;
        Ok(Commit {
            id: id.to_owned(),
            time: time.to_owned(),
        })
    }

    /// The paths that a service's image is made of: its crate, those of the workspace that it depends on, and what all share.
    pub(crate) async fn inputs(&self, service: Service) -> Result<Vec<String>> {
        let mut command = process::program("cargo");
        command
            .args([
                "metadata",
                "--format-version=1",
                "--locked",
                "--offline",
                "--no-deps",
            ])
            .current_dir(&self.folder);
        let metadata = process::run(&mut command, b"", TIMEOUT).await?;
        let metadata: Value = serde_json::from_str(&metadata)?;
        inputs(&metadata, service)
    }

    /// Builds an image and pushes it.
    pub(crate) async fn build(&self, wanted: &Build<'_>) -> Result<()> {
        let service = wanted.service;
        let file = format!("services/{service}/Dockerfile");
        let image = format!("{}:{}", wanted.repository, wanted.tag);
        let mut arguments = vec![
            format!("SOURCE_DATE_EPOCH={}", wanted.made_of.time),
            format!("REVISION={}", wanted.made_of.id),
            format!(
                "VERSION={}",
                &wanted.made_of.id[..crate::tag::COMMIT_DIGITS]
            ),
        ];
        arguments.extend_from_slice(wanted.arguments);

        let mut command = self.docker();
        command.args(["buildx", "build", "--push", "--provenance=false"]);
        command.args([
            "--file",
            &file,
            "--tag",
            &image,
            "--network",
            wanted.network,
        ]);
        for argument in &arguments {
            command.args(["--build-arg", argument]);
        }
        if self.can_cache().await? {
            let cache = format!("type=registry,ref={}:buildcache", wanted.repository);
            command.args(["--cache-from", &cache]);
            command.args(["--cache-to", &format!("{cache},mode=max")]);
        }
        command.arg(".");
        let ended = process::run(&mut command, b"", BUILD_TIMEOUT).await;
        ended
            .map(drop)
            .with_context(|| format!("build of {service}"))
    }

    /// Whether the builder in use can keep its cache in a registry.
    async fn can_cache(&self) -> Result<bool> {
        let mut command = self.docker();
        command.args(["buildx", "inspect"]);
        let told = process::run(&mut command, b"", TIMEOUT).await?;
        let driver = told.lines().find_map(|line| line.strip_prefix("Driver:"));
        let driver = driver.context("buildx names no driver")?.trim();
        Ok(CACHING_DRIVERS.contains(&driver))
    }

    fn docker(&self) -> Command {
        let mut command = process::program("docker");
        command.current_dir(&self.folder);
        command
    }

    async fn git(&self, args: &[&str]) -> Result<String> {
        let mut command = process::program("git");
        command.args(args).current_dir(&self.folder);
        process::run(&mut command, b"", TIMEOUT).await
    }
}

fn inputs(metadata: &Value, service: Service) -> Result<Vec<String>> {
    let root = metadata["workspace_root"].as_str().context("a workspace")?;
    let packages = metadata["packages"].as_array().context("its packages")?;
    let package = |name: &str| packages.iter().find(|package| package["name"] == name);
    let mut waiting = vec![service.name().to_owned()];
    let mut seen = Vec::new();
    let mut paths: Vec<String> = SHARED.map(str::to_owned).into();
    while let Some(name) = waiting.pop() {
        // What is not of the workspace stands in the lock file.
        let Some(package) = package(&name) else {
            continue;
        };
        if seen.contains(&name) {
            continue;
        }
        let manifest = package["manifest_path"].as_str().context("a manifest")?;
        let folder = Path::new(manifest).parent().context("a folder")?;
        paths.push(folder.strip_prefix(root)?.display().to_string());
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        // Tests are in no image.
        let of_image = dependencies.filter(|dependency| dependency["kind"] != "dev");
        waiting.extend(
            of_image
                .filter(|dependency| !dependency["path"].is_null())
                .filter_map(|dependency| Some(dependency["name"].as_str()?.to_owned())),
        );
        seen.push(name);
    }
    ensure!(!seen.is_empty(), "the workspace has no {service}");
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_image_is_made_of_its_crates_and_of_what_all_share() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let source = Source { folder };
        let [listing, trade] = Service::ALL;
        let listing = source.inputs(listing).await.unwrap();
        let trade = source.inputs(trade).await.unwrap();
        for shared in ["Cargo.lock", "crates/market", "crates/service-kit", "db"] {
            for inputs in [&listing, &trade] {
                assert!(inputs.iter().any(|input| input == shared), "{inputs:?}");
            }
        }
        assert!(trade.contains(&"services/trade".to_owned()));
        assert!(!listing.contains(&"services/trade".to_owned()));
        assert!(!trade.contains(&"crates/testkit".to_owned()), "{trade:?}");
        // The Dockerfile copies no other folder of the workspace.
        let dockerfile = source.folder.join("services/trade/Dockerfile");
        let dockerfile = std::fs::read_to_string(dockerfile).unwrap();
        let copied = dockerfile.lines().filter_map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            (words.first() == Some(&"COPY") && words.len() == 3).then(|| words[1].to_owned())
        });
        let mut count = 0;
        for path in copied.filter(|path| path.starts_with("crates/") || path == "db") {
            assert!(
                trade.contains(&path),
                "{path} is copied, and not among {trade:?}"
            );
            count += 1;
        }
        assert!(count > 2, "{count}");
    }
}
