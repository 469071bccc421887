//! A commit's way to prod: built, signed, scanned, deployed, promoted, approved; every tag of it names the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testkit::http::Client;

use super::workshop::{
    DONE, REGISTRY, SERVICES, UNCHANGED, Workshop, ended, said_by, write_program,
};
use crate::engine::{Output, expect};
use crate::load::Load;
use crate::stack::{DEV, PROD, STAGE};
use crate::vault::Identity;

/// A commit that serves in prod.
pub(super) struct Released {
    pub(super) tag: String,
    /// For the summary.
    pub(super) told: String,
}

pub(super) async fn check(workshop: &Workshop) -> Result<Released> {
    let checkout = tempfile::tempdir()?;
    let folder = checkout.path().display().to_string();
    expect("git", &["clone", "--quiet", ".", &folder], b"").await?;
    let commit = expect("git", &["rev-parse", "HEAD"], b"").await?;
    let commit = String::from_utf8(commit)?[..7].to_owned();
    let tag = format!("git-{commit}");
    // Of this commit alone: a version never moves, and the registry may be older than this run.
    let version = &format!("v1.0.0-{commit}");

    build(workshop, &folder, &tag).await?;
    scan(workshop, &tag).await?;
    let before = manifests(&tag).await?;
    let loads = [DEV, STAGE, PROD].map(|environment| Load::start(environment, "pipeline"));
    workshop.expect(&["deploy", "dev", &tag], DONE).await?;
    workshop.expect(&["promote", "dev", "stage"], DONE).await?;
    approve(workshop, &tag).await?;
    let promote = ["promote", "stage", "prod", "--tag", version];
    let said = workshop.expect(&promote, DONE).await?;
    let mut requests = 0;
    for load in loads {
        requests += load.end().await?.none_failed()?;
    }
    workshop.assert_serves_in(PROD, &tag, 1).await?;
    ensure!(said.contains("find the approval"), "{said}");

    let [dev, stage] = ["dev", "stage"].map(|name| format!("{name}-{commit}"));
    for name in [&tag, &dev, &stage, version, "latest"] {
        let bytes = manifests(name).await?;
        ensure!(
            bytes == before,
            "{name} is not byte for byte what {tag} was"
        );
    }
    names(workshop, &tag, version).await?;
    secrets(workshop).await?;
    let told = format!(
        "{tag} built, scanned and promoted to prod with an approval, 5 tags of one manifest: 0 of {requests} requests failed"
    );
    Ok(Released { tag, told })
}

/// Builds both images; a second call finds them there.
async fn build(workshop: &Workshop, folder: &str, tag: &str) -> Result<()> {
    let bills = workshop.path("bills");
    let call = [
        "--folder",
        folder,
        "build",
        "--network",
        "host",
        "--sbom-tool",
        "syft",
        "--repository",
        "e2e/stocks-app",
        "--out",
        &bills,
    ];
    let stray = Path::new(folder).join("stray");
    std::fs::write(&stray, "not committed")?;
    let refused = workshop.expect(&call, UNCHANGED).await?;
    ensure!(refused.contains("?? stray"), "{refused}");
    std::fs::remove_file(&stray)?;

    let first = workshop.run(&call).await?;
    ensure!(first.code == Some(DONE), "{}", said_by(&first));
    let second = workshop.expect(&call, DONE).await?;
    ensure!(second.contains("was built before"), "{second}");
    let printed = first.text();
    for service in SERVICES {
        let line = format!("{REGISTRY}/stocks/{service}:{tag} sha256:");
        ensure!(printed.contains(&line), "{printed}");
        let bill = std::fs::read(Path::new(&bills).join(format!("{service}.cdx.json")))?;
        let bill: Value = serde_json::from_slice(&bill)?;
        let components = bill["components"].as_array().context("components")?;
        let has_axum = components.iter().any(|it| it["name"] == "axum");
        ensure!(
            has_axum,
            "axum is not among {} components",
            components.len()
        );
    }
    // Without a scan it is not admitted anywhere.
    let deploy = ["deploy", "dev", tag];
    let refused = workshop.expect(&deploy, UNCHANGED).await?;
    ensure!(refused.contains("attestation of vuln"), "{refused}");
    Ok(())
}

/// Scans with what stands in for Trivy: it answers in Trivy's formats what it is told to.
async fn scan(workshop: &Workshop, tag: &str) -> Result<()> {
    let trivy = workshop.path("trivy");
    let out = workshop.path("scans");
    let call = ["scan", tag, "--trivy", &trivy, "--out", &out];
    let nowhere = ["scan", tag, "--trivy", "no-such-scanner"];
    let refused = workshop.expect(&nowhere, UNCHANGED).await?;
    ensure!(refused.contains("does not start"), "{refused}");
    for (report, age, reason) in [
        (report("HIGH", 1), "1 hour ago", "CVE-2026-0001 (HIGH)"),
        (report("LOW", 0), "1 hour ago", "it lists no package"),
        (report("LOW", 1), "49 hours ago", "49 h old"),
    ] {
        stand_in(Path::new(&trivy), &report, age).await?;
        let refused = workshop.expect(&call, UNCHANGED).await?;
        ensure!(refused.contains(reason), "{reason}: {refused}");
    }
    stand_in(Path::new(&trivy), &report("LOW", 1), "1 hour ago").await?;
    let summary = workshop.path("summary.md");
    let mut passing = workshop.command(&call);
    let passed = ended(passing.env("GITHUB_STEP_SUMMARY", &summary)).await?;
    ensure!(passed.code == Some(DONE), "{}", said_by(&passed));
    let summary = std::fs::read_to_string(summary)?;
    ensure!(summary.contains("| LOW | 1 |"), "{summary}");
    for service in SERVICES {
        for file in ["json", "sarif", "cdx.json"] {
            let file = Path::new(&out).join(format!("{service}.{file}"));
            ensure!(file.exists(), "{} was not written", file.display());
        }
    }
    Ok(())
}

/// A report as Trivy writes it, with one finding.
fn report(severity: &str, packages: usize) -> Value {
    let package = json!({
        "ID": "axum@0.8.9", "Name": "axum", "Identifier": {"PURL": "pkg:cargo/axum@0.8.9", "UID": "d5b8d6b2a5e5e5e5"},
        "Version": "0.8.9", "Layer": {"DiffID": "sha256:00"},
    });
    let finding = json!({
        "VulnerabilityID": "CVE-2026-0001", "PkgID": "axum@0.8.9", "PkgName": "axum", "InstalledVersion": "0.8.9",
        "Status": "fixed", "SeveritySource": "ghsa", "Title": "of the test", "Severity": severity,
    });
    json!({
        "SchemaVersion": 2,
        "ArtifactType": "container_image",
        "Results": [{
            "Target": "usr/local/bin/service", "Class": "lang-pkgs", "Type": "rustbinary",
            "Packages": vec![package; packages], "Vulnerabilities": [finding],
        }],
    })
}

async fn stand_in(file: &Path, report: &Value, database: &str) -> Result<()> {
    let updated = expect("date", &["-u", "-d", database, "+%Y-%m-%dT%H:%M:%SZ"], b"").await?;
    let updated = String::from_utf8(updated)?.trim().to_owned();
    let version = json!({
        "Version": "0.69.1",
        "VulnerabilityDB": {"Version": 2, "UpdatedAt": updated, "NextUpdate": updated, "DownloadedAt": updated},
    });
    let sarif = json!({"version": "2.1.0", "runs": []});
    let script = format!(
        "#!/bin/sh\ncase $1 in\nversion) echo '{version}' ;;\nconvert) echo '{sarif}' ;;\nimage | sbom) echo '{report}' ;;\n*) exit 1 ;;\nesac\n"
    );
    write_program(file, &script)
}

/// prod wants somebody who may to have said so.
async fn approve(workshop: &Workshop, tag: &str) -> Result<()> {
    for call in [["promote", "stage", "prod"], ["deploy", "prod", tag]] {
        let refused = workshop.expect(&call, UNCHANGED).await?;
        ensure!(refused.contains("stocksctl approve prod"), "{refused}");
    }
    let approve = ["approve", "prod", tag, "--yes"];
    // Who may push images may not approve them.
    let build_key = workshop.path("cosign.key");
    let wrong = [&approve[..], &["--approver-key", &build_key]].concat();
    workshop.expect(&wrong, DONE).await?;
    let promote = ["promote", "stage", "prod"];
    let refused = workshop.expect(&promote, UNCHANGED).await?;
    ensure!(refused.contains("stocksctl approve prod"), "{refused}");
    // Of another place.
    workshop
        .expect(&["approve", "stage", tag, "--yes"], DONE)
        .await?;
    let refused = workshop.expect(&promote, UNCHANGED).await?;
    ensure!(refused.contains("it is for stage"), "{refused}");
    // Looked at, and not said.
    workshop
        .expect(&["approve", "prod", tag], UNCHANGED)
        .await?;
    workshop.expect(&approve, DONE).await.map(drop)
}

/// The bytes of both manifests that a tag names.
async fn manifests(tag: &str) -> Result<BTreeMap<&'static str, String>> {
    let registry = Client::new(format!("http://{REGISTRY}"));
    let mut found = BTreeMap::new();
    for service in SERVICES {
        let path = format!("/v2/stocks/{service}/manifests/{tag}");
        let accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                      application/vnd.docker.distribution.manifest.v2+json";
        let request = registry.builder(reqwest::Method::GET, &path);
        let answer = request.header("accept", accept).send().await?;
        ensure!(answer.status() == 200, "{path}: {}", answer.status());
        found.insert(service, answer.text().await?);
    }
    Ok(found)
}

/// What is listed, and which names never move.
async fn names(workshop: &Workshop, tag: &str, version: &str) -> Result<()> {
    let listed = workshop
        .run(&["images", "--json", "--service", "trade"])
        .await?;
    let listed: Value = serde_json::from_slice(&listed.stdout)?;
    let images = listed.as_array().context("a list")?;
    let with = |name: &str| {
        let has = |image: &&Value| {
            let tags = image["tags"].as_array();
            tags.is_some_and(|tags| tags.iter().any(|tag| tag == name))
        };
        images.iter().find(has).cloned().unwrap_or_default()
    };
    let released = with(version);
    ensure!(
        released["signed"] == true && released["deployed"] == json!(["dev", "prod", "stage"]),
        "{released}"
    );
    ensure!(released["created"].is_string(), "{released}");
    let tags = released["tags"].as_array().context("tags")?;
    let once: BTreeSet<_> = tags.iter().map(Value::to_string).collect();
    ensure!(
        once.len() == tags.len(),
        "a tag is listed twice: {released}"
    );

    let foreign = ["tag", "e2e-1", version];
    let refused = workshop.expect(&foreign, UNCHANGED).await?;
    ensure!(refused.contains("never moves"), "{refused}");
    let refused = workshop.expect(&["tag", "e2e-1", tag], UNCHANGED).await?;
    ensure!(refused.contains("never moves"), "{refused}");
    // Nothing is brought into service under a version that is another release's.
    let deploy = ["deploy", "dev", "e2e-1", "--tag", version];
    let refused = workshop.expect(&deploy, UNCHANGED).await?;
    ensure!(refused.contains("never moves"), "{refused}");
    let again = workshop.expect(&["tag", tag, version], DONE).await?;
    ensure!(again.contains("was tagged"), "{again}");
    let movable = workshop.expect(&["tag", "e2e-1", "e2e-mark"], DONE).await?;
    ensure!(movable.contains("tagged"), "{movable}");
    workshop
        .expect(&["tag", "e2e-2", "e2e-mark"], DONE)
        .await
        .map(drop)
}

/// What the pipeline may read of Vault, for as long as it runs.
async fn secrets(workshop: &Workshop) -> Result<()> {
    let root = Identity::root().await?;
    let password = root.field("ci/pipeline", "harbor_password").await?;
    let (role_id, secret_id) = root.pair("ci").await?;
    let call = async |args: &[&str]| -> Result<Output> {
        let mut command = workshop.command(&[&["secrets"], args].concat());
        command
            .env("VAULT_ROLE_ID", &role_id)
            .env("VAULT_SECRET_ID", &secret_id);
        ended(&mut command).await
    };
    let checked = call(&[
        "check",
        "secret/ci/pipeline#sonar_token",
        "secret/harbor/registry",
    ])
    .await?;
    ensure!(checked.code == Some(DONE), "{}", said_by(&checked));
    ensure!(
        !said_by(&checked).contains(&password),
        "a value was printed"
    );
    let denied = call(&["check", "secret/prod/db/stocksdb"]).await?;
    ensure!(
        denied.code == Some(UNCHANGED) && said_by(&denied).contains("403"),
        "{}",
        said_by(&denied)
    );

    let script = "printf %s \"$HARBOR_PASSWORD\"; env | grep ^VAULT_ && exit 9; exit 7";
    let variable = "HARBOR_PASSWORD=secret/ci/pipeline#harbor_password";
    let ran = call(&["exec", "--env", variable, "--", "sh", "-c", script]).await?;
    ensure!(ran.code == Some(7), "{:?} {}", ran.code, said_by(&ran));
    ensure!(ran.text() == password, "another value was given");

    let fetched = workshop.path("fetched");
    let fetch = [
        "fetch",
        "secret/ci/pipeline#harbor_password",
        "--to",
        &fetched,
    ];
    let ran = call(&fetch).await?;
    ensure!(ran.code == Some(DONE), "{}", said_by(&ran));
    ensure!(
        std::fs::read_to_string(&fetched)? == password,
        "another value was written"
    );

    let token_file = workshop.path("token");
    let ran = call(&["login", "--to", &token_file]).await?;
    ensure!(ran.code == Some(DONE), "{}", said_by(&ran));
    let token = std::fs::read_to_string(&token_file)?;
    let place = "secret/ci/pipeline";
    let with_token = ["--token-file", &token_file, "check", place];
    ensure!(
        call(&with_token).await?.code == Some(DONE),
        "the token does not work"
    );
    let ran = call(&["--token-file", &token_file, "revoke"]).await?;
    ensure!(ran.code == Some(DONE), "{}", said_by(&ran));
    let after = call(&with_token).await?;
    ensure!(
        after.code == Some(UNCHANGED),
        "a token that was ended works"
    );
    ensure!(!said_by(&after).contains(&token), "a token was printed");
    Ok(())
}
