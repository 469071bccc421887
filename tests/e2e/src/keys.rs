//! Keys for the environments that nobody calls without one, made as an operator makes them.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::Method;

use crate::engine::{self, expect};
use crate::stack::{Environment, PROD, STAGE, eventually};
use crate::vault;

/// Longest time from a key's making to its counting.
const RENDERED_WITHIN: Duration = Duration::from_secs(30);

/// What is shown to each environment, by its name.
static KEYS: OnceLock<HashMap<String, Keys>> = OnceLock::new();

struct Keys {
    all: String,
    smoke: String,
}

/// Makes keys for stage and prod, and waits until they count.
pub(crate) async fn prepare() -> Result<()> {
    let mut keys = HashMap::new();
    for environment in [STAGE, PROD] {
        keys.insert(environment.name.to_owned(), make(environment).await?);
    }
    KEYS.set(keys).ok().context("keys are made once")?;
    for environment in [STAGE, PROD] {
        eventually(RENDERED_WITHIN, "the new key counts", async || {
            let asked = environment
                .trade()
                .builder(Method::GET, "/trades?user_id=a");
            asked
                .send()
                .await
                .is_ok_and(|answer| answer.status() == 200)
        })
        .await?;
    }
    Ok(())
}

/// The key for everything.
pub(crate) fn of(environment: Environment) -> Option<&'static str> {
    let keys = KEYS.get()?.get(environment.name)?;
    Some(&keys.all)
}

/// The key for smoke tests of the environment that the last of these words names.
pub(crate) fn for_smoke(words: &[&str]) -> Option<&'static str> {
    let keys = KEYS.get()?;
    let named = words.iter().rev().find_map(|word| keys.get(*word))?;
    Some(&named.smoke)
}

async fn make(environment: Environment) -> Result<Keys> {
    let to = ["--env", environment.name];
    let scopes = ["read", "catalogue:write", "orders:*"].map(|scope| ["--scope", scope]);
    let create = [&["create"], &to[..], scopes.as_flattened()].concat();
    let all = stocksctl(&[&["keys"], &create[..]].concat()).await?;
    stocksctl(&[&["keys", "smoke"], &to[..]].concat()).await?;
    let root = vault::Identity::root().await?;
    let kept = root.secret(&format!("{}/smoke", environment.name)).await?;
    let smoke = kept["key"].as_str().context("no key of smoke tests")?;
    Ok(Keys {
        all,
        smoke: smoke.to_owned(),
    })
}

/// With the root token, which a file holds: no secret is an argument.
async fn stocksctl(args: &[&str]) -> Result<String> {
    let token = tempfile::NamedTempFile::new()?;
    std::fs::write(&token, vault::root_token().await?)?;
    let file = format!("VAULT_TOKEN_FILE={}", token.path().display());
    let program = engine::stocksctl()?.display().to_string();
    let said = expect("env", &[&[&*file, &program], args].concat(), b"").await?;
    Ok(String::from_utf8_lossy(&said).trim().to_owned())
}
