//! `secrets`: what a person or a job may read of Vault, for as long as they need it.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::{Args, Subcommand, ValueEnum};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use super::{Engine, IdTokenArgs, given, read_secret};
use crate::adapters::github;
use crate::adapters::private::write_private;
use crate::adapters::vault::{Credentials, Place, Vault, check};
use crate::environment::Environment;
use crate::progress::note;

/// What a program that is given secrets must not see.
const OURS: [&str; 4] = [
    "VAULT_TOKEN",
    "VAULT_ROLE_ID",
    "VAULT_SECRET_ID",
    "VAULT_SECRET_ID_FILE",
];

/// What of docker's settings is not in its config.json: its contexts, its plugins, its builders.
const SHARED_SETTINGS: [&str; 3] = ["contexts", "cli-plugins", "buildx"];

#[derive(Args)]
pub(super) struct Secrets {
    #[command(flatten)]
    login: Login,
    #[command(subcommand)]
    verb: SecretsVerb,
}

/// Who asks. The first that is set: a token, an AppRole, GitHub's token for this job.
#[derive(Args)]
pub(super) struct Login {
    /// Vault
    #[arg(long, env = "VAULT_ADDR", default_value = "http://127.0.0.1:8200")]
    address: String,
    /// A file with a token
    #[arg(long, env = "VAULT_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// A token
    #[arg(long, env = "VAULT_TOKEN", hide = true, hide_env_values = true)]
    token: Option<String>,
    /// The AppRole's id
    #[arg(long, env = "VAULT_ROLE_ID", hide_env_values = true)]
    role_id: Option<String>,
    /// The AppRole's secret id
    #[arg(long, env = "VAULT_SECRET_ID", hide = true, hide_env_values = true)]
    secret_id: Option<String>,
    /// A file with the AppRole's secret id
    #[arg(long, env = "VAULT_SECRET_ID_FILE")]
    secret_id_file: Option<PathBuf>,
    /// The role that is bound to GitHub's tokens
    #[arg(long, env = "VAULT_ROLE", default_value = "ci")]
    role: String,
    #[command(flatten)]
    id_token: IdTokenArgs,
    /// Whether the log is GitHub's, which is told what to hide
    #[arg(long, env = "GITHUB_ACTIONS", hide = true, value_parser = clap::builder::FalseyValueParser::new())]
    is_workflow: bool,
}

#[derive(Subcommand)]
enum SecretsVerb {
    /// Proves that Vault answers and that these may be read; prints none of it
    Check {
        /// `secret/ci/pipeline`, or `secret/ci/pipeline#harbor_password`
        #[arg(required = true)]
        places: Vec<Place>,
    },
    /// Writes a secret to a file that nobody else may read: one member as it is, or all in JSON
    Fetch {
        /// `secret/ci/pipeline#harbor_password`
        place: Place,
        /// The file
        #[arg(long)]
        to: PathBuf,
    },
    /// Runs a command with secrets in its environment, and ends the token when it has ended
    Exec {
        /// `NAME=secret/ci/pipeline#harbor_password`
        #[arg(long = "env", value_name = "NAME=PLACE", value_parser = parse_variable)]
        variables: Vec<(String, Place)>,
        /// The same, and nothing where it is not there or Vault does not answer
        #[arg(long = "optional-env", value_name = "NAME=PLACE", value_parser = parse_variable)]
        optional: Vec<(String, Place)>,
        /// Logs the command in to the registry that stands here with a user name and a password: in a `DOCKER_CONFIG` of its own,
        /// which ends with it
        #[arg(long, value_name = "PLACE")]
        registry: Option<Place>,
        #[arg(long, env = "DOCKER_CONFIG", hide = true)]
        docker_config: Option<PathBuf>,
        #[arg(long, env = "HOME", hide = true)]
        home: Option<PathBuf>,
        /// The command
        #[arg(required = true, trailing_var_arg = true)]
        command: Vec<String>,
    },
    /// Logs in, and keeps the token in a file
    Login {
        /// The file
        #[arg(long)]
        to: PathBuf,
    },
    /// Ends the token
    Revoke,
    /// Gives the services of an environment other database passwords, while they serve (vault/rotate.sh)
    Rotate {
        /// Where
        environment: Environment,
        /// What
        #[arg(value_enum, default_value_t = Rotation::Rotate)]
        what: Rotation,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Rotation {
    /// New ones
    Rotate,
    /// Those before
    Undo,
    /// Those in Vault
    Sync,
}

fn parse_variable(text: &str) -> Result<(String, Place), String> {
    let (name, place) = text.split_once('=').ok_or("NAME=secret/path#member")?;
    let place: Place = place.parse()?;
    if name.is_empty() || place.field.is_none() {
        return Err("NAME=secret/path#member".to_owned());
    }
    Ok((name.to_owned(), place))
}

impl Secrets {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        let login = self.login;
        match self.verb {
            SecretsVerb::Rotate { environment, what } => rotate(engine, environment, what).await,
            SecretsVerb::Login { to } => {
                let vault = login.log_in().await?;
                write_private(&to, vault.token().expose_secret())?;
                Ok(ExitCode::SUCCESS)
            }
            SecretsVerb::Revoke => {
                login.log_in().await?.revoke().await?;
                Ok(ExitCode::SUCCESS)
            }
            SecretsVerb::Check { places } => {
                check(&login.address).await?;
                let vault = login.log_in().await?;
                let read = read_all(&vault, &places).await;
                vault.leave().await?;
                for (place, members) in places.iter().zip(read?) {
                    println!("{place} may be read: {}", members.join(", "));
                }
                Ok(ExitCode::SUCCESS)
            }
            SecretsVerb::Fetch { place, to } => {
                let vault = login.log_in().await?;
                let read = text(&vault, &place).await;
                vault.leave().await?;
                let text = read?;
                login.hide(&text);
                write_private(&to, text.expose_secret())?;
                Ok(ExitCode::SUCCESS)
            }
            SecretsVerb::Exec {
                variables,
                optional,
                registry,
                docker_config,
                home,
                command,
            } => {
                let home = home.map(|home| home.join(".docker"));
                let given = Given {
                    variables,
                    optional,
                    registry,
                    docker_config: docker_config.or(home),
                };
                login.exec(&given, &command).await
            }
        }
    }
}

/// The names of the members at each place.
async fn read_all(vault: &Vault, places: &[Place]) -> Result<Vec<Vec<String>>> {
    let mut found = Vec::new();
    for place in places {
        let members = vault.secret(place).await?;
        if let Some(field) = &place.field {
            ensure!(members.contains_key(field), "{place} is not there");
        }
        found.push(members.into_keys().collect());
    }
    Ok(found)
}

/// One member as it is, or all in JSON.
async fn text(vault: &Vault, place: &Place) -> Result<SecretString> {
    if place.field.is_some() {
        return vault.field(place).await;
    }
    let members = vault.secret(place).await?;
    let members: BTreeMap<_, _> = members
        .iter()
        .map(|(name, value)| (name, value.expose_secret()))
        .collect();
    Ok(SecretString::from(serde_json::to_string(&members)?))
}

/// What a command is given.
struct Given {
    variables: Vec<(String, Place)>,
    optional: Vec<(String, Place)>,
    registry: Option<Place>,
    /// Whose settings the command's own registry account is added to.
    docker_config: Option<PathBuf>,
}

impl Given {
    /// Whether the command can do without all of it.
    fn is_optional(&self) -> bool {
        self.variables.is_empty() && self.registry.is_none()
    }
}

/// An account in a registry.
struct Account {
    registry: String,
    username: String,
    password: SecretString,
}

impl Account {
    /// Takes the members as they are named in `secret/harbor/registry`, or in `secret/ci/pipeline`.
    fn of(members: &BTreeMap<String, SecretString>) -> Result<Self> {
        let member = |name: &str| {
            let long = format!("harbor_{name}");
            let found = members.get(name).or_else(|| members.get(&long));
            found.with_context(|| format!("it has no {name}"))
        };
        let text = |name: &str| member(name).map(|text| text.expose_secret().to_owned());
        Ok(Self {
            registry: text("registry")?,
            username: text("username")?,
            password: member("password")?.clone(),
        })
    }

    /// A folder of settings for docker and cosign with this account, and all else as in `usual`.
    fn log_in(&self, usual: Option<&Path>) -> Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        let mut settings = json!({});
        if let Some(usual) = usual {
            if let Ok(text) = std::fs::read_to_string(usual.join("config.json")) {
                settings = serde_json::from_str(&text).context("docker's config.json")?;
            }
            for part in SHARED_SETTINGS {
                let there = usual.join(part);
                if there.exists() {
                    std::os::unix::fs::symlink(there, folder.path().join(part))?;
                }
            }
        }
        let settings = settings.as_object_mut().context("docker's config.json")?;
        // A store would be asked in the place of what stands here.
        settings.retain(|name, _| name != "credsStore" && name != "credHelpers");
        let pair = format!("{}:{}", self.username, self.password.expose_secret());
        let auths = settings.entry("auths").or_insert_with(|| json!({}));
        auths[&self.registry] = json!({"auth": BASE64.encode(pair)});
        let text = Value::from(settings.clone()).to_string();
        write_private(&folder.path().join("config.json"), &text)?;
        Ok(folder)
    }
}

impl Login {
    pub(super) async fn log_in(&self) -> Result<Vault> {
        Vault::log_in(&self.address, &self.credentials().await?).await
    }

    async fn credentials(&self) -> Result<Credentials> {
        let read = |file: &PathBuf| read_secret(file).map(SecretString::from);
        if let Some(file) = &self.token_file {
            return Ok(Credentials::Token(read(file)?));
        }
        if let Some(token) = given(self.token.as_ref()) {
            return Ok(Credentials::Token(token.into()));
        }
        let secret_id = match &self.secret_id_file {
            Some(file) => Some(read(file)?),
            None => given(self.secret_id.as_ref()).map(SecretString::from),
        };
        if let (Some(role_id), Some(secret_id)) = (given(self.role_id.as_ref()), secret_id) {
            return Ok(Credentials::AppRole { role_id, secret_id });
        }
        if let (Some(url), Some(token)) = (&self.id_token.url, &self.id_token.token) {
            let jwt = github::id_token(url, token).await?;
            return Ok(Credentials::Jwt {
                role: self.role.clone(),
                jwt: jwt.into(),
            });
        }
        bail!(
            "nothing says who asks: VAULT_TOKEN_FILE, or VAULT_ROLE_ID with VAULT_SECRET_ID_FILE, or `permissions: id-token: write` of a workflow"
        )
    }

    async fn exec(&self, given: &Given, command: &[String]) -> Result<ExitCode> {
        let vault = match self.log_in().await {
            Ok(vault) => Some(vault),
            Err(error) if given.is_optional() => {
                note(&format!("warning: {error:#}"));
                None
            }
            Err(error) => return Err(error),
        };
        let ran = self.run(vault.as_ref(), given, command).await;
        if let Some(vault) = vault
            && let Err(error) = vault.leave().await
        {
            note(&format!("warning: {error:#}"));
        }
        let status = ran?;
        // As a shell tells it.
        let by_signal = std::os::unix::process::ExitStatusExt::signal(&status);
        let code = status.code().or(by_signal.map(|signal| 128 + signal));
        Ok(ExitCode::from(u8::try_from(code.unwrap_or(1)).unwrap_or(1)))
    }

    async fn run(
        &self,
        vault: Option<&Vault>,
        given: &Given,
        command: &[String],
    ) -> Result<std::process::ExitStatus> {
        let (program, args) = command.split_first().context("no command")?;
        let mut child = Command::new(program);
        child.args(args);
        for name in OURS {
            child.env_remove(name);
        }
        let mut docker_config = None;
        if let Some(vault) = vault {
            for (name, place) in &given.variables {
                let value = vault.field(place).await?;
                self.hide(&value);
                child.env(name, value.expose_secret());
            }
            for (name, place) in &given.optional {
                if let Ok(value) = vault.field(place).await {
                    self.hide(&value);
                    child.env(name, value.expose_secret());
                }
            }
            if let Some(place) = &given.registry {
                let account =
                    Account::of(&vault.secret(place).await?).with_context(|| place.to_string())?;
                self.hide(&account.password);
                let folder = account.log_in(given.docker_config.as_deref())?;
                child.env("DOCKER_CONFIG", folder.path());
                docker_config = Some(folder);
            }
        }
        let mut terminated = signal(SignalKind::terminate())?;
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut child = child.spawn().with_context(|| program.clone())?;
        let status = loop {
            tokio::select! {
                ended = child.wait() => break ended?,
                _ = terminated.recv() => terminate(&child)?,
                // A terminal sends it to both; the token is ended once the command has.
                _ = interrupted.recv() => {}
            }
        };
        if let Some(folder) = docker_config {
            folder
                .close()
                .context("the registry's password is still there")?;
        }
        Ok(status)
    }

    /// GitHub puts `***` into its log wherever this stands.
    fn hide(&self, value: &SecretString) {
        if self.is_workflow {
            let lines = value.expose_secret().lines();
            for line in lines.filter(|line| !line.trim().is_empty()) {
                println!("::add-mask::{line}");
            }
        }
    }
}

fn terminate(child: &tokio::process::Child) -> Result<()> {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(id) = id.and_then(rustix::process::Pid::from_raw) {
        rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
    }
    Ok(())
}

async fn rotate(engine: &Engine, environment: Environment, what: Rotation) -> Result<ExitCode> {
    let mut script = Command::new("vault/rotate.sh");
    script.current_dir(&engine.folder).arg(environment.name());
    match what {
        Rotation::Rotate => {}
        Rotation::Undo => drop(script.arg("undo")),
        Rotation::Sync => drop(script.arg("sync")),
    }
    let status = script.status().await.context("vault/rotate.sh")?;
    ensure!(status.success(), "vault/rotate.sh has failed");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_takes_one_member() {
        let (name, place) = parse_variable("TOKEN=secret/ci/pipeline#sonar_token").unwrap();
        assert_eq!(name, "TOKEN");
        assert_eq!(place.to_string(), "secret/ci/pipeline#sonar_token");
        for wrong in [
            "TOKEN",
            "=secret/a#b",
            "TOKEN=secret/ci/pipeline",
            "TOKEN=#b",
        ] {
            assert!(parse_variable(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_command_is_logged_in_beside_the_usual_settings_and_no_store_is_asked() {
        let usual = tempfile::tempdir().unwrap();
        let settings = r#"{"credsStore":"desktop","currentContext":"far","auths":{"other":{"auth":"b3RoZXI="}}}"#;
        std::fs::write(usual.path().join("config.json"), settings).unwrap();
        std::fs::create_dir(usual.path().join("contexts")).unwrap();
        let members = [
            ("harbor_registry", "r:5000"),
            ("harbor_username", "robot$ci"),
            ("harbor_password", "secret"),
        ];
        let members = members.map(|(name, value)| (name.to_owned(), SecretString::from(value)));

        let account = Account::of(&members.into()).unwrap();
        let folder = account.log_in(Some(usual.path())).unwrap();
        let text = std::fs::read_to_string(folder.path().join("config.json")).unwrap();
        let made: Value = serde_json::from_str(&text).unwrap();
        let expected = json!({
            "currentContext": "far",
            "auths": {"other": {"auth": "b3RoZXI="}, "r:5000": {"auth": BASE64.encode("robot$ci:secret")}},
        });
        assert_eq!(made, expected);
        assert!(folder.path().join("contexts").is_dir());
        // The user's own are as they were.
        let kept = std::fs::read_to_string(usual.path().join("config.json")).unwrap();
        assert_eq!(kept, settings);

        assert!(Account::of(&BTreeMap::new()).is_err());
        let bare = account.log_in(None).unwrap();
        assert!(bare.path().join("config.json").exists());
    }
}
