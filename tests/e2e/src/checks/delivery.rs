//! Releases come and go under load without a failed request; what may not run is refused; a call that dies is made good.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::engine::{Output, docker, expect};
use crate::load::Load;
use crate::stack::{DEV, HELPER_IMAGE};

const REGISTRY: &str = "localhost:5000";
const SERVICES: [&str; 2] = ["stock-listing", "trade"];
/// The exit codes of stocksctl.
const DONE: i32 = 0;
const UNCHANGED: i32 = 1;
const ROLLED_BACK: i32 = 3;

pub(crate) async fn check() -> Result<String> {
    let workshop = Workshop::new().await?;
    let [one, two] = [
        workshop.release("1", "LABEL release=1").await?,
        workshop.release("2", "LABEL release=2").await?,
    ];
    let broken = workshop.broken_release().await?;

    let load = Load::start(DEV, "delivery");
    load.progress(100).await?;
    let mut took = Vec::new();
    for (verb, tag) in [
        ("deploy", Some(&one)),
        ("deploy", Some(&two)),
        ("rollback", None),
        ("rollback", Some(&two)),
    ] {
        let began = Instant::now();
        workshop.expect(verb, tag.map(String::as_str), DONE).await?;
        took.push(format!("{verb} {:.1} s", began.elapsed().as_secs_f64()));
        load.progress(200).await?;
    }
    let refused = workshop
        .expect("deploy", Some(&broken), ROLLED_BACK)
        .await?;
    ensure!(refused.contains("smoke-test"), "{refused}");
    workshop.assert_serves(&two).await?;
    load.progress(200).await?;
    let requests = load.end().await?.none_failed()?;

    let refusals = check_refusals(&workshop, &two).await?;
    let deaths = check_deaths(&workshop, &one, &two).await?;
    check_ledger(&workshop).await?;
    check_by_hand(&workshop, &one).await?;
    Ok(format!(
        "{}, and one that failed its smoke test: 0 of {requests} requests failed; {refusals} releases refused; {deaths} calls killed, each made good",
        took.join(", ")
    ))
}

async fn check_refusals(workshop: &Workshop, serving: &str) -> Result<usize> {
    let label = |name: &str| format!("LABEL refused={name}");
    let plain = |name: &'static str| workshop.push(name, name, label(name));
    let sound = Attested {
        bill: bill(),
        scan: Some(scan("LOW")),
    };

    plain("unsigned").await?;
    plain("foreign").await?;
    let other = Workshop::new().await?;
    other.sign("foreign", &sound).await?;
    plain("no-components").await?;
    workshop
        .sign(
            "no-components",
            &Attested {
                bill: json!({"components": []}),
                ..sound.clone()
            },
        )
        .await?;
    plain("not-scanned").await?;
    workshop
        .sign(
            "not-scanned",
            &Attested {
                scan: None,
                ..sound.clone()
            },
        )
        .await?;
    plain("vulnerable").await?;
    workshop
        .sign(
            "vulnerable",
            &Attested {
                scan: Some(scan("HIGH")),
                ..sound.clone()
            },
        )
        .await?;

    let cases = [
        ("deploy", "unsigned", "is not signed"),
        ("deploy", "foreign", "is not signed"),
        ("deploy", "no-components", "names no component"),
        ("deploy", "not-scanned", "attestation of vuln"),
        ("deploy", "vulnerable", "CVE-2026-0001 (HIGH)"),
        ("deploy", "nowhere", "has no tag"),
        ("rollback", "unsigned", "was never in service"),
    ];
    for (verb, tag, reason) in cases {
        let said = workshop.expect(verb, Some(tag), UNCHANGED).await?;
        ensure!(said.contains(reason), "{verb} {tag} says: {said}");
        workshop.assert_serves(serving).await?;
    }

    // A tag that was in service names something else now.
    for service in SERVICES {
        let [from, to] =
            ["unsigned", "e2e-1"].map(|tag| format!("{REGISTRY}/stocks/{service}:{tag}"));
        docker(&["tag", &from, &to]).await?;
        docker(&["push", "--quiet", &to]).await?;
    }
    let said = workshop
        .expect("rollback", Some("e2e-1"), UNCHANGED)
        .await?;
    ensure!(said.contains("it was moved"), "{said}");
    workshop.release("1", "LABEL release=1").await?;

    // Somebody else is at work.
    let [first, second] = ["e2e-1", "e2e-2"];
    let (ended, refused) = tokio::try_join!(workshop.call("deploy", Some(first)), async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        workshop.call("deploy", Some(second)).await
    })?;
    ensure!(ended.code == Some(DONE), "{}", said_by(&ended));
    ensure!(
        refused.code == Some(UNCHANGED) && said_by(&refused).contains("holds the lock since"),
        "{}",
        said_by(&refused)
    );
    workshop.expect("deploy", Some(second), DONE).await?;
    Ok(cases.len() + 2)
}

/// kill -9 at each step: the services answer, and the next call succeeds.
async fn check_deaths(workshop: &Workshop, one: &str, two: &str) -> Result<usize> {
    let plan = workshop.plan(one).await?;
    ensure!(plan.len() > 10, "{plan:?}");
    let mut deaths = 0;
    let mut tags = [one, two];
    for step in 0..plan.len() {
        workshop.kill_after(tags[0], step).await?;
        // A lease would keep the next call away for a minute.
        workshop.run(&["lock", "break", "dev", "--yes"]).await?;
        for client in [DEV.listing(), DEV.trade()] {
            client.get("/readyz").await.expect(200);
        }
        workshop.expect("deploy", Some(tags[0]), DONE).await?;
        workshop.assert_serves(tags[0]).await?;
        tags.reverse();
        deaths += 1;
    }
    Ok(deaths)
}

/// An emergency by hand, as the reference has it: it serves, is seen, and is replaced by the next release.
async fn check_by_hand(workshop: &Workshop, tag: &str) -> Result<()> {
    DEV.compose(&["up", "--detach", "--wait"]).await?;
    DEV.wait_ready().await?;
    let status = workshop.run(&["status", "dev"]).await?.text();
    ensure!(
        status.contains("drift: ") && status.contains("by-hand"),
        "{status}"
    );
    workshop.expect("deploy", Some(tag), DONE).await?;
    workshop.assert_serves(tag).await
}

/// A change of one line is found.
async fn check_ledger(workshop: &Workshop) -> Result<()> {
    let verify = ["ledger", "verify", "dev"];
    let sound = workshop.run(&verify).await?;
    ensure!(sound.code == Some(DONE), "{}", said_by(&sound));
    for change in ["s/\"by\":\"/&x/", "2d", "$d", "2{h;d};3G"] {
        let script = format!("cp /r/ledger.jsonl /r/kept; sed -i '{change}' /r/ledger.jsonl");
        on_record(&script).await?;
        let found = workshop.run(&verify).await?;
        on_record("mv /r/kept /r/ledger.jsonl").await?;
        ensure!(
            found.code == Some(UNCHANGED),
            "after {change}: {}",
            said_by(&found)
        );
    }
    let sound = workshop.run(&verify).await?;
    ensure!(sound.code == Some(DONE), "{}", said_by(&sound));
    Ok(())
}

async fn on_record(script: &str) -> Result<()> {
    let helper = [
        "run",
        "--rm",
        "--user=0",
        "--volume=dev-releases:/r",
        "--entrypoint=sh",
        HELPER_IMAGE,
        "-c",
        script,
    ];
    docker(&helper).await.map(drop)
}

/// What is attested of an image.
#[derive(Clone)]
struct Attested {
    bill: Value,
    scan: Option<Value>,
}

fn bill() -> Value {
    json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "name": "axum", "version": "0.8"}]})
}

fn scan(severity: &str) -> Value {
    let found =
        json!([{"VulnerabilityID": "CVE-2026-0001", "PkgName": "axum", "Severity": severity}]);
    json!({
        "invocation": {},
        "scanner": {
            "uri": "pkg:github/aquasecurity/trivy",
            "result": {"SchemaVersion": 2, "Results": [{"Target": "service", "Vulnerabilities": found}]},
        },
        "metadata": {"scanStartedOn": "2026-01-01T00:00:00Z", "scanFinishedOn": "2026-01-01T00:00:01Z"},
    })
}

/// Makes releases, signs them with a key of its own, and calls stocksctl.
struct Workshop {
    folder: TempDir,
    stocksctl: PathBuf,
}

impl Workshop {
    async fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let signing = json!({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [], "oidcUrls": [], "rekorTlogUrls": [], "tsaUrls": [], "rekorTlogConfig": {}, "tsaConfig": {},
        });
        std::fs::write(folder.path().join("signing.json"), signing.to_string())?;
        let prefix = folder.path().join("cosign").display().to_string();
        expect(
            "env",
            &[
                "COSIGN_PASSWORD=",
                "cosign",
                "generate-key-pair",
                "--output-key-prefix",
                &prefix,
            ],
            b"",
        )
        .await?;
        // Built with this program, and found beside it.
        let stocksctl = std::env::current_exe()?.with_file_name("stocksctl");
        ensure!(stocksctl.exists(), "{} is not built", stocksctl.display());
        Ok(Self { folder, stocksctl })
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A release that is as the pipeline makes them; yields its tag.
    async fn release(&self, number: &str, line: &str) -> Result<String> {
        let tag = format!("e2e-{number}");
        self.push(&tag, &tag, line.to_owned()).await?;
        self.sign(
            &tag,
            &Attested {
                bill: bill(),
                scan: Some(scan("LOW")),
            },
        )
        .await?;
        Ok(tag)
    }

    /// A release that starts, says that it is well, and does not answer.
    async fn broken_release(&self) -> Result<String> {
        let lines = "ENV PORT=8009\nHEALTHCHECK --interval=1s CMD [\"service\", \"--version\"]";
        self.release("broken", lines).await
    }

    /// Both images under this tag, with one more line.
    async fn push(&self, tag: &str, label: &str, line: String) -> Result<()> {
        for service in SERVICES {
            let dockerfile = format!("FROM stocks/{service}:local\n{line}\nLABEL e2e={label}\n");
            self.build(service, tag, &dockerfile).await?;
        }
        Ok(())
    }

    async fn build(&self, service: &str, tag: &str, dockerfile: &str) -> Result<()> {
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

    async fn sign(&self, tag: &str, attested: &Attested) -> Result<()> {
        std::fs::write(self.path("bill.json"), attested.bill.to_string())?;
        if let Some(scan) = &attested.scan {
            std::fs::write(self.path("scan.json"), scan.to_string())?;
        }
        for service in SERVICES {
            let reference = format!("{REGISTRY}/stocks/{service}:{tag}");
            let digests = docker(&[
                "inspect",
                "--format",
                "{{join .RepoDigests \"\\n\"}}",
                &reference,
            ])
            .await?;
            let start = format!("{REGISTRY}/stocks/{service}@");
            let image = digests
                .lines()
                .find(|line| line.starts_with(&start))
                .context("it was pushed")?;
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

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.stocksctl);
        command
            .args(args)
            .env("HARBOR_REGISTRY", REGISTRY)
            .env("COSIGN_PUBLIC_KEY", self.path("cosign.pub"))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, args: &[&str]) -> Result<Output> {
        let output = self.command(args).output().await?;
        Ok(Output {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }

    async fn call(&self, verb: &str, tag: Option<&str>) -> Result<Output> {
        let args: Vec<&str> = [verb, "dev"].into_iter().chain(tag).collect();
        self.run(&args).await
    }

    /// Calls it, which must end with this code; yields what it said.
    async fn expect(&self, verb: &str, tag: Option<&str>, code: i32) -> Result<String> {
        let ended = self.call(verb, tag).await?;
        let said = said_by(&ended);
        ensure!(
            ended.code == Some(code),
            "{verb} {tag:?} ended with {:?}: {said}",
            ended.code
        );
        Ok(said)
    }

    /// The steps from what serves to this release.
    async fn plan(&self, tag: &str) -> Result<Vec<String>> {
        let planned = self.run(&["deploy", "dev", tag, "--dry-run"]).await?;
        Ok(planned.text().lines().map(str::to_owned).collect())
    }

    /// Deploys, and ends it by SIGKILL once so many steps are done.
    async fn kill_after(&self, tag: &str, steps: usize) -> Result<()> {
        let mut child = self
            .command(&["deploy", "dev", tag])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stderr.take().context("it was asked for")?).lines();
        let mut done = 0;
        // Its first line says what it is about to do.
        while let Some(line) = lines.next_line().await? {
            done += usize::from(line.contains('✓'));
            if done >= steps {
                break;
            }
        }
        child.kill().await?;
        Ok(())
    }

    async fn assert_serves(&self, tag: &str) -> Result<()> {
        let status = self.run(&["status", "dev", "--json"]).await?;
        let status: Value = serde_json::from_slice(&status.stdout)?;
        let dev = &status[0];
        ensure!(dev["release"] == tag && dev["drift"] == json!([]), "{dev}");
        for service in SERVICES {
            let containers = dev["services"][service].as_array().map_or(0, Vec::len);
            ensure!(containers == 1, "{containers} of {service}: {dev}");
        }
        Ok(())
    }
}

fn said_by(output: &Output) -> String {
    String::from_utf8_lossy(&output.all()).into_owned()
}
