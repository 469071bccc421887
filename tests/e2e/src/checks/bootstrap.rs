//! init.sh goes on after an interruption: on a Vault of its own it is cut off again and again, each time a little later.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

use crate::engine::{Output, docker, run};
use crate::stack::{RECOVERY, eventually};

const NAME: &str = "e2e-bootstrap";
/// Calls of `vault` by which each run comes further than the one before.
const STEP: usize = 8;
const MAX_RUNS: usize = 60;
/// An issuer that is reached: Vault's own, by the address that it gives itself.
const REACHED: &str = "http://vault:8200/v1/identity/oidc";
/// Instead of `vault`: ends the script that calls it when that has called it often enough.
const SHIM: &str = r#"
    mkdir -p /tmp/shim
    real=$(command -v vault)
    cat >/tmp/shim/vault <<SHIM
#!/bin/sh
echo >>/tmp/calls
if [ "\$(wc -l </tmp/calls)" -gt "\$LIMIT" ]; then kill -9 \$PPID; exit 1; fi
exec $real "\$@"
SHIM
    chmod +x /tmp/shim/vault
"#;

pub(crate) async fn check() -> Result<String> {
    drop(run("docker", ["rm", "--force", "--volumes", NAME], b"").await?);
    let outcome = cut_off_again_and_again().await;
    docker(&["rm", "--force", "--volumes", NAME]).await?;
    outcome
}

async fn cut_off_again_and_again() -> Result<String> {
    start().await?;
    let mut made = BTreeMap::new();
    for attempt in 1..MAX_RUNS {
        let ended = run_init(&made, attempt * STEP).await?;
        for (name, value) in ended.text().lines().filter_map(|line| line.split_once('=')) {
            let before = made.insert(name.to_owned(), value.to_owned());
            ensure!(
                before.is_none_or(|before| before == value),
                "{name} was made twice"
            );
        }
        if ended.code == Some(0) {
            assert_complete(&made).await?;
            check_issuer(&made).await?;
            return Ok(format!(
                "cut off {} times, each time later, it is complete; GitHub's roles come when its issuer is reached",
                attempt - 1
            ));
        }
    }
    bail!("init.sh makes more than {} calls", MAX_RUNS * STEP)
}

async fn start() -> Result<()> {
    let folder = std::env::current_dir()?.join("vault");
    let mount = format!("--volume={}:/vault/scripts:ro", folder.display());
    let fixed = [
        "run",
        "--detach",
        "--name",
        NAME,
        "--user=vault",
        "--env=VAULT_ADDR=http://127.0.0.1:8200",
    ];
    let skipped = [
        "--env=SKIP_CHOWN=true",
        "--env=SKIP_SETCAP=true",
        // The address that Vault gives itself: it stands for an issuer that is reached.
        "--add-host=vault:127.0.0.1",
        "--entrypoint=sh",
    ];
    let image = ["hashicorp/vault:1.21", "/vault/scripts/serve.sh"];
    docker(&[&fixed[..], &skipped, &[&mount], &image].concat()).await?;
    eventually(RECOVERY, "Vault answers", async || status().await.is_ok()).await?;
    docker(&["exec", NAME, "sh", "-c", SHIM]).await.map(drop)
}

/// What it says of itself.
async fn status() -> Result<String> {
    let status = run("docker", ["exec", NAME, "vault", "status"], b"").await?;
    ensure!(matches!(status.code, Some(0 | 2)), "Vault does not answer");
    Ok(status.text())
}

/// Runs the script with what an operator would type, until it has called Vault this often.
async fn run_init(made: &BTreeMap<String, String>, limit: usize) -> Result<Output> {
    let status = status().await?;
    let has = |name: &str, value: &str| {
        let mut words = status
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        words.any(|words| words == [name, value])
    };
    let mut typed = Vec::new();
    if has("Initialized", "true") {
        if has("Sealed", "true") {
            // Those that count already were typed before.
            typed.extend((1..=3).map(|number| format!("UNSEAL_KEY_{number}")));
        }
        typed.push("ROOT_TOKEN".to_owned());
    }
    let mut stdin = String::new();
    for name in typed {
        stdin += made
            .get(&name)
            .with_context(|| format!("{name} was not printed"))?;
        stdin.push('\n');
    }
    let script = format!(
        "rm -f /tmp/calls; export LIMIT={limit} PATH=/tmp/shim:$PATH; exec sh /vault/scripts/init.sh"
    );
    run(
        "docker",
        ["exec", "--interactive", NAME, "sh", "-c", &script],
        stdin.as_bytes(),
    )
    .await
}

/// An optional part that fails is a warning: the rest is done, and a later run adds it.
async fn check_issuer(made: &BTreeMap<String, String>) -> Result<()> {
    let token = made.get("ROOT_TOKEN").context("no root token")?.clone() + "\n";
    let init = async |organisation: &str, issuer: &str| {
        let variables = [
            format!("GITHUB_ORG={organisation}"),
            "GITHUB_REPO=stocks-app".to_owned(),
            format!("GITHUB_ISSUER={issuer}"),
        ];
        let variables = variables.iter().flat_map(|it| ["--env", it]);
        let exec = ["exec", "--interactive"].into_iter().chain(variables);
        let script = [NAME, "sh", "/vault/scripts/init.sh"];
        let ended = run("docker", exec.chain(script), token.as_bytes()).await?;
        let said = String::from_utf8_lossy(&ended.all()).into_owned();
        ensure!(
            ended.code == Some(0) && said.contains("Vault is ready"),
            "{organisation} at {issuer}: {said}"
        );
        anyhow::Ok(said)
    };
    // Nothing listens there; the placeholder is not even tried.
    let nowhere = "http://127.0.0.1:9";
    let said = init("your-org", REACHED).await?;
    ensure!(
        said.contains("GITHUB_ORG and GITHUB_REPO are not set"),
        "{said}"
    );
    let said = init("acme", nowhere).await?;
    ensure!(
        said.contains("warning: no roles for GitHub's tokens")
            && said.contains("To add them later"),
        "{said}"
    );
    ensure!(
        jwt_roles(&token).await?.is_empty(),
        "roles without an issuer"
    );
    init("acme", REACHED).await?;
    let roles = jwt_roles(&token).await?;
    ensure!(
        roles == ["ci", "deploy-dev", "deploy-prod", "deploy-stage"],
        "{roles:?}"
    );
    Ok(())
}

async fn jwt_roles(token: &str) -> Result<Vec<String>> {
    let script = "read -r VAULT_TOKEN; export VAULT_TOKEN; vault list auth/jwt/role";
    let exec = ["exec", "--interactive", NAME, "sh", "-c", script];
    let listed = run("docker", exec, token.as_bytes()).await?.text();
    let roles = listed.lines().filter(|it| !matches!(*it, "Keys" | "----"));
    Ok(roles.map(str::to_owned).collect())
}

async fn assert_complete(made: &BTreeMap<String, String>) -> Result<()> {
    for name in [
        "VAULT_ADDR",
        "VAULT_ROLE_ID",
        "VAULT_SECRET_ID",
        "APP_VAULT_ROLE_ID",
        "APP_VAULT_SECRET_ID",
    ] {
        ensure!(made.contains_key(name), "{name} was not printed");
    }
    ensure!(
        made.keys()
            .filter(|name| name.starts_with("UNSEAL_KEY_"))
            .count()
            == 5,
        "not five keys"
    );
    let token = made.get("ROOT_TOKEN").context("no root token")?.clone() + "\n";
    for (command, expected) in [
        (
            "vault kv list secret/",
            "app/ ci/ db/ dev/ harbor/ infra/ prod/ sonarqube/ stage/",
        ),
        ("vault kv list secret/prod/app/", "stock-listing/ trade/"),
        ("vault kv list secret/stage/db/", "stocksdb"),
        ("vault kv list secret/infra/", "harbor runner sonarqube"),
        ("vault list transit/keys", "harbor-token"),
        (
            "vault list auth/approle/role",
            "app app-dev app-prod app-stage ci infra",
        ),
        (
            "vault policy list",
            "admin app app-dev app-prod app-stage ci default deploy-dev deploy-prod deploy-stage infra root",
        ),
    ] {
        let script = format!("read -r VAULT_TOKEN; export VAULT_TOKEN; {command}");
        let listed = run(
            "docker",
            ["exec", "--interactive", NAME, "sh", "-c", &script],
            token.as_bytes(),
        );
        let listed = listed.await?.text();
        let mut found: Vec<&str> = listed
            .lines()
            .filter(|line| !matches!(*line, "Keys" | "----"))
            .collect();
        found.sort_unstable();
        ensure!(found.join(" ") == expected, "{command}: {found:?}");
    }
    // A secret that was seeded is not seeded again.
    let script = "read -r VAULT_TOKEN; export VAULT_TOKEN; vault read -field=current_version secret/metadata/prod/app/trade/config";
    let version = run(
        "docker",
        ["exec", "--interactive", NAME, "sh", "-c", script],
        token.as_bytes(),
    );
    let version = version.await?.text();
    ensure!(
        version.trim() == "1",
        "a secret was seeded again: version {version}"
    );
    Ok(())
}
