//! `keys`: who may call the services of an environment.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::secrets::Login;
use crate::adapters::chance::random;
use crate::adapters::vault::{Place, Vault};
use crate::environment::Environment;
use crate::keys::{Keys, Wanted};
use crate::progress::note;
use crate::release::Service;
use crate::site::now;
use crate::smoke;

/// The member of each service's configuration.
const MEMBER: &str = "api_keys";
/// Whose key that of smoke tests is.
const SMOKE_LABEL: &str = "smoke test";

#[derive(Args)]
pub(super) struct KeysVerbs {
    #[command(flatten)]
    login: Login,
    #[command(subcommand)]
    verb: KeysVerb,
}

#[derive(Subcommand)]
enum KeysVerb {
    /// Makes a key, and prints it: it is kept nowhere
    Create {
        /// Where
        #[arg(long = "env")]
        environment: Environment,
        /// What for: `read`, `catalogue:write`, `operations`, `orders:<user_id>` or `orders:*`; may be repeated
        #[arg(long = "scope", required = true)]
        scopes: Vec<String>,
        /// Days until it ends; unset: never
        #[arg(long)]
        days: Option<u32>,
        /// Whose it is
        #[arg(long, default_value = "")]
        label: String,
    },
    /// Makes the key of smoke tests anew, keeps it in Vault for whoever deploys, and takes the one before away
    Smoke {
        /// Where
        #[arg(long = "env")]
        environment: Environment,
    },
    /// The keys, by their ids
    List {
        /// Where
        #[arg(long = "env")]
        environment: Environment,
        /// For machines
        #[arg(long)]
        json: bool,
    },
    /// Takes a key away: it is refused once Vault's agent has rendered the others, within some seconds
    Revoke {
        /// Where
        #[arg(long = "env")]
        environment: Environment,
        /// Its id
        key: String,
    },
}

impl KeysVerbs {
    pub(super) async fn run(self) -> Result<ExitCode> {
        let vault = self.login.log_in().await?;
        let done = self.verb.run(&vault).await;
        vault.leave().await?;
        done.map(|()| ExitCode::SUCCESS)
    }
}

impl KeysVerb {
    async fn run(self, vault: &Vault) -> Result<()> {
        match self {
            Self::Create {
                environment,
                scopes,
                days,
                label,
            } => {
                let mut keys = read_or_new(vault, environment).await?;
                let wanted = Wanted {
                    scopes,
                    expires: days.map(|days| end(now(), days)).transpose()?,
                    label,
                };
                let shown = keys.add(random()?, random()?, wanted)?;
                write(vault, environment, &keys).await?;
                note("This is the one time that it is shown:");
                println!("{shown}");
            }
            Self::Smoke { environment } => {
                let mut keys = read_or_new(vault, environment).await?;
                let wanted = Wanted {
                    scopes: vec!["read".to_owned(), format!("orders:{}", smoke::USER)],
                    expires: None,
                    label: SMOKE_LABEL.to_owned(),
                };
                let shown = keys.add(random()?, random()?, wanted)?;
                // Both count until the new one is where it is looked for.
                write(vault, environment, &keys).await?;
                let place = place(&format!("secret/{environment}/smoke"))?;
                let key = SecretString::from(shown.as_str());
                vault.change(&place, &[("key", &key)]).await?;
                let gone = keys.revoke_others(SMOKE_LABEL, &shown);
                write(vault, environment, &keys).await?;
                note(&format!("{place}#key is new; revoked: {}", gone.len()));
            }
            Self::List { environment, json } => {
                let keys = read(vault, environment).await?;
                let keys = keys.iter().flat_map(Keys::iter);
                if json {
                    let told = keys.map(|key| {
                        json!({"id": key.id, "scopes": key.scopes, "expires": key.expires, "label": key.label})
                    });
                    println!("{}", json!(told.collect::<Vec<_>>()));
                } else {
                    println!("{:<10} {:<22} {:<24} SCOPES", "ID", "ENDS", "LABEL");
                    for key in keys {
                        println!(
                            "{:<10} {:<22} {:<24} {}",
                            key.id,
                            key.end(),
                            key.label,
                            key.scopes
                        );
                    }
                }
            }
            Self::Revoke { environment, key } => {
                let keys = read(vault, environment).await?;
                let mut keys = keys.with_context(|| format!("{environment} has no keys"))?;
                let gone = keys.revoke(&key)?;
                write(vault, environment, &keys).await?;
                note(&format!("revoked {} {}", gone.id, gone.label));
            }
        }
        Ok(())
    }
}

async fn read_or_new(vault: &Vault, environment: Environment) -> Result<Keys> {
    let keys = read(vault, environment).await?;
    keys.map_or_else(|| random().map(Keys::new), Ok)
}

/// The keys of an environment; none before the first is made. Both services have the same ones.
async fn read(vault: &Vault, environment: Environment) -> Result<Option<Keys>> {
    let place = config(environment, Service::ALL[0])?;
    let members = vault.secret(&place).await?;
    let text = members.get(MEMBER).map(ExposeSecret::expose_secret);
    let keys = text.map(serde_json::from_str).transpose();
    keys.with_context(|| format!("{place}#{MEMBER} cannot be read"))
}

async fn write(vault: &Vault, environment: Environment, keys: &Keys) -> Result<()> {
    let text = SecretString::from(serde_json::to_string(keys)?);
    // The first one last: it is the one that is read, so that what is cut off between them is done again.
    for service in Service::ALL.into_iter().rev() {
        let place = config(environment, service)?;
        vault.change(&place, &[(MEMBER, &text)]).await?;
    }
    Ok(())
}

fn config(environment: Environment, service: Service) -> Result<Place> {
    place(&format!("secret/{environment}/app/{service}/config"))
}

fn place(text: &str) -> Result<Place> {
    text.parse().map_err(anyhow::Error::msg)
}

fn end(now: DateTime<Utc>, days: u32) -> Result<DateTime<Utc>> {
    let end = now.checked_add_signed(TimeDelta::days(days.into()));
    end.with_context(|| format!("{days} days are too many"))
}
