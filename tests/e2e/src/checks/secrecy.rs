//! The databases' passwords, of which no two are alike, are searched for wherever they could have been left. Each search is
//! first shown to find what is put there on purpose.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use flate2::read::GzDecoder;
use tar::Archive;

use crate::engine::{docker, expect, on_host, run_in};
use crate::stack::{ALL, containers, helper_image};
use crate::vault::Identity;

const IMAGES: [&str; 2] = ["stocks/stock-listing:local", "stocks/trade:local"];
const COMPOSE_FILES: [&str; 5] = [
    "docker-compose.dev.yml",
    "docker-compose.stage.yml",
    "docker-compose.prod.yml",
    "docker-compose.vault.yml",
    "docker-compose.infra.yml",
];
/// How a compressed layer begins (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Put where it must be found.
const PLANTED: &str = "planted-password-5f1d0c";

/// A place, and all that is there.
pub(super) type Place = (String, Vec<u8>);

pub(crate) async fn check() -> Result<String> {
    prove_the_searches().await?;
    let passwords = passwords().await?;
    let mut places = Vec::new();
    for image in IMAGES {
        places.push(image_layers(image).await?);
        places.push(image_settings(image).await?);
    }
    for container in containers().await? {
        places.push(inspected(&container).await?);
        places.push(logs(&container).await?);
    }
    places.push(processes().await?);
    for file in COMPOSE_FILES {
        places.push(compose_config(file).await?);
    }
    places.push(git_objects(Path::new(".")).await?);
    places.push(audit_log().await?);
    for environment in ALL {
        places.push(volume(&format!("{}-db-data", environment.name)).await?);
    }
    for (place, content) in &places {
        ensure!(!content.is_empty(), "nothing was read of {place}");
        for password in &passwords {
            ensure!(
                !contains(content, password),
                "{place} has a database password"
            );
        }
    }
    Ok(format!(
        "{} passwords, {} places, none found",
        passwords.len(),
        places.len()
    ))
}

/// Every password that a database takes or took.
async fn passwords() -> Result<Vec<String>> {
    let root = Identity::root().await?;
    let mut passwords = Vec::new();
    for environment in ALL {
        passwords.push(
            root.field(&format!("{}/db/stocksdb", environment.name), "password")
                .await?,
        );
        for service in ["stock-listing", "trade"] {
            let path = format!("{}/app/{service}/config", environment.name);
            passwords.push(password_of(&root.field(&path, "database_url").await?)?);
        }
    }
    Ok(passwords)
}

/// The password in a database's URL.
pub(crate) fn password_of(url: &str) -> Result<String> {
    let credentials = url
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('@'));
    let password = credentials.and_then(|(credentials, _)| credentials.split_once(':'));
    let (_, password) = password.context("a URL without password")?;
    ensure!(password.len() >= 32, "a short password");
    Ok(password.to_owned())
}

async fn prove_the_searches() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let tag = "e2e-planted:latest";
    // In a layer alone; in the history; and in the environment of a process, its arguments and its log.
    std::fs::write(folder.path().join("file"), PLANTED)?;
    std::fs::write(
        folder.path().join("Dockerfile"),
        "FROM scratch\nCOPY file /\n",
    )?;
    let context = folder.path().display().to_string();
    docker(&["build", "--quiet", "--tag", tag, &context]).await?;
    let layers = image_layers(tag).await;
    let dockerfile = format!("FROM {}\nENV PLANTED={PLANTED}\n", helper_image());
    expect(
        "docker",
        &["build", "--quiet", "--tag", tag, "-"],
        dockerfile.as_bytes(),
    )
    .await?;
    let name = "e2e-planted";
    let script = format!("echo {PLANTED}; sleep 60");
    let container = [
        "run",
        "--detach",
        "--rm",
        "--name",
        name,
        "--entrypoint",
        "sh",
        tag,
        "-c",
        &script,
    ];
    docker(&container).await?;
    let searched = async {
        let mut places = vec![layers?, image_settings(tag).await?];
        places.extend([
            inspected(name).await?,
            logs(name).await?,
            processes().await?,
        ]);
        anyhow::Ok(places)
    };
    let searched = searched.await;
    docker(&["rm", "--force", "--volumes", name]).await?;
    docker(&["rmi", "--force", tag]).await?;
    let mut places = searched?;

    let compose = folder.path().join("compose.yml");
    std::fs::write(
        &compose,
        format!("services: {{a: {{image: a, environment: {{B: {PLANTED}}}}}}}\n"),
    )?;
    places.push(compose_config(&compose.display().to_string()).await?);
    run_in(folder.path(), "git", ["init", "--quiet"], b"").await?;
    run_in(
        folder.path(),
        "git",
        ["hash-object", "-w", "--stdin"],
        PLANTED.as_bytes(),
    )
    .await?;
    places.push(git_objects(folder.path()).await?);
    let planted = format!("echo {PLANTED} > /v/planted");
    let on_volume = [
        "run",
        "--rm",
        "--user=0",
        "--volume=e2e-planted:/v",
        "--entrypoint=sh",
        helper_image(),
        "-c",
        &planted,
    ];
    docker(&on_volume).await?;
    let on_volume = volume("e2e-planted").await;
    docker(&["volume", "rm", "e2e-planted"]).await?;
    places.push(on_volume?);
    for (place, content) in places {
        ensure!(
            contains(&content, PLANTED),
            "the search of {place} does not find what is there"
        );
    }
    Ok(())
}

/// All that the files of its layers hold.
async fn image_layers(image: &str) -> Result<Place> {
    let saved = expect("docker", &["save", image], b"").await?;
    let mut content = Vec::new();
    for entry in Archive::new(&saved[..]).entries()? {
        let mut file = Vec::new();
        entry?.read_to_end(&mut file)?;
        // Engines keep layers as they are or compressed.
        if file.starts_with(&GZIP) {
            GzDecoder::new(&file[..]).read_to_end(&mut content)?;
        } else {
            content.extend(file);
        }
    }
    Ok((format!("the layers of {image}"), content))
}

async fn image_settings(image: &str) -> Result<Place> {
    let history = docker(&["history", "--no-trunc", image]).await?;
    let settings = docker(&["inspect", image]).await?;
    Ok((
        format!("the history of {image}"),
        (history + &settings).into_bytes(),
    ))
}

pub(super) async fn inspected(container: &str) -> Result<Place> {
    let text = docker(&["inspect", container]).await?;
    Ok((format!("docker inspect {container}"), text.into_bytes()))
}

pub(super) async fn logs(container: &str) -> Result<Place> {
    let output = crate::engine::run("docker", ["logs", container], b"").await?;
    ensure!(output.code == Some(0), "no logs of {container}");
    // A container may have said nothing: the line above is something.
    Ok((
        format!("the log of {container}"),
        [b"log: ", &output.all()[..]].concat(),
    ))
}

/// The environment and the arguments of every process of this host, those in containers among them. What asks for them is
/// left out: its own arguments hold no password.
pub(super) async fn processes() -> Result<Place> {
    let read = on_host(&[
        "sh",
        "-c",
        "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null; true",
    ]);
    Ok((
        "the environment and arguments of processes".to_owned(),
        read.await?,
    ))
}

async fn compose_config(file: &str) -> Result<Place> {
    let text = docker(&["compose", "--file", file, "config"]).await?;
    Ok((
        format!("docker compose config of {file}"),
        text.into_bytes(),
    ))
}

async fn git_objects(folder: &Path) -> Result<Place> {
    let objects = run_in(
        folder,
        "git",
        ["cat-file", "--batch", "--batch-all-objects"],
        b"",
    )
    .await?;
    ensure!(
        objects.code == Some(0),
        "git: {}",
        String::from_utf8_lossy(&objects.stderr)
    );
    Ok(("the objects of git".to_owned(), objects.stdout))
}

/// Vault writes hashes there.
async fn audit_log() -> Result<Place> {
    let read = ["exec", "vault", "sh", "-c", "cat /vault/logs/audit.log*"];
    Ok((
        "Vault's audit log".to_owned(),
        expect("docker", &read, b"").await?,
    ))
}

async fn volume(name: &str) -> Result<Place> {
    let mount = format!("--volume={name}:/v:ro");
    // A file of a database at work may be gone when its turn comes.
    let read = "find /v -type f -exec cat {} + 2>/dev/null || true";
    let helper = [
        "run",
        "--rm",
        "--network=none",
        "--user=0",
        &mount,
        "--entrypoint=sh",
        helper_image(),
        "-c",
        read,
    ];
    Ok((
        format!("the volume {name}"),
        expect("docker", &helper, b"").await?,
    ))
}

pub(super) fn contains(content: &[u8], text: &str) -> bool {
    memchr::memmem::find(content, text.as_bytes()).is_some()
}
