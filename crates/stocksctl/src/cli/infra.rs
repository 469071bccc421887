//! `infra`: the platform that releases come from: Harbor, `SonarQube`, Trivy and the runner of GitHub's jobs.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Subcommand};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use super::findings::Findings;
use super::secrets::Login;
use super::{Engine, harbor, sonarqube};
use crate::adapters::github::{Repository, RunnerSettings};
use crate::adapters::harbor::Harbor;
use crate::adapters::platform::Platform;
use crate::adapters::sonarqube::SonarQube;
use crate::adapters::tickets::Tickets;
use crate::adapters::vault::{self, Place, Vault};
use crate::pipeline::trust;
use crate::progress::note;
use crate::site::now;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What is being started again looks well for a moment.
const WELL_LOOKS: u32 = 5;
/// What the agent proves its identity with.
const IDENTITY: [&str; 2] = [
    "vault/approle/infra/role_id",
    "vault/approle/infra/secret_id",
];
/// How a host lets `SonarQube` search.
const MORE_MAPS: &str = "sysctl -w vm.max_map_count=524288, and in /etc/sysctl.d for the next boot";
const ADMINISTRATOR: &str = "admin";

/// Where a machine's account is kept.
struct Account {
    machine: &'static harbor::Machine,
    place: &'static str,
    registry: &'static str,
    username: &'static str,
    password: &'static str,
}

const ACCOUNTS: [Account; 3] = [
    Account {
        machine: &harbor::CI,
        place: "secret/ci/pipeline",
        registry: "harbor_registry",
        username: "harbor_username",
        password: "harbor_password",
    },
    account(&harbor::DEPLOY, "secret/harbor/registry"),
    account(&harbor::PULL, "secret/harbor/pull"),
];

const fn account(machine: &'static harbor::Machine, place: &'static str) -> Account {
    Account {
        machine,
        place,
        registry: "registry",
        username: "username",
        password: "password",
    }
}

#[derive(Subcommand)]
pub(super) enum InfraVerb {
    /// Starts it, and waits until all of it is well; Vault comes first (vault/dev.sh up)
    Up(Up),
    /// Stops it, and keeps its data
    Down,
    /// Gives Harbor and `SonarQube` what the pipeline needs of them, and Vault what opens them. May be run at any time
    Bootstrap(Bootstrap),
    /// Whether all of it is well, and how to mend what is not
    Doctor(Doctor),
    /// Gives the runner beside it tickets of GitHub's, each for one job, as it asks for them
    #[command(hide = true)]
    Register(Register),
    /// Refuses a job that must not run on this runner; its start hook asks before each job
    #[command(hide = true)]
    AdmitJob(AdmitJob),
}

/// Where its parts are.
#[derive(Args)]
struct Parts {
    /// Harbor
    #[arg(long, env = "HARBOR_URL", default_value = "http://localhost:8080")]
    harbor: String,
    /// `SonarQube`
    #[arg(long, env = "SONAR_HOST_URL", default_value = "http://localhost:9000")]
    sonarqube: String,
    /// The name that images carry
    #[arg(long, env = "HARBOR_REGISTRY", default_value = "myregistry.local:5000")]
    registry: String,
}

#[derive(Args)]
pub(super) struct Up {
    /// Vault
    #[arg(long, env = "VAULT_ADDR", default_value = "http://127.0.0.1:8200")]
    vault: String,
    /// How long to wait, in seconds: the first time images are pulled, and databases made
    #[arg(long, default_value_t = 900)]
    timeout: u64,
    /// What to start; all of it where nothing is named
    services: Vec<String>,
}

#[derive(Args)]
pub(super) struct Bootstrap {
    #[command(flatten)]
    login: Login,
    #[command(flatten)]
    parts: Parts,
}

#[derive(Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    login: Login,
    #[command(flatten)]
    parts: Parts,
    /// For machines
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Register {
    /// The file with a token that may administer the repository
    #[arg(long)]
    token_file: PathBuf,
    /// The folder for requests and tickets
    #[arg(long)]
    tickets: PathBuf,
    /// The owner of the repository
    #[arg(long, env = "GITHUB_ORG")]
    owner: String,
    /// Its name
    #[arg(long, env = "GITHUB_REPO")]
    repository: String,
    /// GitHub
    #[arg(long, env = "GITHUB_API_URL", default_value = "https://api.github.com")]
    api: String,
    /// The runner's folder, in which jobs run
    #[arg(long, env = "RUNNER_FOLDER", default_value = "/srv/stocks-runner")]
    runner_folder: String,
    /// The labels whose jobs the runner takes
    #[arg(
        long,
        env = "RUNNER_LABELS",
        value_delimiter = ',',
        default_value = "self-hosted,linux"
    )]
    labels: Vec<String>,
}

#[derive(Args)]
pub(super) struct AdmitJob {
    /// The runner that asks
    #[arg(long, value_enum)]
    runner: trust::Runner,
    /// The owner of the repository whose jobs it takes
    #[arg(long, env = "GITHUB_ORG")]
    owner: String,
    /// The repository's name
    #[arg(long = "repository-name", env = "GITHUB_REPO")]
    name: String,
    /// The event that started the job
    #[arg(long, env = "GITHUB_EVENT_NAME")]
    event_name: String,
    /// The file with the event's payload
    #[arg(long, env = "GITHUB_EVENT_PATH")]
    event_path: PathBuf,
    /// The repository that the job belongs to
    #[arg(long, env = "GITHUB_REPOSITORY")]
    repository: String,
    /// The branch or tag that the job runs on, `refs/heads/develop`
    #[arg(long = "ref", env = "GITHUB_REF")]
    reference: String,
    /// `branch` or `tag`; empty for a pull request
    #[arg(long = "ref-type", env = "GITHUB_REF_TYPE", default_value = "")]
    reference_type: String,
}

impl InfraVerb {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        let platform = Platform::new(engine.docker());
        match self {
            Self::Up(up) => up.run(engine, &platform).await?,
            Self::Down => platform.stop().await?,
            Self::Bootstrap(bootstrap) => bootstrap.run().await?,
            Self::Doctor(doctor) => return doctor.run(&platform).await,
            Self::Register(register) => register.run().await?,
            Self::AdmitJob(job) => job.run()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Up {
    async fn run(self, engine: &Engine, platform: &Platform) -> Result<()> {
        vault::check(&self.vault).await?;
        for file in IDENTITY {
            let file = engine.folder.join(file);
            let missing = "vault/dev.sh up writes it on a laptop; on a server init.sh --new-secret-ids=infra prints it";
            ensure!(file.exists(), "{} is not there: {missing}", file.display());
        }
        let services = if self.services.is_empty() {
            platform.services().await?
        } else {
            self.services.clone()
        };
        if services.iter().any(|service| service == "sonarqube") {
            platform.check_maps().await.context(MORE_MAPS)?;
        }
        platform.start(&services).await?;
        self.wait(platform).await?;
        println!("It is up. What the pipeline needs of it: stocksctl infra bootstrap");
        Ok(())
    }

    /// Until every container is well.
    async fn wait(&self, platform: &Platform) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(self.timeout);
        let mut told = BTreeMap::new();
        let mut well_looks = 0;
        while well_looks < WELL_LOOKS {
            let containers = platform.look().await?;
            for container in &containers {
                let condition = container.condition();
                let before = told.insert(container.service.clone(), condition.clone());
                if before.as_ref() != Some(&condition) {
                    note(&format!("{}: {condition}", container.service));
                }
            }
            let ill = containers.iter().filter(|it| !it.is_well());
            let ill: Vec<_> = ill.map(|it| it.service.as_str()).collect();
            let is_well = ill.is_empty() && !containers.is_empty();
            well_looks = if is_well { well_looks + 1 } else { 0 };
            ensure!(
                is_well || Instant::now() < deadline,
                "not well within {} s: {}; docker logs has the reason",
                self.timeout,
                ill.join(", ")
            );
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

impl Bootstrap {
    async fn run(self) -> Result<()> {
        let vault = self.login.log_in().await?;
        let done = self.set_up(&vault).await;
        vault.leave().await?;
        done
    }

    /// Each step finds out what is there: an interrupted call is made good by the next.
    async fn set_up(&self, vault: &Vault) -> Result<()> {
        let harbor = self.parts.harbor(vault).await?;
        harbor::set_up_project(&harbor).await?;
        for account in &ACCOUNTS {
            self.ensure_account(vault, &harbor, account).await?;
        }
        self.ensure_sonarqube(vault).await
    }

    /// A new secret for a machine, unless the one in Vault opens Harbor.
    async fn ensure_account(
        &self,
        vault: &Vault,
        harbor: &Harbor,
        account: &Account,
    ) -> Result<()> {
        if self.parts.check_account(vault, account).await.is_ok() {
            println!("{} opens Harbor", account.place);
            return Ok(());
        }
        let robot = account.machine.account(harbor).await?;
        let changes = [
            (account.registry, self.parts.registry.clone()),
            (account.username, robot.name),
            (account.password, robot.secret),
        ];
        let changes = changes.map(|(name, value)| (name, SecretString::from(value)));
        let changes = changes.each_ref().map(|(name, value)| (*name, value));
        vault.change(&place(account.place)?, &changes).await?;
        println!("{} has a new secret", account.place);
        Ok(())
    }

    async fn ensure_sonarqube(&self, vault: &Vault) -> Result<()> {
        let server = &self.parts.sonarqube;
        let password = field(vault, "secret/infra/sonarqube#admin_password").await?;
        let mut token = field(vault, "secret/ci/pipeline#sonar_token").await?;
        let known = Some(token.expose_secret());
        let made = sonarqube::set_up(server, password.expose_secret(), known).await;
        if let Some(made) = made.with_context(|| format!("SonarQube at {server}"))? {
            token = made.into();
            let changes = [("sonar_token", &token)];
            vault
                .change(&place("secret/ci/pipeline")?, &changes)
                .await?;
            println!("secret/ci/pipeline has a new token");
        }
        // The same one, under the name that people look for.
        let copy = field(vault, "secret/sonarqube/token#token").await;
        if copy.is_ok_and(|copy| copy.expose_secret() == token.expose_secret()) {
            return Ok(());
        }
        let copy = place("secret/sonarqube/token")?;
        vault.change(&copy, &[("token", &token)]).await
    }
}

impl Parts {
    /// Harbor, for its administrator.
    async fn harbor(&self, vault: &Vault) -> Result<Harbor> {
        let password = field(vault, "secret/infra/harbor#admin_password").await?;
        Harbor::new(&self.harbor, ADMINISTRATOR, password.expose_secret())
    }

    /// Whether a machine's account in Vault is of this registry, and opens it.
    async fn check_account(&self, vault: &Vault, account: &Account) -> Result<String> {
        let members = vault.secret(&place(account.place)?).await?;
        let member = |name| {
            let value: Option<&SecretString> = members.get(name);
            let value = value.with_context(|| format!("{} has no {name}", account.place))?;
            anyhow::Ok(value.expose_secret())
        };
        let registry = member(account.registry)?;
        ensure!(
            registry == self.registry,
            "{} is for {registry}",
            account.place
        );
        let username = member(account.username)?;
        let harbor = Harbor::new(&self.harbor, username, member(account.password)?)?;
        ensure!(
            harbor.is_known().await?,
            "Harbor does not know {username} with the password in {}",
            account.place
        );
        let rights = account.machine.registry_rights();
        let missing = harbor.missing_rights(harbor::PROJECT, &rights).await?;
        ensure!(
            missing.is_empty(),
            "Harbor does not let {username} {} images of {}",
            missing.join(" or "),
            harbor::PROJECT
        );
        Ok(username.to_owned())
    }

    async fn check_sonarqube(&self, vault: &Vault) -> Result<String> {
        let token = field(vault, "secret/ci/pipeline#sonar_token").await?;
        let server = SonarQube::with_token(&self.sonarqube, token.expose_secret())?;
        ensure!(
            server.is_valid().await?,
            "SonarQube does not know the token in secret/ci/pipeline"
        );
        Ok(self.sonarqube.clone())
    }

    /// Whether this machine knows the registry by the name that images carry.
    async fn check_name(&self) -> Result<String> {
        let found = tokio::net::lookup_host(&self.registry).await;
        let mut found = found.with_context(|| format!("{} leads nowhere", self.registry))?;
        let address = found.next().context("it has no address")?;
        Ok(format!("{} is {}", self.registry, address.ip()))
    }
}

impl Doctor {
    async fn run(self, platform: &Platform) -> Result<ExitCode> {
        let mut findings = Findings::default();
        findings.add("vm.max_map_count", platform.check_maps().await, MORE_MAPS);
        findings.add(
            "registry's name",
            self.parts.check_name().await,
            "echo '127.0.0.1 myregistry.local' >> /etc/hosts, or the name server's equivalent",
        );
        findings.add(
            "containers",
            containers(platform).await,
            "stocksctl infra up; docker logs NAME has the reason",
        );
        let vault = self.login.log_in().await;
        match vault {
            Ok(vault) => {
                self.ask_within(&vault, &mut findings).await;
                vault.leave().await?;
            }
            Err(error) => findings.add(
                "Vault",
                Err(error),
                "vault/dev.sh up on a laptop; docs/operations.md, \"Vault\"",
            ),
        }
        findings.add(
            "Trivy",
            scanner(platform).await,
            "docker logs trivy: it loads its database from a registry of images",
        );
        Ok(findings.tell(self.json))
    }

    /// What Vault's secrets open.
    async fn ask_within(&self, vault: &Vault, findings: &mut Findings) {
        let bootstrap = "stocksctl infra bootstrap";
        let harbor = async {
            self.parts.harbor(vault).await?.check().await?;
            Ok(self.parts.harbor.clone())
        };
        findings.add("Harbor", harbor.await, "docker logs harbor-core");
        for account in &ACCOUNTS {
            let what = format!("account {}", account.machine.name);
            let checked = self.parts.check_account(vault, account).await;
            findings.add(&what, checked, bootstrap);
        }
        let checked = self.parts.check_sonarqube(vault).await;
        findings.add("SonarQube", checked, bootstrap);
    }
}

async fn containers(platform: &Platform) -> Result<String> {
    let containers = platform.look().await?;
    ensure!(!containers.is_empty(), "none of it is there");
    let ill = containers.iter().filter(|it| !it.is_well());
    let ill = ill.map(|it| format!("{} is {}", it.service, it.condition()));
    let ill: Vec<_> = ill.collect();
    ensure!(ill.is_empty(), "{}", ill.join("; "));
    Ok(format!("{} are well", containers.len()))
}

/// The database of the Trivy that is kept alive.
async fn scanner(platform: &Platform) -> Result<String> {
    let version = platform.trivy_version().await?;
    version.check_age(now())?;
    Ok(format!(
        "{}, database of {}",
        version.program, version.database
    ))
}

impl Register {
    /// Until it is ended.
    async fn run(self) -> Result<()> {
        let name = format!("{}/{}", self.owner, self.repository);
        check_names(&self.owner, &self.repository)?;
        let runner = RunnerSettings {
            labels: self.labels.clone(),
            work_folder: format!("{}/work", self.runner_folder),
        };
        let tickets = Tickets::new(&self.tickets, runner);
        let repository = |token| Repository {
            api: self.api.clone(),
            name: name.clone(),
            token,
        };
        let serving = tickets.serve(&self.token_file, repository);
        // The first process of a container ends by no signal that it has not asked for.
        let mut ended = signal(SignalKind::terminate())?;
        tokio::select! {
            served = serving => served,
            _ = ended.recv() => Ok(()),
        }
    }
}

impl AdmitJob {
    fn run(&self) -> Result<()> {
        check_names(&self.owner, &self.name)?;
        let file = &self.event_path;
        let event = std::fs::read(file).with_context(|| file.display().to_string())?;
        let event = serde_json::from_slice(&event)
            .with_context(|| format!("the event in {}", file.display()))?;
        let job = trust::Job {
            event_name: &self.event_name,
            repository: &self.repository,
            reference: &self.reference,
            reference_type: &self.reference_type,
            event: &event,
        };
        trust::admit(self.runner, &format!("{}/{}", self.owner, self.name), &job)
    }
}

/// Fails unless both are set; a placeholder of `.env.example` counts as unset.
fn check_names(owner: &str, repository: &str) -> Result<()> {
    let is_set = |name: &str| !name.is_empty() && !name.starts_with("your-");
    ensure!(
        is_set(owner) && is_set(repository),
        "GITHUB_ORG and GITHUB_REPO name the repository whose jobs this runner takes"
    );
    Ok(())
}

async fn field(vault: &Vault, text: &str) -> Result<SecretString> {
    vault.field(&place(text)?).await
}

fn place(text: &str) -> Result<Place> {
    text.parse().map_err(anyhow::Error::msg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_names_no_repository() {
        assert!(check_names("owner", "stocks-app").is_ok());
        for (owner, repository) in [
            ("", "stocks-app"),
            ("owner", ""),
            ("your-org", "stocks-app"),
            ("owner", "your-repo"),
        ] {
            assert!(
                check_names(owner, repository).is_err(),
                "{owner}/{repository}"
            );
        }
    }
}
