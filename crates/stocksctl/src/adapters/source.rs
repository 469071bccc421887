//! The sources that images are built from: the git repository and the Cargo workspace.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::process;
use crate::release::Service;
use crate::workspace::{Reach, Workspace};

const TIMEOUT: Duration = Duration::from_mins(1);
/// What every image is made of beside crates. The compiler's version stands in the Dockerfile.
const SHARED: [&str; 4] = ["Cargo.toml", "Cargo.lock", ".dockerignore", "db"];

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
        let mut paths = self.workspace().await?.folders(service, Reach::Binary);
        paths.extend(SHARED.map(str::to_owned));
        paths.sort();
        Ok(paths)
    }

    /// The crates of the project.
    pub(crate) async fn workspace(&self) -> Result<Workspace> {
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
        Workspace::of(&serde_json::from_str(&metadata)?)
    }

    /// The files that differ between a commit and what is checked out; none when git does not know the commit.
    pub(crate) async fn changed_since(&self, commit: &str) -> Result<Option<Vec<String>>> {
        let is_known = ["rev-parse", "--quiet", "--verify", "--end-of-options"];
        let name = format!("{commit}^{{commit}}");
        let Ok(base) = self.git(&[&is_known[..], &[&name]].concat()).await else {
            return Ok(None);
        };
        // Both ends of a move: what was there is gone for somebody.
        let diff = [
            "diff",
            "--name-only",
            "--no-renames",
            "-z",
            base.trim(),
            "HEAD",
        ];
        Ok(Some(names(&self.git(&diff).await?)))
    }

    /// Each file of what is checked out, with what is in it as git names that.
    pub(crate) async fn files(&self) -> Result<Vec<(String, String)>> {
        let tree = self.git(&["ls-tree", "-r", "-z", "HEAD"]).await?;
        let lines = names(&tree).into_iter();
        let files = lines.map(|line| {
            let (content, name) = line.split_once('\t').context("git names no file")?;
            anyhow::Ok((name.to_owned(), content.to_owned()))
        });
        files.collect()
    }

    /// The branch that is checked out, or the tag of what is.
    pub(crate) async fn reference(&self) -> Result<String> {
        let branch = self.git(&["rev-parse", "--abbrev-ref", "HEAD"]).await?;
        Ok(branch.trim().to_owned())
    }

    /// The address of the remote repository `origin`, if there is one.
    pub(crate) async fn remote(&self) -> Result<Option<String>> {
        let names = self.git(&["remote"]).await?;
        if !names.lines().any(|name| name == "origin") {
            return Ok(None);
        }
        let url = self.git(&["remote", "get-url", "origin"]).await?;
        Ok(Some(url.trim().to_owned()))
    }

    async fn git(&self, args: &[&str]) -> Result<String> {
        let mut command = process::program("git");
        command.args(args).current_dir(&self.folder);
        process::run(&mut command, b"", TIMEOUT).await
    }
}

/// What git separates by NUL.
fn names(text: &str) -> Vec<String> {
    let names = text.split('\0').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

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
            let path = line.strip_prefix("COPY --from=sources /context/")?;
            path.split(' ').next().map(str::to_owned)
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
