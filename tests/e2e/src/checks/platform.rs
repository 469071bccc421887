//! The platform, as far as its images are those of the environments: its agent, both databases and Harbor's door come up with
//! secrets from Vault that nobody else sees, and wait while there are none.

use std::time::Duration;

use anyhow::{Result, ensure};
use testkit::http::{Client, Method};

use super::secrecy::{Place, contains, inspected, logs, processes};
use crate::engine::{self, docker, expect};
use crate::stack::{RECOVERY, VAULT, eventually};
use crate::vault::{self, Identity};

const FILE: &str = "docker-compose.infra.yml";
const PARTS: [&str; 5] = [
    "vault-agent",
    "folders",
    "harbor-db",
    "sonarqube-db",
    "harbor",
];
const CONTAINERS: [&str; 5] = [
    "infra-vault-agent",
    "infra-folders",
    "harbor-db",
    "sonarqube-db",
    "harbor",
];
const VOLUMES: [&str; 2] = ["harbor-db-data", "sonarqube-db-data"];
/// Beside whatever has the usual ones.
const REGISTRY_PORT: u16 = 15_000;
const HARBOR_PORT: u16 = 18_080;
const WAITING: Duration = Duration::from_secs(3);

pub(crate) async fn check() -> Result<String> {
    let there = docker(&["ps", "--all", "--format", "{{.Names}}"]).await?;
    let found = there.lines().find(|name| CONTAINERS.contains(name));
    ensure!(
        found.is_none(),
        "there is {found:?} already: stocksctl infra down"
    );
    let folder = tempfile::tempdir()?;
    let set = [
        format!("REGISTRY_PORT={REGISTRY_PORT}"),
        format!("HARBOR_PORT={HARBOR_PORT}"),
        format!("RUNNER_FOLDER={}", folder.path().display()),
    ];
    let outcome = come_up(&set).await;
    let stocksctl = engine::stocksctl()?.display().to_string();
    run(&set, &[&stocksctl, "infra", "down"]).await?;
    for volume in VOLUMES {
        docker(&["volume", "rm", volume]).await?;
    }
    ensure!(
        engine::is_healthy(VAULT).await,
        "Vault went with the platform"
    );
    outcome
}

async fn come_up(set: &[String]) -> Result<String> {
    // As with plain Compose before Vault is set up: what needs a secret waits for it.
    vault::seal().await?;
    let up = ["docker", "compose", "--file", FILE, "up", "--detach"];
    let early = run(set, &[&up[..], &PARTS].concat()).await;
    tokio::time::sleep(WAITING).await;
    let said = docker(&["logs", "harbor-db"]).await;
    let is_waiting = !engine::is_healthy("harbor-db").await;
    vault::open().await?;
    early?;
    said?;
    ensure!(is_waiting, "a database came up without Vault");

    let stocksctl = engine::stocksctl()?.display().to_string();
    run(set, &[&[&*stocksctl, "infra", "up"][..], &PARTS].concat()).await?;
    let root = Identity::root().await?;
    let mut secrets = Vec::new();
    for (product, database) in [("harbor", "harbor-db"), ("sonarqube", "sonarqube-db")] {
        let secret = root.secret(&format!("infra/{product}")).await?;
        let members = secret.as_object().into_iter().flatten();
        secrets.extend(members.filter_map(|(_, value)| value.as_str().map(str::to_owned)));
        let password = secret["database_password"].as_str().unwrap_or_default();
        assert_takes(database, password, true).await?;
        assert_takes(database, "another", false).await?;
    }
    assert_door().await?;
    let places = search(&secrets).await?;
    Ok(format!(
        "{} secrets, {places} places, none found",
        secrets.len()
    ))
}

/// Whether the database lets in who comes over its network with this password.
async fn assert_takes(database: &str, password: &str, is_right: bool) -> Result<()> {
    let ask = r#"read -r PGPASSWORD; export PGPASSWORD; psql --host="$(hostname -i)" --username="$POSTGRES_USER" \
        --dbname="$POSTGRES_DB" --tuples-only --no-align --command='show server_encoding'"#;
    let exec = ["exec", "--interactive", database, "sh", "-c", ask];
    let asked = engine::run("docker", exec, format!("{password}\n").as_bytes()).await?;
    let answer = asked.text();
    ensure!(
        (answer.trim() == "UTF8") == is_right,
        "{database} with {} password: {}",
        if is_right { "its" } else { "another" },
        String::from_utf8_lossy(&asked.all())
    );
    Ok(())
}

/// The registry's own notifications are nobody's, and what has not come up is said to be away.
async fn assert_door() -> Result<()> {
    for port in [HARBOR_PORT, REGISTRY_PORT] {
        let door = Client::new(format!("http://localhost:{port}"));
        eventually(RECOVERY, "Harbor's door opens", async || {
            let answer = door.builder(Method::GET, "/").send().await;
            answer.is_ok()
        })
        .await?;
        for (path, status) in [
            ("/service/notifications", 404),
            ("/v1/", 404),
            ("/v2/", 502),
            ("/api/v2.0/ping", 502),
            ("/", 502),
        ] {
            let answer = door.builder(Method::GET, path).send().await?;
            ensure!(
                answer.status() == status,
                "{port}{path}: {}",
                answer.status()
            );
        }
    }
    Ok(())
}

/// Where secrets could have been left. That these searches find what is there is proven with the environments' passwords.
async fn search(secrets: &[String]) -> Result<usize> {
    let mut places: Vec<Place> = vec![processes().await?];
    for container in CONTAINERS {
        places.push(inspected(container).await?);
        places.push(logs(container).await?);
    }
    for (place, content) in &places {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            ensure!(
                !contains(content, secret),
                "{place} has a secret of the platform"
            );
        }
    }
    Ok(places.len())
}

/// A command with variables.
async fn run(set: &[String], command: &[&str]) -> Result<()> {
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    expect("env", &[&set[..], command].concat(), b"")
        .await
        .map(drop)
}
