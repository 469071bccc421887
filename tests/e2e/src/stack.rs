//! What is checked: Vault and the three environments, as `./stocks` brings them up.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use testkit::http::Client;

use crate::engine::{self, docker, expect};
use crate::keys;

/// The image of the databases, where the shell names no other.
const POSTGRES_IMAGE: &str = "postgres:15-alpine";
static HELPER_IMAGE: OnceLock<String> = OnceLock::new();
pub(crate) const VAULT: &str = "vault";
pub(crate) const VAULT_PROJECT: &str = "stocks-platform";
const VAULT_VOLUMES: [&str; 3] = ["vault-data", "vault-files", "vault-logs"];
/// What the bring-up keeps beside the sources.
const KEPT_FILES: [&str; 2] = ["vault/vault-init.json", "vault/approle"];

/// The containers of an environment that stay, and with those that end once they have done their work.
pub(crate) const LASTING: usize = 5;
pub(crate) const CONTAINERS: usize = LASTING + 2;

/// How long a part may take to be healthy again.
pub(crate) const RECOVERY: Duration = Duration::from_mins(1);

/// One of the environments, with the ports that the reference gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Environment {
    pub(crate) name: &'static str,
    pub(crate) listing_port: u16,
    pub(crate) trade_port: u16,
    pub(crate) database_port: u16,
}

pub(crate) const DEV: Environment = Environment {
    name: "dev",
    listing_port: 8000,
    trade_port: 8001,
    database_port: 5432,
};
pub(crate) const STAGE: Environment = Environment {
    name: "stage",
    listing_port: 8010,
    trade_port: 8011,
    database_port: 5433,
};
pub(crate) const PROD: Environment = Environment {
    name: "prod",
    listing_port: 8020,
    trade_port: 8021,
    database_port: 5434,
};
pub(crate) const ALL: [Environment; 3] = [DEV, STAGE, PROD];

impl Environment {
    pub(crate) fn listing(self) -> Client {
        self.client(self.listing_port)
    }

    pub(crate) fn trade(self) -> Client {
        self.client(self.trade_port)
    }

    fn client(self, port: u16) -> Client {
        Client::new(format!("http://localhost:{port}")).with_key(keys::of(self))
    }

    pub(crate) fn project(self) -> String {
        format!("stocks-{}", self.name)
    }

    pub(crate) fn network(self) -> String {
        format!("{}-net", self.name)
    }

    /// The name of a service's container.
    pub(crate) fn container(self, service: &str) -> String {
        match service {
            "db" => format!("{}-db", self.name),
            _ => format!("stocks-{}-{service}-1", self.name),
        }
    }

    /// The one container that a service has now, whatever release it is of.
    pub(crate) async fn running(self, service: &str) -> Result<String> {
        let project = format!("label=com.docker.compose.project={}", self.project());
        let of_service = format!("label=com.docker.compose.service={service}");
        let names = "{{.Names}}";
        let list = [
            "ps",
            "--all",
            "--filter",
            &project,
            "--filter",
            &of_service,
            "--format",
            names,
        ];
        let found = docker(&list).await?;
        let mut names = found.lines();
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name.to_owned()),
            _ => anyhow::bail!("{} has not one {service} but: {found}", self.name),
        }
    }

    /// `docker compose` on it, with the images that were built here.
    pub(crate) async fn compose(self, args: &[&str]) -> Result<Vec<u8>> {
        let file = format!("docker-compose.{}.yml", self.name);
        let images = [
            "HARBOR_REGISTRY=",
            "IMAGE_TAG=local",
            "docker",
            "compose",
            "--file",
            &file,
        ];
        expect("env", &[&images[..], args].concat(), b"").await
    }

    /// Waits until both services are ready behind the proxy.
    pub(crate) async fn wait_ready(self) -> Result<()> {
        for client in [self.listing(), self.trade()] {
            let what = format!("{}/readyz answers 200", client.base_url());
            eventually(RECOVERY, &what, async || {
                let answer = client.builder(reqwest::Method::GET, "/readyz").send().await;
                answer.is_ok_and(|answer| answer.status() == 200)
            })
            .await?;
        }
        Ok(())
    }
}

/// Takes the image of the databases that the shell names, before anything asks for it.
pub(crate) fn use_image(named: Option<String>) {
    let named = named.filter(|named| !named.is_empty());
    HELPER_IMAGE.get_or_init(|| named.unwrap_or_else(|| POSTGRES_IMAGE.to_owned()));
}

/// The image that runs small scripts: it has a shell, and every environment has it anyway.
pub(crate) fn helper_image() -> &'static str {
    HELPER_IMAGE.get_or_init(|| POSTGRES_IMAGE.to_owned())
}

/// `./stocks ARGS` with the images that are there.
pub(crate) async fn stocks(args: &[&str]) -> Result<Vec<u8>> {
    let images = ["HARBOR_REGISTRY=", "IMAGE_TAG=local", "./stocks"];
    expect("env", &[&images[..], args].concat(), b"").await
}

/// Refuses to start on what somebody may still need; takes it away when that is wanted.
pub(crate) async fn clear(replace: bool) -> Result<()> {
    let found = leftovers().await?;
    if found.is_empty() {
        return Ok(());
    }
    ensure!(
        replace,
        "there is {} already: the checks use the same names; stop it and take it away, or let --replace do so, with its data",
        found.join(", ")
    );
    remove().await
}

async fn leftovers() -> Result<Vec<String>> {
    let mut found = containers().await?;
    let volumes = docker(&["volume", "ls", "--format", "{{.Name}}"]).await?;
    let is_ours = |name: &&str| our_volumes().iter().any(|ours| ours == name);
    found.extend(
        volumes
            .lines()
            .filter(is_ours)
            .map(|name| format!("volume {name}")),
    );
    let files = KEPT_FILES
        .iter()
        .filter(|file| std::path::Path::new(file).exists());
    found.extend(files.map(|file| (*file).to_owned()));
    Ok(found)
}

/// Every container of Vault and of the environments.
pub(crate) async fn containers() -> Result<Vec<String>> {
    let mut names = engine::containers(VAULT_PROJECT).await?;
    for environment in ALL {
        names.extend(engine::containers(&environment.project()).await?);
    }
    Ok(names)
}

/// Those of these containers that the engine starts again by itself.
pub(crate) async fn lasting(names: &[String]) -> Result<Vec<String>> {
    let mut lasting = Vec::new();
    for name in names {
        let container = engine::inspect(name).await?;
        if container["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped" {
            lasting.push(name.clone());
        }
    }
    Ok(lasting)
}

fn our_volumes() -> Vec<String> {
    let of = |environment: &Environment| {
        ["db-data", "identity", "releases"].map(|volume| format!("{}-{volume}", environment.name))
    };
    let data = ALL.iter().flat_map(of);
    data.chain(VAULT_VOLUMES.map(str::to_owned)).collect()
}

/// Takes everything away, with its data.
pub(crate) async fn remove() -> Result<()> {
    for environment in ALL {
        environment
            .compose(&["down", "--volumes", "--remove-orphans"])
            .await?;
    }
    // Of one project; the platform joins Vault's networks.
    for file in ["docker-compose.infra.yml", "docker-compose.vault.yml"] {
        docker(&["compose", "--file", file, "down", "--volumes"]).await?;
    }
    for file in KEPT_FILES {
        let path = std::path::Path::new(file);
        match path.is_dir() {
            true => std::fs::remove_dir_all(path).with_context(|| file.to_owned())?,
            false if path.exists() => {
                std::fs::remove_file(path).with_context(|| file.to_owned())?;
            }
            false => {}
        }
    }
    Ok(())
}

/// Attempts until it is so, with a deadline.
pub(crate) async fn eventually(
    deadline: Duration,
    what: &str,
    mut attempt: impl AsyncFnMut() -> bool,
) -> Result<()> {
    let attempts = async {
        while !attempt().await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(deadline, attempts)
        .await
        .with_context(|| format!("not within {deadline:?}: {what}"))
}
