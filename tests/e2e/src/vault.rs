//! Vault over its API, with one identity at a time.

use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::http::{Client, Reply};

use crate::engine::{docker, expect};
use crate::stack::VAULT;

/// Somebody who has logged in.
pub(crate) struct Identity {
    api: Client,
    token: String,
}

impl Identity {
    /// The one who may do everything, on a laptop.
    pub(crate) async fn root() -> Result<Self> {
        Ok(Self::with_token(root_token().await?))
    }

    fn with_token(token: String) -> Self {
        Self {
            api: Client::new("http://127.0.0.1:8200"),
            token,
        }
    }

    /// Logs in by an AppRole, with a secret id of its own.
    pub(crate) async fn of_role(root: &Self, role: &str) -> Result<Self> {
        let (role_id, secret_id) = root.pair(role).await?;
        let login = json!({"role_id": role_id, "secret_id": secret_id});
        Self::log_in("auth/approle/login", login).await
    }

    /// The id of an AppRole, and another secret id for it.
    pub(crate) async fn pair(&self, role: &str) -> Result<(String, String)> {
        let of_role = format!("auth/approle/role/{role}");
        let role_id = self.call("GET", &format!("{of_role}/role-id"), None).await;
        let secret_id = self
            .call("POST", &format!("{of_role}/secret-id"), Some(json!({})))
            .await;
        let text = |reply: &Reply, name: &str| {
            let text = reply.json()["data"][name].as_str().map(str::to_owned);
            text.with_context(|| format!("{role} has no {name}: {reply}"))
        };
        Ok((text(&role_id, "role_id")?, text(&secret_id, "secret_id")?))
    }

    /// Logs in with what a method of Vault takes.
    pub(crate) async fn log_in(path: &str, body: Value) -> Result<Self> {
        let reply = Self::with_token(String::new())
            .call("POST", path, Some(body))
            .await;
        ensure!(reply.status == 200, "{reply}");
        let token = reply.json()["auth"]["client_token"]
            .as_str()
            .context("no token")?
            .to_owned();
        Ok(Self::with_token(token))
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
        let mut request = self.api.builder(method, &format!("/v1/{path}"));
        if !self.token.is_empty() {
            request = request.header("x-vault-token", &self.token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.api.request(request).await
    }

    /// The newest version of a secret.
    pub(crate) async fn secret(&self, path: &str) -> Result<Value> {
        let reply = self.call("GET", &format!("secret/data/{path}"), None).await;
        ensure!(reply.status == 200, "{path}: {}", reply.status);
        Ok(reply.json()["data"]["data"].clone())
    }

    /// A member of a secret.
    pub(crate) async fn field(&self, path: &str, name: &str) -> Result<String> {
        let secret = self.secret(path).await?;
        let field = secret[name].as_str();
        Ok(field
            .with_context(|| format!("secret/{path} has no {name}"))?
            .to_owned())
    }

    /// The token's own lease, in seconds.
    pub(crate) async fn lease(&self) -> Result<i64> {
        let reply = self.call("GET", "auth/token/lookup-self", None).await;
        ensure!(reply.status == 200, "{reply}");
        reply.json()["data"]["creation_ttl"]
            .as_i64()
            .context("no time to live")
    }
}

/// Each entry of the audit log so far.
pub(crate) async fn audit_log() -> Result<Vec<Value>> {
    let text = docker(&["exec", VAULT, "cat", "/vault/logs/audit.log"]).await?;
    text.lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}

/// Seals it, as an operator does in an emergency.
pub(crate) async fn seal() -> Result<()> {
    let reply = Identity::root()
        .await?
        .call("PUT", "sys/seal", Some(json!({})))
        .await;
    ensure!(reply.status == 204, "{reply}");
    Ok(())
}

/// Opens it again with the keys of a laptop.
pub(crate) async fn open() -> Result<()> {
    expect("vault/dev.sh", &["up"], b"").await.map(drop)
}

/// The token of the one who may do everything, on a laptop.
pub(crate) async fn root_token() -> Result<String> {
    let token = String::from_utf8(expect("vault/dev.sh", &["token"], b"").await?)?;
    ensure!(!token.trim().is_empty(), "there is no root token");
    Ok(token.trim().to_owned())
}
