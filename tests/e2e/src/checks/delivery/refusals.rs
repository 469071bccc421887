//! What is refused: each for its own reason, and nothing is changed.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::workshop::{
    Attested, DONE, REGISTRY, SERVICES, UNCHANGED, Workshop, ended, said_by, scan, write_program,
};
use crate::engine::{docker, expect};
use crate::stack::PROD;
use crate::vault;

/// The engine's own bytes, not the registry's, are what is too many.
const SMALL_DISK: &str = "12m";
/// A network that the second engine takes for its own: without one it would remove the first one's.
const BRIDGE: &str = "e2e-small";

pub(super) async fn check(workshop: &Workshop, serving: &str) -> Result<usize> {
    let images = images(workshop, serving).await?;
    let places = places(workshop, serving).await?;
    two_at_once(workshop).await?;
    Ok(images + places + 1)
}

/// Images that may not run.
async fn images(workshop: &Workshop, serving: &str) -> Result<usize> {
    let sound = Attested::sound();
    for name in [
        "unsigned",
        "foreign",
        "no-components",
        "not-scanned",
        "vulnerable",
    ] {
        let label = format!("LABEL refused={name}");
        workshop.push(name, name, label).await?;
    }
    let other = Workshop::new().await?;
    other.sign("foreign", &sound).await?;
    let no_components = Attested {
        bill: json!({"components": []}),
        ..sound.clone()
    };
    workshop.sign("no-components", &no_components).await?;
    let not_scanned = Attested {
        scan: None,
        ..sound.clone()
    };
    workshop.sign("not-scanned", &not_scanned).await?;
    let vulnerable = Attested {
        scan: Some(scan("HIGH")),
        ..sound
    };
    workshop.sign("vulnerable", &vulnerable).await?;

    let nobodys = format!("trade@sha256:{}", "0".repeat(64));
    let cases = [
        ("deploy", "unsigned", "is not signed"),
        ("deploy", "foreign", "is not signed"),
        ("deploy", "no-components", "names no component"),
        ("deploy", "not-scanned", "attestation of vuln"),
        ("deploy", "vulnerable", "CVE-2026-0001 (HIGH)"),
        ("deploy", "nowhere", "has no tag"),
        ("deploy", &nobodys, "has no image of the digest"),
        ("deploy", "in valid", "is no tag"),
        ("rollback", "unsigned", "was never in service"),
    ];
    for (verb, tag, reason) in cases {
        refuse(workshop, &[verb, "dev", tag], reason, serving).await?;
    }

    // A finding that may pass for a while, and the day after.
    let deploy = ["deploy", "dev", "vulnerable"];
    let ignore = |until: &str| {
        let text = format!("# Not reachable from here.\nCVE-2026-0001 exp:{until}\n");
        std::fs::write(workshop.path("trivyignore"), text)
    };
    ignore("2026-01-31")?;
    refuse(workshop, &deploy, "expired on 2026-01-31", serving).await?;
    ignore("9999-12-31")?;
    workshop.expect(&deploy, DONE).await?;
    workshop.expect(&["rollback", "dev", serving], DONE).await?;
    std::fs::remove_file(workshop.path("trivyignore"))?;

    // A tag that was in service names something else now.
    for service in SERVICES {
        let [from, to] =
            ["unsigned", "e2e-1"].map(|tag| format!("{REGISTRY}/stocks/{service}:{tag}"));
        docker(&["tag", &from, &to]).await?;
        docker(&["push", "--quiet", &to]).await?;
    }
    let moved = ["rollback", "dev", "e2e-1"];
    refuse(workshop, &moved, "it was moved", serving).await?;
    workshop.release("1", "LABEL release=1").await?;
    Ok(cases.len() + 2)
}

/// Environments that cannot take a release.
async fn places(workshop: &Workshop, serving: &str) -> Result<usize> {
    let deploy = ["deploy", "dev", "e2e-1"];
    let away = ended(
        workshop
            .command(&deploy)
            .env("HARBOR_REGISTRY", "localhost:1"),
    )
    .await?;
    is_refused(&away, "localhost:1 does not answer")?;
    workshop.assert_serves(serving).await?;

    vault::seal().await?;
    let sealed = refuse(workshop, &deploy, "Vault is sealed", serving).await;
    // A way back needs nothing new of it.
    let back = workshop.expect(&["rollback", "dev", "e2e-1"], DONE).await;
    vault::open().await?;
    sealed?;
    back?;
    workshop.expect(&["deploy", "dev", serving], DONE).await?;

    port_taken(workshop).await?;
    disk_full(workshop, serving).await?;
    Ok(4)
}

/// prod's door is gone, and somebody else has its port. Once that one is gone, the next release brings the door again.
async fn port_taken(workshop: &Workshop) -> Result<()> {
    docker(&["rm", "--force", "--volumes", &PROD.container("proxy")]).await?;
    let before = workshop.expect(&["status", "prod"], UNCHANGED).await?;
    let taken = std::net::TcpListener::bind(("0.0.0.0", PROD.listing_port))?;
    let promote = ["promote", "stage", "prod"];
    let said = workshop.expect(&promote, UNCHANGED).await?;
    ensure!(said.contains("8020 is taken"), "{said}");
    drop(taken);
    let after = workshop.expect(&["status", "prod"], UNCHANGED).await?;
    ensure!(before == after, "{before} became {after}");
    let said = workshop.expect(&promote, DONE).await?;
    ensure!(said.contains("start proxy"), "{said}");
    PROD.wait_ready().await
}

/// A pull to a disk that is too small: a second engine has it, and `docker pull` alone goes there.
async fn disk_full(workshop: &Workshop, serving: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().display().to_string();
    let script = format!(
        r#"
        set -eu
        for process in /proc/[0-9]*; do
            engine=$(readlink "$process/exe" || true)
            case $engine in */dockerd) break ;; esac
        done
        mount -t tmpfs -o size={SMALL_DISK} tmpfs {path}
        echo '{{"features": {{"containerd-snapshotter": false}}}}' >{path}/config.json
        export PATH="$(dirname "$engine"):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        setsid "$engine" --config-file {path}/config.json --data-root {path}/data --exec-root {path}/exec \
            --host unix://{path}/socket --pidfile {path}/pid --bridge {BRIDGE} --iptables=false --storage-driver vfs \
            >/dev/null 2>&1 </dev/null &
        for _ in $(seq 100); do
            if [ -S {path}/socket ]; then chmod 0777 {path} {path}/socket; exit 0; fi
            sleep 0.2
        done
        exit 1
        "#
    );
    let name = format!("--opt=com.docker.network.bridge.name={BRIDGE}");
    docker(&["network", "create", &name, BRIDGE]).await?;
    let refused = async {
        expect("sh", &["-c", &script], b"")
            .await
            .context("a second engine on a small disk, which wants root")?;
        let tools = tempfile::tempdir()?;
        let real = which("docker")?;
        let wrapper = format!(
            "#!/bin/sh\nif [ \"$1\" = pull ]; then set -- --host unix://{path}/socket \"$@\"; fi\nexec {real} \"$@\"\n"
        );
        write_program(&tools.path().join("docker"), &wrapper)?;
        let search = format!("{}:{}", tools.path().display(), search_path()?);
        let deploy = ["deploy", "dev", "e2e-1"];
        ended(workshop.command(&deploy).env("PATH", search)).await
    };
    let refused = refused.await;
    let end = format!(
        "kill $(cat {path}/pid); for _ in $(seq 100); do umount {path} 2>/dev/null && exit 0; sleep 0.2; done; exit 1"
    );
    expect("sh", &["-c", &end], b"").await?;
    docker(&["network", "rm", BRIDGE]).await?;
    is_refused(&refused?, "disk is full")?;
    workshop.assert_serves(serving).await
}

fn search_path() -> Result<String> {
    let environment = std::fs::read("/proc/self/environ")?;
    let mut variables = environment.split(|byte| *byte == 0);
    let path = variables.find_map(|variable| variable.strip_prefix(b"PATH="));
    Ok(String::from_utf8(path.context("a PATH")?.to_vec())?)
}

fn which(program: &str) -> Result<String> {
    let path = search_path()?;
    let mut folders = path.split(':').map(|folder| format!("{folder}/{program}"));
    folders
        .find(|file| std::path::Path::new(file).is_file())
        .with_context(|| format!("{program} is not on the PATH"))
}

/// Somebody else is at work.
async fn two_at_once(workshop: &Workshop) -> Result<()> {
    let [first, second] = ["e2e-1", "e2e-2"].map(|tag| ["deploy", "dev", tag]);
    let (done, refused) = tokio::try_join!(workshop.run(&first), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        workshop.run(&second).await
    })?;
    ensure!(done.code == Some(DONE), "{}", said_by(&done));
    is_refused(&refused, "holds the lock since")?;
    workshop.expect(&second, DONE).await.map(drop)
}

async fn refuse(workshop: &Workshop, call: &[&str], reason: &str, serving: &str) -> Result<()> {
    is_refused(&workshop.run(call).await?, reason).with_context(|| call.join(" "))?;
    workshop.assert_serves(serving).await
}

fn is_refused(output: &crate::engine::Output, reason: &str) -> Result<()> {
    let said = said_by(output);
    ensure!(
        output.code == Some(UNCHANGED) && said.contains(reason),
        "\"{reason}\" is not among the reasons: {:?} {said}",
        output.code
    );
    Ok(())
}
