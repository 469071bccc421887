//! A small repository in the shape of this one, whose images are built in a moment, and programs that act at one call of a tool.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::json;
use tempfile::TempDir;

use super::workshop::write_program;
use crate::engine::expect;

/// The service that is built.
pub(super) const SERVICE: &str = "trade";

/// A git repository of its own. Its first commit has no image.
pub(super) struct Fixture {
    folder: TempDir,
    /// Programs that stand before those on the PATH.
    tools: TempDir,
}

/// A call of a tool, before which something happens.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) tool: &'static str,
    /// A pattern of a shell for its arguments.
    pub(super) arguments: &'static str,
}

impl Fixture {
    pub(super) async fn new() -> Result<Self> {
        let fixture = Self {
            folder: tempfile::tempdir()?,
            tools: tempfile::tempdir()?,
        };
        let write = |path: &str, text: &str| -> Result<()> {
            let file = fixture.folder.path().join(path);
            std::fs::create_dir_all(file.parent().context("a folder")?)?;
            std::fs::write(file, text)?;
            Ok(())
        };
        write(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"services/*\"]\n",
        )?;
        write("Cargo.lock", "version = 4\n")?;
        for service in super::workshop::SERVICES {
            let manifest = format!("[package]\nname = \"{service}\"\nedition = \"2024\"\n");
            write(&format!("services/{service}/Cargo.toml"), &manifest)?;
            write(&format!("services/{service}/src/lib.rs"), "")?;
        }
        fixture.git(&["init", "--quiet"]).await?;
        let bill = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "name": "axum"}]});
        write_program(
            &fixture.tools.path().join("trivy"),
            &format!("#!/bin/sh\necho '{bill}'\n"),
        )?;
        Ok(fixture)
    }

    pub(super) fn folder(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// Commits a change of what the image is made of; returns the commit.
    pub(super) async fn change(&self) -> Result<String> {
        let count = self.git(&["rev-list", "--all", "--count"]).await?;
        // The run is in it: what earlier runs have signed is of other digests.
        let run = self.folder();
        let dockerfile =
            format!("FROM scratch\nCOPY services /services\nLABEL run={run} commit={count}\n");
        let path = format!("services/{SERVICE}/Dockerfile");
        std::fs::write(self.folder.path().join(path), dockerfile)?;
        self.commit().await
    }

    /// Commits what is there, even if nothing is new; returns the commit.
    pub(super) async fn commit(&self) -> Result<String> {
        self.git(&["add", "."]).await?;
        let who = [
            "-c",
            "user.name=e2e",
            "-c",
            "user.email=e2e@example.invalid",
        ];
        let commit = [
            "commit",
            "--quiet",
            "--allow-empty",
            "--message",
            "A change",
        ];
        self.git(&[&who[..], &commit].concat()).await?;
        self.git(&["rev-parse", "HEAD"]).await
    }

    async fn git(&self, args: &[&str]) -> Result<String> {
        let folder = self.folder();
        let output = expect("git", &[&["-C", &folder], args].concat(), b"").await?;
        Ok(String::from_utf8(output)?.trim().to_owned())
    }

    /// The PATH on which this call runs `action` first.
    pub(super) async fn path_with(&self, call: Option<Call>, action: &str) -> Result<String> {
        for tool in ["cosign", "docker"] {
            let real = on_path(tool).await?;
            let first = call
                .filter(|call| call.tool == tool)
                .map_or_else(String::new, |call| {
                    format!("case \"$*\" in {}) {action} ;; esac\n", call.arguments)
                });
            let script = format!("#!/bin/sh\n{first}exec {} \"$@\"\n", real.display());
            write_program(&self.tools.path().join(tool), &script)?;
        }
        let path = expect("sh", &["-c", "printf %s \"$PATH\""], b"").await?;
        let tools = self.tools.path().display();
        Ok(format!("{tools}:{}", String::from_utf8(path)?))
    }
}

async fn on_path(tool: &str) -> Result<PathBuf> {
    let found = expect("sh", &["-c", &format!("command -v {tool}")], b"").await?;
    Ok(Path::new(String::from_utf8(found)?.trim()).to_owned())
}
