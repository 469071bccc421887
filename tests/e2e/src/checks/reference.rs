//! The reference's printed commands, on a fresh clone: they bring up Vault and the environments that all other checks use. Then
//! the clone is emptied and the host restarts: what runs goes on without the checkout that started it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use super::secrecy::{contains, inspected, processes};
use crate::engine::{self, Output, docker, expect, inspect, run};
use crate::stack::{
    ALL, DEV, Environment, LASTING, PROD, RECOVERY, STAGE, VAULT, containers, eventually, lasting,
};
use crate::vault::Identity;
use crate::walk::{Line, Shell, lines, replacements};

const COMMANDS: &str = include_str!("../../reference.sh");
const OPERATIONS: &str = include_str!("../../../../docs/operations.md");
const SECTION: &str = "## Commands that do not run as printed\n";
/// From a container's start to its first answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// The names that printed commands give images of a registry that is not here.
const PRINTED_TAG: &str = "v1.3.0";

pub(crate) async fn check() -> Result<String> {
    let walk = Walk::new().await?;
    let (commands, replaced) = walk.walk().await?;
    walk.empty_checkout()?;
    restart_host().await?;
    Ok(format!(
        "{commands} printed commands, {replaced} of them as docs/operations.md has them; dev, stage and prod on the printed pair; \
         checkout emptied, host restarted: all back but for the unseal keys"
    ))
}

struct Walk {
    folder: TempDir,
}

impl Walk {
    async fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("typed"), "")?;
        // A push must not reach the repository of this checkout.
        let origin = folder.path().join("origin.git").display().to_string();
        expect("git", &["clone", "--quiet", "--bare", ".", &origin], b"").await?;
        Ok(Self { folder })
    }

    fn clone_folder(&self) -> std::path::PathBuf {
        self.folder.path().join("stocks-app")
    }

    async fn walk(&self) -> Result<(usize, usize)> {
        let section = OPERATIONS.split_once(SECTION);
        let (_, section) = section.context("docs/operations.md has no list of other commands")?;
        let section = section.split("\n## ").next().unwrap_or_default();
        let mut instead = replacements(section)?;
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let (typed, origin) = (path("typed"), path("origin.git"));
        let variables = [("typed", &*typed), ("REPOSITORY", &*origin)];
        let mut shell = Shell::start(self.folder.path(), &variables)?;
        // This host need not have the command: the one in the container, with the token and the address of the shell.
        shell
            .run("vault() { docker exec --env VAULT_ADDR --env VAULT_TOKEN vault vault \"$@\"; }")
            .await?;

        let mut made = BTreeMap::new();
        let (mut commands, mut replaced) = (0, 0);
        for line in lines(COMMANDS) {
            match line {
                Line::Command(printed) => {
                    commands += 1;
                    let command = match instead.remove(&printed) {
                        Some(other) => {
                            replaced += 1;
                            other
                        }
                        None => Some(printed),
                    };
                    if let Some(command) = command {
                        let said = do_it(&mut shell, &command).await?;
                        if command.contains("init.sh") && made.is_empty() {
                            made = self.keep(&said, &mut shell).await?;
                        }
                    }
                }
                Line::Point(point) => self.look(&point, &made, &mut shell).await?,
            }
        }
        ensure!(
            instead.is_empty(),
            "docs/operations.md lists what is not printed: {:?}",
            instead.keys()
        );
        Ok((commands, replaced))
    }

    /// Keeps what init.sh printed: for the operator who types, and for vault/dev.sh of this checkout.
    async fn keep(&self, said: &str, shell: &mut Shell) -> Result<BTreeMap<String, String>> {
        let pairs = said.lines().filter_map(|line| line.trim().split_once('='));
        let made: BTreeMap<String, String> = pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let of = |name: &str| {
            let value = made.get(name).map(String::as_str);
            value.with_context(|| format!("init.sh did not print {name}: {said}"))
        };
        ensure!(
            said.contains("no roles for GitHub's tokens") && said.contains("Vault is ready"),
            "with the copied .env: {said}"
        );
        let token = of("ROOT_TOKEN")?;
        std::fs::write(self.folder.path().join("typed"), format!("{token}\n"))?;
        shell.run(&format!("ROOT_TOKEN='{token}'")).await?;
        let mut kept = serde_json::Map::new();
        for number in 1..=5 {
            let key = of(&format!("UNSEAL_KEY_{number}"))?;
            kept.insert(format!("unseal_key_{number}"), key.into());
        }
        kept.insert("root_token".to_owned(), token.into());
        // One member a line, as the script reads it.
        let kept = serde_json::to_string_pretty(&kept)?;
        std::fs::write("vault/vault-init.json", kept)?;
        // Without an identity the agent is not started, and its message is followed to the letter.
        let early = "docker compose -f docker-compose.dev.yml up --exit-code-from files files";
        let (code, said) = shell.attempt(early).await?;
        ensure!(
            code == 1 && said.contains("APP_VAULT_ROLE_ID and APP_VAULT_SECRET_ID"),
            "{code}: {said}"
        );
        let env = self.clone_folder().join(".env");
        let mut text = std::fs::read_to_string(&env)?;
        for name in ["APP_VAULT_ROLE_ID", "APP_VAULT_SECRET_ID"] {
            let empty = format!("{name}=\n");
            ensure!(text.contains(&empty), ".env.example has no {name}");
            text = text.replace(&empty, &format!("{name}={}\n", of(name)?));
        }
        std::fs::write(&env, text)?;
        Ok(made)
    }

    async fn look(
        &self,
        point: &str,
        made: &BTreeMap<String, String>,
        shell: &mut Shell,
    ) -> Result<()> {
        match point {
            "bootstrapped" => ensure!(!made.is_empty(), "init.sh has printed nothing"),
            "dev" => {
                DEV.wait_ready().await?;
                self.wrong_context(shell).await?;
                self.other_address(shell).await?;
                self.bring_up_others(shell).await?;
                assert_hidden(made).await?;
            }
            "prod" => {
                let agent = inspect(&PROD.running("vault-agent").await?).await?;
                let environment = agent["Config"]["Env"].to_string();
                ensure!(
                    environment.contains("VAULT_ADDR=http://vault:8200"),
                    "an address of the shell has reached prod: {environment}"
                );
                ensure!(engine::is_healthy(VAULT).await, "Vault was made again");
                PROD.wait_ready().await?;
            }
            "rotated" => {
                assert_administrator("new-strong-password").await?;
                shell.run("vault/rotate.sh prod sync").await?;
                assert_administrator("new-strong-password").await?;
                PROD.wait_ready().await?;
            }
            "rolled-back" => {
                PROD.wait_ready().await?;
                shell.run("vault/rotate.sh prod sync").await?;
                let root = Identity::root().await?;
                let password = root.field("db/stocksdb", "password").await?;
                assert_administrator(&password).await?;
            }
            other => anyhow::bail!("there is no point {other}"),
        }
        Ok(())
    }

    /// The printed builds end with the right command, whatever the builder does first.
    async fn wrong_context(&self, shell: &mut Shell) -> Result<()> {
        for service in ["stock-listing", "trade"] {
            let build = format!("docker build -t stocks/{service}:local services/{service}");
            let (code, said) = shell.attempt(&build).await?;
            let right = format!("docker build --file services/{service}/Dockerfile");
            let last = said.trim_end().lines().last().unwrap_or_default();
            ensure!(code != 0 && last.contains(&right), "{build}: {said}");
        }
        Ok(())
    }

    /// A `.env` that names another Vault in `VAULT_ADDR` is refused with the line to add, and what runs goes on.
    async fn other_address(&self, shell: &mut Shell) -> Result<()> {
        let env = self.clone_folder().join(".env");
        let before = std::fs::read_to_string(&env)?;
        let other = "VAULT_ADDR=https://vault.example:8200";
        std::fs::write(&env, before.replace("VAULT_ADDR=http://vault:8200", other))?;
        let up =
            "HARBOR_REGISTRY='' IMAGE_TAG=local docker compose -f docker-compose.dev.yml up -d";
        let (code, _) = shell.attempt(up).await?;
        let log = run("docker", ["logs", &DEV.container("files")], b"").await?;
        let said = String::from_utf8_lossy(&log.all()).into_owned();
        ensure!(
            code != 0 && said.contains(&format!("STOCKS_{other}")),
            "{code}: {said}"
        );
        DEV.wait_ready().await?;
        std::fs::write(&env, before)?;
        shell.run(up).await.map(drop)
    }

    /// Stage and prod come up by plain Compose with the same pair; prod by the name that is printed next.
    async fn bring_up_others(&self, shell: &mut Shell) -> Result<()> {
        for service in ["stock-listing", "trade"] {
            let printed = format!("myregistry.local:5000/stocks/{service}:{PRINTED_TAG}");
            docker(&["tag", &format!("stocks/{service}:local"), &printed]).await?;
        }
        for environment in [STAGE, PROD] {
            let file = format!("docker-compose.{}.yml", environment.name);
            let up =
                format!("HARBOR_REGISTRY='' IMAGE_TAG=local docker compose -f {file} up -d --wait");
            shell.run(&up).await?;
        }
        Ok(())
    }

    /// As a runner does before each job: the folder stays, what is in it goes.
    fn empty_checkout(&self) -> Result<()> {
        for entry in std::fs::read_dir(self.clone_folder())? {
            let path = entry?.path();
            if path.is_dir() {
                std::fs::remove_dir_all(path)?;
            } else {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// Runs a command as its reader would, who repeats a request to a service that was just started.
async fn do_it(shell: &mut Shell, command: &str) -> Result<String> {
    if !command.starts_with("curl ") {
        return shell.run(command).await;
    }
    let mut ended = Err(anyhow::anyhow!("it was not run"));
    let asked = eventually(ANSWERS_WITHIN, command, async || {
        ended = shell.run(&command.replacen("curl", "curl --fail", 1)).await;
        ended.is_ok()
    })
    .await;
    asked.and(ended)
}

/// The printed pair is in no container's settings and no process's environment.
async fn assert_hidden(made: &BTreeMap<String, String>) -> Result<()> {
    let mut places = vec![processes().await?];
    for container in containers().await? {
        places.push(inspected(&container).await?);
    }
    for name in ["APP_VAULT_ROLE_ID", "APP_VAULT_SECRET_ID"] {
        let value = made.get(name).context("it was printed")?;
        for (place, content) in &places {
            ensure!(!contains(content, value), "{place} has {name}");
        }
    }
    Ok(())
}

/// The administrator of prod's database logs in with this password, over the network.
async fn assert_administrator(password: &str) -> Result<()> {
    let port = PROD.database_port;
    let url = format!("postgres://stocks:{password}@127.0.0.1:{port}/stocksdb");
    let connection = PgConnection::connect(&url).await;
    let connection = connection.context("the administrator's password is not the one in Vault")?;
    Ok(connection.close().await?)
}

/// All containers end at once, without warning, and those that the engine starts by itself at a boot start again, in any order.
async fn restart_host() -> Result<()> {
    let lasting = lasting(&containers().await?).await?;
    ensure!(lasting.len() == 1 + LASTING * ALL.len(), "{lasting:?}");
    let names: Vec<&str> = lasting.iter().map(String::as_str).collect();
    docker(&[&["kill"][..], &names].concat()).await?;
    docker(&[&["start"][..], &names].concat()).await?;

    eventually(RECOVERY, "Vault answers", async || {
        engine::is_healthy(VAULT).await
    })
    .await?;
    let said = run("./stocks", ["status"], b"").await?;
    let is_told = |output: &Output, words: &str| {
        output.code == Some(1) && String::from_utf8_lossy(&output.all()).contains(words)
    };
    let all = String::from_utf8_lossy(&said.all()).into_owned();
    ensure!(
        is_told(&said, "Vault is sealed: vault/dev.sh up"),
        "./stocks status: {all}"
    );
    // The advice is followed to the letter.
    expect("vault/dev.sh", &["up"], b"").await?;
    for environment in ALL {
        all_healthy(environment).await?;
        environment.wait_ready().await?;
    }
    expect("./stocks", &["status"], b"").await.map(drop)
}

async fn all_healthy(environment: Environment) -> Result<()> {
    for part in ["vault-agent", "db", "stock-listing", "trade", "proxy"] {
        let container = environment.running(part).await?;
        let what = format!("{container} is healthy");
        eventually(RECOVERY, &what, async || {
            engine::is_healthy(&container).await
        })
        .await?;
    }
    Ok(())
}

/// No container that stays mounts a path of a checkout, and none needs the agent's health check to pass. The files are read, since
/// not all of the platform runs here.
pub(crate) async fn assert_files() -> Result<()> {
    for file in ["dev", "stage", "prod", "vault", "infra"] {
        let file = format!("docker-compose.{file}.yml");
        let config = docker(&["compose", "--file", &file, "config", "--format", "json"]).await?;
        let config: Value = serde_json::from_str(&config)?;
        let root = Path::new(".").canonicalize()?;
        for (name, service) in config["services"].as_object().into_iter().flatten() {
            // Compose gives up at once on an agent that was without Vault for long.
            let condition = &service["depends_on"]["vault-agent"]["condition"];
            ensure!(
                condition != "service_healthy",
                "{file}: {name} wants an agent that was never unhealthy"
            );
            if service["restart"] == "no" {
                continue;
            }
            let volumes = service["volumes"].as_array().into_iter().flatten();
            for volume in volumes.filter(|volume| volume["type"] == "bind") {
                let source = volume["source"].as_str().unwrap_or_default();
                ensure!(
                    !Path::new(source).starts_with(&root),
                    "{file}: {name} mounts {source} of the checkout"
                );
            }
            for kind in ["configs", "secrets"] {
                for used in service[kind].as_array().into_iter().flatten() {
                    let defined = &config[kind][used["source"].as_str().unwrap_or_default()];
                    ensure!(
                        defined["file"].is_null(),
                        "{file}: {name} mounts {}",
                        defined["file"]
                    );
                }
            }
        }
    }
    Ok(())
}
