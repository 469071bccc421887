//! Without Vault or its agent the services serve on; without secrets a start waits.

use std::time::Duration;

use anyhow::{Result, ensure};
use reqwest::Method;

use crate::engine::{docker, is_healthy, kill_hard, run};
use crate::load::Load;
use crate::stack::{DEV, RECOVERY, STAGE, VAULT, eventually};
use crate::vault;

/// Which start of which container it is.
const STARTED: &str = "{{.Id}} {{.State.StartedAt}} {{.RestartCount}}";
/// What waits for its secrets says so once in this time, and more often than that.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

pub(crate) async fn check(outage: Duration) -> Result<String> {
    let load = Load::start(DEV, "outage");
    load.progress(100).await?;
    vault::seal().await?;
    load.progress(200).await?;
    docker(&["stop", VAULT]).await?;
    kill_hard(&DEV.running("vault-agent").await?).await?;
    tokio::time::sleep(outage).await;
    load.progress(200).await?;
    start_without_secrets().await?;
    let waiter = wait_for_vault().await?;

    docker(&["start", VAULT]).await?;
    vault::open().await?;
    let agent = DEV.running("vault-agent").await?;
    eventually(RECOVERY, "the agent is back", async || {
        is_healthy(&agent).await
    })
    .await?;
    load.progress(200).await?;
    let requests = load.end().await?.none_failed()?;

    // The service that had no secrets finds them, without another start.
    let trade = STAGE.running("trade").await?;
    let started = docker(&["inspect", "--format", STARTED, &trade]).await?;
    STAGE
        .compose(&["up", "--detach", "--no-deps", "db"])
        .await?;
    eventually(RECOVERY, "the service is ready by itself", async || {
        is_healthy(&trade).await
    })
    .await?;
    let still = docker(&["inspect", "--format", STARTED, &trade]).await?;
    ensure!(still == started, "it was started again: {started}, {still}");
    let code = docker(&["wait", &waiter]).await?;
    ensure!(code == "0", "{waiter} ended with {code}");
    // Plain Compose brings up the rest, without a restart by hand.
    STAGE.compose(&["up", "--detach", "--wait"]).await?;
    STAGE.wait_ready().await?;
    Ok(format!(
        "Vault sealed, then stopped for {} s and its agent killed: 0 of {requests} requests failed; a start without secrets waits",
        outage.as_secs()
    ))
}

/// Starts the container that the others wait for, which says what is missing. Returns its name.
async fn wait_for_vault() -> Result<String> {
    let up = ["up", "--detach", "--no-deps", "wait-for-vault"];
    STAGE.compose(&up).await?;
    let waiter = STAGE.container("wait-for-vault");
    let what = "the environment says what it waits for";
    eventually(TOLD_WITHIN, what, async || {
        said(&waiter).await.contains("Vault does not answer")
    })
    .await?;
    Ok(waiter)
}

/// The log of a container so far.
async fn said(container: &str) -> String {
    let log = run("docker", ["logs", container], b"").await;
    log.map(|log| String::from_utf8_lossy(&log.all()).into_owned())
        .unwrap_or_default()
}

/// With Vault away, an environment is started anew: nothing of its secrets is left anywhere.
async fn start_without_secrets() -> Result<()> {
    STAGE.compose(&["down"]).await?;
    // One by one: together they would wait for each other.
    for part in ["vault-agent", "trade", "proxy"] {
        STAGE
            .compose(&["up", "--detach", "--no-deps", part])
            .await?;
    }
    let trade = STAGE.running("trade").await?;
    eventually(
        TOLD_WITHIN,
        "a service without secrets says what it waits for",
        async || {
            let log = said(&trade).await;
            log.contains("waiting for secrets") && log.contains("/vault/secrets/")
        },
    )
    .await?;
    let state = docker(&[
        "inspect",
        "--format",
        "{{.State.Status}} {{.State.Health.Status}}",
        &trade,
    ])
    .await?;
    ensure!(
        state.starts_with("running") && !state.ends_with(" healthy"),
        "{state}"
    );
    let api = STAGE.trade();
    eventually(
        TOLD_WITHIN,
        "the proxy answers that it is not ready",
        async || {
            let answer = api.builder(Method::GET, "/readyz").send().await;
            answer.is_ok_and(|answer| answer.status() == 503)
        },
    )
    .await
}
