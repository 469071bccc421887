//! Vault: who asks, what they may read, and the token that ends with them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use vaultrs::api::kv2::requests::SetSecretRequestOptions;
use vaultrs::client::{Client as _, VaultClient, VaultClientSettingsBuilder};
use vaultrs::error::ClientError;
use vaultrs::sys::ServerStatus;
use vaultrs::{auth, kv2, sys, token};

const TIMEOUT: Duration = Duration::from_secs(30);

/// How somebody shows who they are.
#[derive(Clone, Debug)]
pub(crate) enum Credentials {
    /// A token that was made elsewhere, and ends there.
    Token(SecretString),
    /// A machine's pair.
    AppRole {
        role_id: String,
        secret_id: SecretString,
    },
    /// A token of GitHub's, for a role that is bound to it.
    Jwt { role: String, jwt: SecretString },
}

/// Somebody who has logged in.
pub(crate) struct Vault {
    client: VaultClient,
    /// Whether the token was made here.
    is_ours: bool,
}

/// Where a value is: `secret/ci/pipeline#harbor_password`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub(crate) mount: String,
    pub(crate) path: String,
    /// One member of it.
    pub(crate) field: Option<String>,
}

impl std::str::FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (place, field) = match text.split_once('#') {
            Some((place, field)) if !field.is_empty() => (place, Some(field.to_owned())),
            Some(_) => return Err(format!("\"{text}\" names no member behind its #")),
            None => (text, None),
        };
        match place.split_once('/') {
            Some((mount, path)) if !mount.is_empty() && !path.is_empty() => Ok(Self {
                mount: mount.to_owned(),
                path: path.to_owned(),
                field,
            }),
            _ => Err(format!(
                "\"{text}\" is no path: secret/ci/pipeline#harbor_password"
            )),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.mount, self.path)?;
        match &self.field {
            Some(field) => write!(formatter, "#{field}"),
            None => Ok(()),
        }
    }
}

/// What Vault says of itself, to anybody.
pub(crate) async fn check(address: &str) -> Result<()> {
    let client = client(address)?;
    match sys::status(&client).await {
        Ok(ServerStatus::OK | ServerStatus::STANDBY | ServerStatus::PERFSTANDBY) => Ok(()),
        Ok(ServerStatus::SEALED) => {
            bail!("Vault at {address} is sealed: vault operator unseal, three times")
        }
        Ok(ServerStatus::UNINITIALIZED) => {
            bail!("Vault at {address} is not set up: vault/init.sh, or vault/dev.sh up on a laptop")
        }
        Ok(status) => bail!("Vault at {address} says: {status:?}"),
        Err(error) => Err(told(error, &format!("Vault at {address} does not answer"))),
    }
}

impl Vault {
    pub(crate) async fn log_in(address: &str, credentials: &Credentials) -> Result<Self> {
        let mut client = client(address)?;
        let refused = "Vault does not take these credentials";
        let made = match credentials {
            Credentials::Token(token) => {
                client.set_token(token.expose_secret());
                token::lookup_self(&client)
                    .await
                    .map_err(|error| told(error, refused))?;
                return Ok(Self {
                    client,
                    is_ours: false,
                });
            }
            Credentials::AppRole { role_id, secret_id } => {
                auth::approle::login(&client, "approle", role_id, secret_id.expose_secret()).await
            }
            Credentials::Jwt { role, jwt } => {
                auth::oidc::login(&client, "jwt", jwt.expose_secret(), Some(role.clone())).await
            }
        };
        let made = made.map_err(|error| told(error, refused))?;
        client.set_token(&made.client_token);
        Ok(Self {
            client,
            is_ours: true,
        })
    }

    /// The token, for a program that takes one.
    pub(crate) fn token(&self) -> SecretString {
        SecretString::from(self.client.settings().token.clone())
    }

    /// The members of a secret, its newest version's.
    pub(crate) async fn secret(&self, place: &Place) -> Result<BTreeMap<String, SecretString>> {
        let read = kv2::read(&self.client, &place.mount, &place.path).await;
        let members: BTreeMap<String, Value> =
            read.map_err(|error| told(error, &format!("{place} cannot be read")))?;
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let members = members.into_iter();
        Ok(members
            .map(|(name, value)| (name, SecretString::from(text(value))))
            .collect())
    }

    /// One member of a secret.
    pub(crate) async fn field(&self, place: &Place) -> Result<SecretString> {
        let field = place.field.as_deref();
        let field = field.with_context(|| format!("{place} names no member: {place}#NAME"))?;
        let mut members = self.secret(place).await?;
        let names: Vec<_> = members.keys().cloned().collect();
        members
            .remove(field)
            .with_context(|| format!("{place} is not there: its members are {}", names.join(", ")))
    }

    /// Gives members of a secret other values and leaves its other members as they are. Refused when somebody else has changed
    /// it meanwhile.
    pub(crate) async fn change(
        &self,
        place: &Place,
        changes: &[(&str, &SecretString)],
    ) -> Result<()> {
        let mut members = BTreeMap::new();
        let mut version = 0;
        match kv2::read_metadata(&self.client, &place.mount, &place.path).await {
            Ok(metadata) => {
                version = u32::try_from(metadata.current_version)?;
                members = self.secret(place).await?;
            }
            Err(ClientError::APIError { code: 404, .. }) => {}
            Err(error) => return Err(told(error, &format!("{place} cannot be read"))),
        }
        for (name, value) in changes {
            members.insert((*name).to_owned(), (*value).clone());
        }
        let data: BTreeMap<_, _> = members
            .iter()
            .map(|(name, value)| (name, value.expose_secret()))
            .collect();
        let options = SetSecretRequestOptions { cas: version };
        kv2::set_with_options(&self.client, &place.mount, &place.path, &data, options)
            .await
            .map_err(|error| told(error, &format!("{place} cannot be written")))?;
        Ok(())
    }

    /// Ends the token, when it was made here.
    pub(crate) async fn leave(self) -> Result<()> {
        if self.is_ours {
            self.revoke().await
        } else {
            Ok(())
        }
    }

    /// Ends the token.
    pub(crate) async fn revoke(self) -> Result<()> {
        token::revoke_self(&self.client)
            .await
            .map_err(|error| told(error, "the token could not be revoked, and ends by itself"))
    }
}

fn client(address: &str) -> Result<VaultClient> {
    let settings = VaultClientSettingsBuilder::default()
        .address(address)
        .token(String::new())
        .timeout(Some(TIMEOUT))
        .build()
        .with_context(|| format!("\"{address}\" is no address of Vault"))?;
    VaultClient::new(settings).map_err(|error| told(error, "a client for Vault"))
}

/// What Vault itself has said stands inside the error, not in its text.
fn told(error: ClientError, what: &str) -> anyhow::Error {
    let said = match &error {
        ClientError::APIError { code, errors } => format!("{code}: {}", errors.join("; ")),
        _ => String::new(),
    };
    let error = anyhow::Error::new(error);
    let error = if said.is_empty() {
        error
    } else {
        error.context(said)
    };
    error.context(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_mount_a_path_and_perhaps_a_member() {
        let place: Place = "secret/dev/db/stocksdb#password".parse().unwrap();
        assert_eq!(place.mount, "secret");
        assert_eq!(place.path, "dev/db/stocksdb");
        assert_eq!(place.field.as_deref(), Some("password"));
        assert_eq!(place.to_string(), "secret/dev/db/stocksdb#password");
        for wrong in ["", "secret", "secret/", "/ci", "secret/ci#"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }
}
