//! Makes releases as the pipeline does, or wrong in one way, and calls stocksctl.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::engine::{Output, docker, expect, inspect};
use crate::keys;
use crate::stack::{DEV, Environment};

pub(super) const REGISTRY: &str = "localhost:5000";
pub(super) const SERVICES: [&str; 2] = ["stock-listing", "trade"];
/// The exit codes of stocksctl.
pub(super) const DONE: i32 = 0;
pub(super) const UNCHANGED: i32 = 1;
pub(super) const ROLLED_BACK: i32 = 3;
/// No call takes longer, whatever happens to it.
const TIMEOUT: Duration = Duration::from_mins(5);

/// What is attested of an image.
#[derive(Clone)]
pub(super) struct Attested {
    pub(super) bill: Value,
    pub(super) scan: Option<Value>,
}

impl Attested {
    /// What the pipeline attests of an image that is in order.
    pub(super) fn sound() -> Self {
        Self {
            bill: bill(),
            scan: Some(scan("LOW")),
        }
    }
}

fn bill() -> Value {
    json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "name": "axum", "version": "0.8"}]})
}

pub(super) fn scan(severity: &str) -> Value {
    let found =
        json!([{"VulnerabilityID": "CVE-2026-0001", "PkgName": "axum", "Severity": severity}]);
    json!({
        "invocation": {},
        "scanner": {
            "uri": "pkg:github/aquasecurity/trivy",
            "result": {"SchemaVersion": 2, "Results": [{"Target": "service", "Packages": [{"Name": "axum"}], "Vulnerabilities": found}]},
        },
        "metadata": {"scanStartedOn": "2026-01-01T00:00:00Z", "scanFinishedOn": "2026-01-01T00:00:01Z"},
    })
}

/// A place with keys of its own.
pub(super) struct Workshop {
    folder: TempDir,
    stocksctl: PathBuf,
}

impl Workshop {
    pub(super) async fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let signing = json!({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [], "oidcUrls": [], "rekorTlogUrls": [], "tsaUrls": [], "rekorTlogConfig": {}, "tsaConfig": {},
        });
        std::fs::write(folder.path().join("signing.json"), signing.to_string())?;
        for pair in ["cosign", "approver"] {
            let prefix = folder.path().join(pair).display().to_string();
            let generate = ["generate-key-pair", "--output-key-prefix", &prefix];
            let cosign = ["COSIGN_PASSWORD=", "cosign"];
            expect("env", &[&cosign[..], &generate].concat(), b"").await?;
        }
        // Built with this program, and found beside it.
        let stocksctl = crate::engine::stocksctl()?;
        Ok(Self { folder, stocksctl })
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A release that is as the pipeline makes them; yields its tag.
    pub(super) async fn release(&self, number: &str, line: &str) -> Result<String> {
        let tag = format!("e2e-{number}");
        self.push(&tag, &tag, line.to_owned()).await?;
        self.sign(&tag, &Attested::sound()).await?;
        Ok(tag)
    }

    /// A release that starts, says that it is well, and does not answer.
    pub(super) async fn broken_release(&self) -> Result<String> {
        let lines = "ENV PORT=8009\nHEALTHCHECK --interval=1s CMD [\"service\", \"--version\"]";
        self.release("broken", lines).await
    }

    /// Both images under this tag, with one more line.
    pub(super) async fn push(&self, tag: &str, label: &str, line: String) -> Result<()> {
        // Images of a run of their own: what earlier runs have attested of others is not looked through.
        let run = std::process::id();
        for service in SERVICES {
            let dockerfile =
                format!("FROM stocks/{service}:local\n{line}\nLABEL e2e={label} e2e.run={run}\n");
            self.build(service, tag, &dockerfile).await?;
        }
        Ok(())
    }

    /// Builds and pushes an image of this Dockerfile.
    pub(super) async fn build(&self, service: &str, tag: &str, dockerfile: &str) -> Result<()> {
        let image = format!("{REGISTRY}/stocks/{service}:{tag}");
        let build = [
            "build",
            "--quiet",
            "--provenance=false",
            "--build-arg",
            "SOURCE_DATE_EPOCH=0",
            "--tag",
            &image,
            "-",
        ];
        expect("docker", &build, dockerfile.as_bytes()).await?;
        docker(&["push", "--quiet", &image])
            .await
            .context("is there a registry at localhost:5000?")?;
        Ok(())
    }

    pub(super) async fn sign(&self, tag: &str, attested: &Attested) -> Result<()> {
        std::fs::write(self.path("bill.json"), attested.bill.to_string())?;
        if let Some(scan) = &attested.scan {
            std::fs::write(self.path("scan.json"), scan.to_string())?;
        }
        for service in SERVICES {
            let reference = format!("{REGISTRY}/stocks/{service}:{tag}");
            let digest = pushed_digest(&reference).await?;
            let image = &format!("{REGISTRY}/stocks/{service}@{digest}");
            self.cosign("sign", &[], image).await?;
            self.cosign(
                "attest",
                &[
                    "--type",
                    "cyclonedx",
                    "--predicate",
                    &self.path("bill.json"),
                ],
                image,
            )
            .await?;
            if attested.scan.is_some() {
                self.cosign(
                    "attest",
                    &["--type", "vuln", "--predicate", &self.path("scan.json")],
                    image,
                )
                .await?;
            }
        }
        Ok(())
    }

    async fn cosign(&self, verb: &str, more: &[&str], image: &str) -> Result<()> {
        let (key, signing) = (self.path("cosign.key"), self.path("signing.json"));
        let fixed = [
            "COSIGN_PASSWORD=",
            "cosign",
            verb,
            "--key",
            &key,
            "--signing-config",
            &signing,
            "--yes",
            "--allow-http-registry",
        ];
        expect("env", &[&fixed[..], more, &[image]].concat(), b"")
            .await
            .map(drop)
    }

    /// stocksctl, with nothing else yet.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.stocksctl);
        command
            .args(args)
            .env("HARBOR_REGISTRY", REGISTRY)
            .env("COSIGN_PASSWORD", "")
            .env("COSIGN_PUBLIC_KEY", self.path("cosign.pub"))
            .env("COSIGN_KEY", self.path("cosign.key"))
            .env("COSIGN_APPROVER_PUBLIC_KEY", self.path("approver.pub"))
            .env("COSIGN_APPROVER_KEY", self.path("approver.key"))
            .env("COSIGN_SIGNING_CONFIG", self.path("signing.json"))
            .env("STOCKS_IGNORE_FILE", self.path("trivyignore"))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if let Some(key) = keys::for_smoke(args) {
            command.env("SMOKE_KEY", key);
        }
        command
    }

    /// Calls stocksctl, whatever its exit code.
    pub(super) async fn run(&self, args: &[&str]) -> Result<Output> {
        ended(&mut self.command(args)).await
    }

    /// Calls it, which must end with this code; yields what it said.
    pub(super) async fn expect(&self, args: &[&str], code: i32) -> Result<String> {
        let output = self.run(args).await?;
        let said = said_by(&output);
        ensure!(
            output.code == Some(code),
            "{} ended with {:?}: {said}",
            args.join(" "),
            output.code
        );
        Ok(said)
    }

    /// The steps that a call would do.
    pub(super) async fn plan(&self, args: &[&str]) -> Result<Vec<String>> {
        let planned = self.run(&[args, &["--dry-run"]].concat()).await?;
        ensure!(planned.code == Some(DONE), "{}", said_by(&planned));
        Ok(planned.text().lines().map(str::to_owned).collect())
    }

    /// Calls it, and sends it a signal once so many steps are done; yields its exit code.
    pub(super) async fn interrupt(
        &self,
        args: &[&str],
        steps: usize,
        signal: &str,
    ) -> Result<Option<i32>> {
        let mut child = self
            .command(args)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let id = child.id().context("it was just started")?.to_string();
        let mut lines = BufReader::new(child.stderr.take().context("it was asked for")?).lines();
        let mut done = 0;
        // Its first line says what it is about to do.
        while let Some(line) = lines.next_line().await? {
            done += usize::from(line.contains('✓'));
            if done >= steps {
                break;
            }
        }
        // It may have ended already, after its last step.
        let kill = ["-c", "kill -s \"$0\" \"$1\"", signal, &id];
        crate::engine::run("sh", kill, b"").await?;
        let reading = async { while let Ok(Some(_)) = lines.next_line().await {} };
        let (status, ()) =
            tokio::time::timeout(TIMEOUT, async { tokio::join!(child.wait(), reading) })
                .await
                .with_context(|| format!("it has not ended within {TIMEOUT:?} of its signal"))?;
        Ok(status?.code())
    }

    /// An environment serves this release and nothing else is there.
    pub(super) async fn assert_serves(&self, tag: &str) -> Result<()> {
        self.assert_serves_in(DEV, tag, 1).await
    }

    /// The same, with so many containers of each service.
    pub(super) async fn assert_serves_in(
        &self,
        environment: Environment,
        tag: &str,
        replicas: usize,
    ) -> Result<()> {
        let status = self.run(&["status", environment.name, "--json"]).await?;
        let status: Value = serde_json::from_slice(&status.stdout)?;
        let there = &status[0];
        ensure!(
            there["release"] == tag && there["drift"] == json!([]),
            "{tag} does not serve: {there}"
        );
        for service in SERVICES {
            let containers = there["services"][service].as_array().map_or(0, Vec::len);
            ensure!(containers == replicas, "{containers} of {service}: {there}");
        }
        let running = crate::engine::containers(&environment.project()).await?;
        let of_services = running
            .iter()
            .filter(|name| SERVICES.iter().any(|service| name.contains(service)));
        ensure!(
            of_services.count() == SERVICES.len() * replicas,
            "something is left: {running:?}"
        );
        Ok(())
    }
}

/// A program for a shell to run.
pub(super) fn write_program(file: &Path, script: &str) -> Result<()> {
    std::fs::write(file, script)?;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Runs a command to its end.
pub(super) async fn ended(command: &mut Command) -> Result<Output> {
    let output = tokio::time::timeout(TIMEOUT, command.output())
        .await
        .with_context(|| format!("it has not ended within {TIMEOUT:?}"))??;
    Ok(Output {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: output.stderr,
    })
}

pub(super) fn said_by(output: &Output) -> String {
    String::from_utf8_lossy(&output.all()).into_owned()
}

/// The digest of an image that was pushed, by its name with the registry.
pub(super) async fn pushed_digest(image: &str) -> Result<String> {
    let repository = image.rsplit_once(':').context("a name with a tag")?.0;
    let digests = inspect(image).await?["RepoDigests"].clone();
    let digests = digests.as_array().context("it was pushed")?;
    let start = format!("{repository}@");
    let mut found = digests.iter().filter_map(Value::as_str);
    let found = found.find_map(|digest| digest.strip_prefix(&start));
    Ok(found.context("it was pushed")?.to_owned())
}
