//! Who may read what in Vault: each path is tried by each identity, and each attempt is in the audit log with its name.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testkit::issuer::{Signer, now};

use crate::engine::expect;
use crate::vault::{Identity, audit_log};

const HOUR: i64 = 3_600;
/// What the pipeline needs.
const PIPELINE: [&str; 3] = ["ci/pipeline", "harbor/registry", "sonarqube/token"];
/// What an installation has, each below its own prefix.
const INSTALLATION: [&str; 3] = [
    "db/stocksdb",
    "app/stock-listing/config",
    "app/trade/config",
];
/// The keys of smoke tests, where there are any.
const SMOKE: [&str; 2] = ["stage/smoke", "prod/smoke"];
/// What the platform starts with.
const PLATFORM: [&str; 3] = ["infra/harbor", "infra/sonarqube", "infra/runner"];
/// Each role of an installation's agent, with its prefix.
const AGENTS: [(&str, &str); 4] = [
    ("app", ""),
    ("app-dev", "dev/"),
    ("app-stage", "stage/"),
    ("app-prod", "prod/"),
];
const REPOSITORY: &str = "acme-org/stocks-app";
const AUDIENCE: &str = "https://github.com/acme-org";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// Workflow files at refs, and the roles that take their tokens.
const RUNS: [(&str, &[&str]); 17] = [
    ("ci-cd.yml@refs/heads/develop", &["ci", "deploy-dev"]),
    (
        "ci-cd.yml@refs/heads/release/1.4.0",
        &["ci", "deploy-stage"],
    ),
    (
        "ci-cd.yml@refs/heads/release/1.4/fix",
        &["ci", "deploy-stage"],
    ),
    ("ci-cd.yml@refs/tags/v1.4.0", &["ci", "deploy-prod"]),
    (
        "rollback.yml@refs/heads/main",
        &["deploy-dev", "deploy-stage", "deploy-prod"],
    ),
    ("rollback.yml@refs/heads/develop", &[]),
    ("rollback.yml@refs/tags/v1.4.0", &[]),
    ("rollback.yml@refs/heads/main-2", &[]),
    ("ci-cd.yml@refs/heads/main", &[]),
    ("ci-cd.yml@refs/heads/feature", &[]),
    ("ci-cd.yml@refs/heads/develop-2", &[]),
    ("ci-cd.yml@refs/heads/feature/refs/heads/develop", &[]),
    ("ci-cd.yml@refs/heads/v1.4.0", &[]),
    ("ci-cd.yml@refs/tags/release/1.4.0", &[]),
    ("ci-cd.yml@refs/pull/7/merge", &[]),
    ("other.yml@refs/heads/develop", &[]),
    ("sub/ci-cd.yml@refs/heads/develop", &[]),
];

fn workflow(run: &str) -> String {
    format!("{REPOSITORY}/.github/workflows/{run}")
}

pub(crate) async fn check() -> Result<String> {
    let root = Identity::root().await?;
    let mut attempts = Vec::new();
    let ci = Identity::of_role(&root, "ci").await?;
    ensure!(ci.lease().await? == HOUR, "a token of ci must live an hour");
    attempts.extend(assert_rights(&ci, "ci", is_of_ci).await?);
    for (role, _) in AGENTS {
        let agent = Identity::of_role(&root, role).await?;
        ensure!(
            agent.lease().await? == 12 * HOUR,
            "a token of {role} must live 12 hours"
        );
        // One pair for all environments reads the secrets of each.
        let prefixes = AGENTS
            .iter()
            .filter(|agent| role == "app" || agent.0 == role);
        let own: Vec<_> = prefixes
            .flat_map(|(_, prefix)| INSTALLATION.map(|path| format!("{prefix}{path}")))
            .collect();
        attempts
            .extend(assert_rights(&agent, role, |path| own.iter().any(|own| own == path)).await?);
    }
    let platform = Identity::of_role(&root, "infra").await?;
    attempts.extend(assert_rights(&platform, "infra", |path| PLATFORM.contains(&path)).await?);
    let log = audit_log().await?;
    for attempt in &attempts {
        attempt.assert_logged(&log)?;
    }
    let pipelines = check_github(&root).await?;
    Ok(format!(
        "{} attempts at secrets, each allowed or denied as it must be, and each in the audit log; {pipelines}",
        attempts.len()
    ))
}

/// Whether the pipeline may read it.
fn is_of_ci(path: &str) -> bool {
    PIPELINE.contains(&path) || SMOKE.contains(&path)
}

fn all_paths() -> Vec<String> {
    let installations = AGENTS
        .iter()
        .flat_map(|(_, prefix)| INSTALLATION.map(|path| format!("{prefix}{path}")));
    PIPELINE
        .into_iter()
        .chain(PLATFORM)
        .chain(SMOKE)
        .map(str::to_owned)
        .chain(installations)
        .collect()
}

/// Tries to read every secret, to write it, and to do what only operators may.
async fn assert_rights(
    who: &Identity,
    role: &'static str,
    may_read: impl Fn(&str) -> bool,
) -> Result<Vec<Attempt>> {
    let mut attempts = Vec::new();
    for path in all_paths() {
        let path = format!("secret/data/{path}");
        let is_read = may_read(path.trim_start_matches("secret/data/"));
        let write = json!({"data": {"planted": "x"}});
        attempts.push(Attempt::make(who, role, "GET", &path, None, is_read).await?);
        attempts.push(Attempt::make(who, role, "POST", &path, Some(write), false).await?);
    }
    for (method, path) in [
        ("LIST", "secret/metadata/"),
        ("GET", "sys/policies/acl/ci"),
        ("GET", "auth/approle/role/app-prod/role-id"),
        ("POST", "auth/approle/role/app-prod/secret-id"),
        ("POST", "sys/mounts/planted"),
        ("POST", "auth/token/create"),
        ("GET", "transit/export/signing-key/other/1"),
    ] {
        attempts.push(Attempt::make(who, role, method, path, None, false).await?);
    }
    Ok(attempts)
}

/// Something that was asked of Vault, and answered as it must be.
struct Attempt {
    role: &'static str,
    operations: &'static [&'static str],
    path: String,
    is_allowed: bool,
}

impl Attempt {
    async fn make(
        who: &Identity,
        role: &'static str,
        method: &str,
        path: &str,
        body: Option<Value>,
        is_allowed: bool,
    ) -> Result<Self> {
        let reply = who.call(method, path, body).await;
        let expected = if is_allowed { 200 } else { 403 };
        ensure!(
            reply.status == expected,
            "{role}: {method} {path}: {}",
            reply.status
        );
        Ok(Self {
            role,
            operations: match method {
                "GET" => &["read"],
                "LIST" => &["list"],
                // Writing to a new path is a creation for Vault.
                _ => &["update", "create"],
            },
            path: path.to_owned(),
            is_allowed,
        })
    }

    /// It is there with who made it and how it ended.
    fn assert_logged(&self, log: &[Value]) -> Result<()> {
        let is_it = |entry: &&Value| {
            entry["type"] == "response"
                && entry["request"]["path"] == self.path
                && entry["auth"]["metadata"]["role_name"] == self.role
                && self
                    .operations
                    .iter()
                    .any(|operation| entry["request"]["operation"] == *operation)
        };
        let (role, path) = (self.role, &self.path);
        let entry = log.iter().rev().find(is_it);
        let entry =
            entry.with_context(|| format!("no attempt of {role} at {path} in the audit log"))?;
        let was_denied = entry["error"]
            .as_str()
            .is_some_and(|error| error.contains("permission denied"));
        ensure!(
            was_denied != self.is_allowed,
            "{role} at {path} in the audit log: {}",
            entry["error"]
        );
        Ok(())
    }
}

/// GitHub's tokens, signed here by a key that Vault is told to trust: bound to repository, environment and workflow.
async fn check_github(root: &Identity) -> Result<String> {
    let signer = Signer::new("github");
    let config = json!({"jwt_validation_pubkeys": [signer.public_pem()], "bound_issuer": ISSUER});
    let reply = root.call("POST", "auth/jwt/config", Some(config)).await;
    ensure!(reply.status == 204, "{reply}");
    let token = crate::vault::root_token().await? + "\n";
    let init = [
        "exec",
        "--interactive",
        "--env",
        "GITHUB_ORG=acme-org",
        "--env",
        "GITHUB_REPO=stocks-app",
        "--env",
        "GITHUB_DEFAULT_BRANCH=main",
        "vault",
        "sh",
        "/vault/scripts/init.sh",
    ];
    expect("docker", &init, token.as_bytes()).await?;

    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "repository": REPOSITORY, "ref": "refs/heads/develop", "environment": "dev",
        "event_name": "push", "job_workflow_ref": workflow("ci-cd.yml@refs/heads/develop"),
    });
    let log_in = async |role: &str, change: Value| {
        let mut claims = claims.clone();
        if let (Some(claims), Some(change)) = (claims.as_object_mut(), change.as_object()) {
            claims.extend(change.clone());
        }
        let login = json!({"role": role, "jwt": token_of(&signer, claims)});
        Identity::log_in("auth/jwt/login", login).await
    };
    check_runs(&log_in).await?;
    let ci = log_in("ci", json!({})).await?;
    ensure!(ci.lease().await? == HOUR, "a token of ci must live an hour");
    for path in all_paths() {
        let expected = if is_of_ci(&path) { 200 } else { 403 };
        let read = ci.call("GET", &format!("secret/data/{path}"), None).await;
        ensure!(
            read.status == expected,
            "a run reads {path}: {}",
            read.status
        );
    }
    let release = workflow("ci-cd.yml@refs/heads/release/1.4.0");
    let of_stage = json!({"environment": "stage", "job_workflow_ref": release});
    let stage = log_in("deploy-stage", of_stage).await?;
    for (path, expected) in SMOKE.into_iter().zip([200, 403]) {
        let secret = format!("secret/data/{path}");
        let status = stage.call("GET", &secret, None).await.status;
        ensure!(
            status == expected,
            "a run that deploys to stage: {path}: {status}"
        );
    }
    let deploy = log_in("deploy-dev", json!({})).await?;
    for (path, expected) in [("app-dev", 200), ("app-prod", 403)] {
        let path = format!("auth/approle/role/{path}/secret-id");
        let issued = deploy.call("POST", &path, Some(json!({}))).await;
        ensure!(
            issued.status == expected,
            "a run that deploys to dev: {path}: {}",
            issued.status
        );
    }
    let read = deploy
        .call("GET", "secret/data/dev/db/stocksdb", None)
        .await;
    ensure!(
        read.status == 403,
        "a run that deploys to dev reads its passwords"
    );

    let others = others();
    let refused = others.len() + RUNS.iter().filter(|(_, roles)| roles.is_empty()).count();
    for (role, change) in others {
        let told = change.to_string();
        ensure!(
            log_in(role, change).await.is_err(),
            "{role} takes a token with {told}"
        );
    }
    Ok(format!(
        "runs of the pipeline log in by GitHub's tokens, {refused} kinds of others do not"
    ))
}

/// Tokens that no role takes: the role that is tried, and what differs from a run on develop.
fn others() -> Vec<(&'static str, Value)> {
    vec![
        ("ci", json!({"repository": "stranger/stocks-app"})),
        ("ci", json!({"repository": "acme-org/stocks-app-2"})),
        ("ci", json!({"event_name": "pull_request"})),
        ("ci", json!({"event_name": "pull_request_target"})),
        ("deploy-dev", json!({"event_name": "pull_request_target"})),
        (
            "ci",
            json!({"job_workflow_ref": "stranger/stocks-app/.github/workflows/ci-cd.yml@refs/heads/develop"}),
        ),
        (
            "ci",
            json!({"job_workflow_ref": "acme-org/stocks-app-2/.github/workflows/ci-cd.yml@refs/heads/develop"}),
        ),
        ("ci", json!({"aud": "https://github.com/stranger"})),
        ("ci", json!({"iss": "https://stranger.example"})),
        ("deploy-prod", json!({})),
    ]
}

/// Each role takes the tokens of its own workflow files at its own refs, in its own environment.
async fn check_runs(log_in: &impl AsyncFn(&str, Value) -> Result<Identity>) -> Result<()> {
    for (run, roles) in RUNS {
        for role in ["ci", "deploy-dev", "deploy-stage", "deploy-prod"] {
            for environment in ["dev", "stage", "prod"] {
                let change = json!({"job_workflow_ref": workflow(run), "environment": environment});
                let is_of_environment = role == "ci" || role == format!("deploy-{environment}");
                let expected = roles.contains(&role) && is_of_environment;
                ensure!(
                    log_in(role, change).await.is_ok() == expected,
                    "{role} must {}take a token of {run} in {environment}",
                    if expected { "" } else { "not " }
                );
            }
        }
    }
    Ok(())
}

/// A token of GitHub's that is valid for five minutes.
fn token_of(signer: &Signer, mut claims: Value) -> String {
    let now = now();
    claims["iat"] = json!(now);
    claims["nbf"] = json!(now);
    claims["exp"] = json!(now + 300);
    let repository = claims["repository"].as_str().unwrap_or_default();
    claims["sub"] = json!(format!("repo:{repository}"));
    signer.token(&claims)
}
