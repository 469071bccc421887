//! A container that is stopped drains; one that is killed comes back by itself. Either way nothing acknowledged is lost, and
//! nothing happens twice.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::engine::{docker, inspect, is_healthy, kill_hard};
use crate::load::Load;
use crate::stack::{PROD, RECOVERY, VAULT, eventually};
use crate::vault;

const DRAIN_LIMIT: Duration = Duration::from_secs(35);

pub(crate) async fn check() -> Result<String> {
    let load = Load::start(PROD, "stopped");
    load.progress(100).await?;
    for service in ["trade", "stock-listing"] {
        let container = PROD.running(service).await?;
        let began = Instant::now();
        docker(&["stop", &container]).await?;
        ensure!(
            began.elapsed() < DRAIN_LIMIT,
            "{service} took {:?} to stop",
            began.elapsed()
        );
        let code = inspect(&container).await?["State"]["ExitCode"].clone();
        ensure!(code == 0, "{service} ended with {code}");
        docker(&["start", &container]).await?;
        load.progress(100).await?;
    }
    load.end().await?;

    let load = Load::start(PROD, "killed");
    load.progress(100).await?;
    let parts = ["trade", "stock-listing", "db", "proxy", "vault-agent"];
    for part in parts {
        let container = PROD.running(part).await?;
        let restarts = inspect(&container).await?["RestartCount"].as_u64();
        kill_hard(&container).await?;
        let what = format!("{part} is back by itself");
        eventually(RECOVERY, &what, async || {
            let again = inspect(&container)
                .await
                .ok()
                .and_then(|found| found["RestartCount"].as_u64());
            again > restarts && is_healthy(&container).await
        })
        .await?;
        load.progress(100).await?;
    }
    // Vault comes back sealed, as it must: that its keys are kept on a laptop is for the laptop alone.
    kill_hard(VAULT).await?;
    load.progress(200).await?;
    eventually(RECOVERY, "Vault answers again", async || {
        is_healthy(VAULT).await
    })
    .await?;
    vault::open().await?;
    let agent = PROD.running("vault-agent").await?;
    eventually(RECOVERY, "the agent is well", async || {
        is_healthy(&agent).await
    })
    .await?;
    let seen = load.end().await?;
    Ok(format!(
        "two services stopped, {} containers killed: nothing lost, nothing twice; {} of {} requests were put off meanwhile",
        parts.len() + 1,
        seen.failures,
        seen.requests
    ))
}
