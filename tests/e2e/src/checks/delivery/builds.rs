//! Builds on a registry in which another account sets tags, and builds that die: nothing but what was built here is signed, and
//! no fixed tag names an unsigned image.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testkit::http::Client;

use super::fixture::{Call, Fixture, SERVICE};
use super::workshop::{DONE, REGISTRY, UNCHANGED, Workshop, ended, said_by};
use crate::engine::{Output, expect};

const REPOSITORY: &str = "e2e/stocks-app";
/// The calls that have an effect, in their order. What `stocksctl` does itself, pushes and tags, is between two of them.
const EFFECTS: [Call; 5] = [
    call("docker", "buildx\\ build*"),
    call("cosign", "sign\\ *"),
    call("cosign", "attest\\ *cyclonedx*"),
    call("cosign", "attest\\ *origin*"),
    call("cosign", "attest\\ *build-cache*"),
];
/// Before this call, the image is under its tag.
const CACHE: usize = 4;
const KILL: &str = "kill -9 $PPID; exit 1";

const fn call(tool: &'static str, arguments: &'static str) -> Call {
    Call { tool, arguments }
}

/// A repository, and the keys of its pipeline.
struct Yard {
    workshop: Workshop,
    fixture: Fixture,
}

/// Needs an engine and the registry, and no environment.
pub(crate) async fn check() -> Result<String> {
    let yard = Yard {
        workshop: Workshop::new().await?,
        fixture: Fixture::new().await?,
    };
    yard.planted_before()
        .await
        .context("planted before the build")?;
    yard.planted_between()
        .await
        .context("planted between push and signature")?;
    let commit = yard.killed().await?;
    yard.shared_digest(&commit)
        .await
        .context("a commit that changes no input")?;
    yard.moved_cache()
        .await
        .context("the cache's tag is moved")?;
    Ok(format!(
        "2 planted images named and never signed, a build killed at {} steps and completed, 1 digest of 2 commits, 2 foreign \
         caches not read",
        EFFECTS.len()
    ))
}

impl Yard {
    /// Builds, with `action` before one of the calls.
    async fn build(&self, at: Option<Call>, action: &str) -> Result<Output> {
        let folder = self.fixture.folder();
        let path = self.fixture.path_with(at, action).await?;
        let args = [
            "--folder",
            &folder,
            "build",
            "--service",
            SERVICE,
            "--repository",
            REPOSITORY,
        ];
        ended(self.workshop.command(&args).env("PATH", path)).await
    }

    async fn succeeds(&self) -> Result<String> {
        let output = self.build(None, "").await?;
        let said = said_by(&output);
        ensure!(
            output.code == Some(DONE),
            "it ended with {:?}: {said}",
            output.code
        );
        Ok(said)
    }

    /// An image that was there first is an error that names it, and stays unsigned.
    async fn planted_before(&self) -> Result<()> {
        let tag = tag(&self.fixture.change().await?);
        let planted = self.plant(&tag).await?;
        let output = self.build(None, "").await?;
        self.refused(&output, &tag, &planted).await
    }

    /// The image comes when this build's own is pushed and not yet signed.
    async fn planted_between(&self) -> Result<()> {
        let tag = tag(&self.fixture.change().await?);
        let planted = self.plant("e2e-planted").await?;
        let place = |tag: &str| format!("{REGISTRY}/stocks/{SERVICE}:{tag}");
        let (from, to) = (place("e2e-planted"), place(&tag));
        let plant = format!("docker tag {from} {to} && docker push --quiet {to} >&2");
        let output = self.build(Some(EFFECTS[1]), &plant).await?;
        self.refused(&output, &tag, &planted).await
    }

    async fn refused(&self, output: &Output, tag: &str, planted: &str) -> Result<()> {
        let said = said_by(output);
        ensure!(
            output.code == Some(UNCHANGED),
            "it ended with {:?}: {said}",
            output.code
        );
        ensure!(
            said.contains(planted) && said.to_lowercase().contains("delete the tag"),
            "{said}"
        );
        let named = digest_of(tag).await?;
        ensure!(named.as_deref() == Some(planted), "{tag} names {named:?}");
        let verified = self.is_signed(planted).await;
        let is_unsigned =
            verified.is_err_and(|error| format!("{error:#}").contains("no signatures found"));
        ensure!(is_unsigned, "{planted} was signed");
        Ok(())
    }

    /// Each build goes past the step at which the one before was killed, and the last ends well. Until the image has all that is
    /// said of it, its tag names nothing.
    async fn killed(&self) -> Result<String> {
        let commit = self.fixture.change().await?;
        let tag = tag(&commit);
        let mut before = None;
        for (place, effect) in EFFECTS.iter().enumerate() {
            let died = || format!("killed before {} {}", effect.tool, effect.arguments);
            let killed = self.build(Some(*effect), KILL).await?;
            ensure!(
                killed.code.is_none(),
                "not {}: {}",
                died(),
                said_by(&killed)
            );
            before = digest_of(&tag).await?;
            ensure!(
                before.is_some() == (place >= CACHE),
                "{}: {tag} names {before:?}",
                died()
            );
        }
        let said = self.succeeds().await?;
        let digest = digest_of(&tag).await?.with_context(|| said.clone())?;
        ensure!(said.contains(&digest), "{said}");
        ensure!(
            before.as_ref() == Some(&digest),
            "{tag} has moved to {digest}"
        );
        self.is_signed(&digest).await?;
        ensure!(self.attested(&digest, "cyclonedx").await?.len() == 1);
        self.assert_origins(&digest, &[&commit]).await?;
        Ok(commit)
    }

    async fn shared_digest(&self, first: &str) -> Result<()> {
        let second = self.fixture.commit().await?;
        self.succeeds().await?;
        let digest = digest_of(&tag(first))
            .await?
            .context("the first is there")?;
        ensure!(digest_of(&tag(&second)).await?.as_ref() == Some(&digest));
        ensure!(self.attested(&digest, "cyclonedx").await?.len() == 1);
        self.assert_origins(&digest, &[first, &second]).await?;
        let again = self.succeeds().await?;
        ensure!(again.contains("was built before"), "{again}");
        Ok(())
    }

    /// Neither an unsigned digest nor a signed image is read as a cache, and the build replaces it.
    async fn moved_cache(&self) -> Result<()> {
        let commit = self.fixture.change().await?;
        let said = self.succeeds().await?;
        ensure!(
            !said.contains("warning"),
            "the cache of the build before is not read: {said}"
        );
        let signed = digest_of(&tag(&commit)).await?.context("it was built")?;
        let unsigned = self.plant("e2e-planted").await?;
        for moved in [unsigned, signed] {
            set_tag("buildcache", &moved).await?;
            self.fixture.change().await?;
            let said = self.succeeds().await?;
            let line = said
                .lines()
                .find(|line| line.contains("goes without a cache"));
            let line = line.with_context(|| said.clone())?;
            ensure!(line.contains(&moved), "{line}");
            let now = digest_of("buildcache").await?.context("it is there")?;
            ensure!(now != moved, "the cache that was built is not kept: {said}");
            self.attested(&now, "urn:stocks-app:build-cache:v1").await?;
        }
        Ok(())
    }

    /// Pushes an image as any account can that may push; returns its digest.
    async fn plant(&self, tag: &str) -> Result<String> {
        let dockerfile = format!(
            "FROM scratch\nLABEL planted={}-{tag}\n",
            self.fixture.folder()
        );
        self.workshop.build(SERVICE, tag, &dockerfile).await?;
        digest_of(tag).await?.context("it was pushed")
    }

    async fn is_signed(&self, digest: &str) -> Result<()> {
        let args = ["verify", "--insecure-ignore-tlog=true"];
        self.cosign(&args, digest).await.map(drop)
    }

    async fn attested(&self, digest: &str, kind: &str) -> Result<Vec<Value>> {
        let args = [
            "verify-attestation",
            "--insecure-ignore-tlog=true",
            "--type",
            kind,
        ];
        let output = self.cosign(&args, digest).await?;
        let mut predicates = Vec::new();
        for line in output.lines().filter(|line| line.starts_with('{')) {
            let envelope: Value = serde_json::from_str(line)?;
            let payload = envelope["payload"].as_str().context("a payload")?;
            let statement = expect("base64", &["--decode"], payload.as_bytes()).await?;
            let statement: Value = serde_json::from_slice(&statement)?;
            predicates.push(statement["predicate"].clone());
        }
        Ok(predicates)
    }

    async fn assert_origins(&self, digest: &str, commits: &[&str]) -> Result<()> {
        let found = self.attested(digest, "urn:stocks-app:origin:v1").await?;
        let expected = commits
            .iter()
            .map(|commit| json!({"repository": REPOSITORY, "commit": commit, "service": SERVICE}));
        let is_expected =
            found.len() == commits.len() && expected.into_iter().all(|it| found.contains(&it));
        ensure!(
            is_expected,
            "{digest} is of {found:?} instead of {commits:?}"
        );
        Ok(())
    }

    async fn cosign(&self, args: &[&str], digest: &str) -> Result<String> {
        let image = format!("{REGISTRY}/stocks/{SERVICE}@{digest}");
        let key = self.workshop.path("cosign.pub");
        let common = ["--allow-http-registry", "--key", &key, &image];
        let output = expect("cosign", &[args, &common].concat(), b"").await?;
        Ok(String::from_utf8(output)?)
    }
}

fn tag(commit: &str) -> String {
    format!("git-{}", &commit[..7])
}

fn manifest_of(name: &str) -> String {
    format!("/v2/stocks/{SERVICE}/manifests/{name}")
}

/// The digest that a tag names now.
async fn digest_of(tag: &str) -> Result<Option<String>> {
    let answer = manifest(tag).await?;
    if answer.status() == 404 {
        return Ok(None);
    }
    let digest = answer.headers().get("docker-content-digest");
    let digest = digest.with_context(|| format!("{tag}: {}", answer.status()))?;
    Ok(Some(digest.to_str()?.to_owned()))
}

/// Moves a tag, as any account can that may push.
async fn set_tag(tag: &str, digest: &str) -> Result<()> {
    let found = manifest(digest).await?;
    let kind = found
        .headers()
        .get("content-type")
        .context("a type")?
        .clone();
    let registry = Client::new(format!("http://{REGISTRY}"));
    let request = registry.builder(reqwest::Method::PUT, &manifest_of(tag));
    let request = request
        .header("content-type", kind)
        .body(found.bytes().await?);
    request.send().await?.error_for_status()?;
    Ok(())
}

async fn manifest(name: &str) -> Result<reqwest::Response> {
    let registry = Client::new(format!("http://{REGISTRY}"));
    let accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
    let request = registry.builder(reqwest::Method::GET, &manifest_of(name));
    Ok(request.header("accept", accept).send().await?)
}
