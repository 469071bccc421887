//! The look at an environment before a release: each thing that would make it fail half-way is found before anything is changed.

use anyhow::{Context as _, Result, bail, ensure};

use crate::adapters::docker::Seen;
use crate::ledger::Action;
use crate::plan::Part;
use crate::progress::{chain, note};
use crate::seal::Vault;
use crate::site::Site;

/// What two images take, with room for their logs.
const MIN_FREE_BYTES: u64 = 256 * 1024 * 1024;

/// Fails with what is wrong, and how to mend it. `lacking` are the parts that do not run, which the plan starts.
pub(crate) async fn examine(site: &Site, lacking: &[Part], action: Action) -> Result<()> {
    let (open, free, room) = tokio::join!(vault(site), ports(site, lacking), disk(site));
    match open {
        // What they need was rendered before; a way back must not depend on anything that can be missed.
        Err(error) if action == Action::Rollback && lacking.is_empty() => {
            note(&format!(
                "warning: {}; the secrets are there already",
                chain(&error)
            ));
        }
        other => other?,
    }
    free?;
    room
}

/// Vault must be open, or no new secret reaches the containers.
async fn vault(site: &Site) -> Result<()> {
    let seen = site.docker.look(site.environment).await?;
    let has_agent = |seen: &Seen| seen.is(Part::VaultAgent) && seen.condition.is_running();
    let vault = if seen.iter().any(has_agent) {
        Vault::look(&site.docker, &seen).await?
    } else {
        Some(Vault::look_as_new_agent(&site.docker, site.environment).await?)
    };
    match vault.as_ref().and_then(Vault::fault) {
        Some(fault) => bail!(fault),
        None => Ok(()),
    }
}

/// The ports of what is not there yet must be free.
async fn ports(site: &Site, lacking: &[Part]) -> Result<()> {
    for part in lacking.iter().filter(|part| **part != Part::VaultAgent) {
        for port in site.docker.published_ports(site.environment, *part).await? {
            ensure!(
                site.docker.is_free(&port).await?,
                "{port} is taken, and {part} of {} is published there: stop what listens there (`ss -ltnp`), or change environments/{}.env",
                site.environment,
                site.environment
            );
        }
    }
    Ok(())
}

async fn disk(site: &Site) -> Result<()> {
    let free = site.state.free_bytes().await.context("the engine's disk")?;
    ensure!(
        free >= MIN_FREE_BYTES,
        "the engine's disk has {} MiB left, and a release takes up to {}: make room there (`docker system df`, `docker image prune`)",
        free / (1024 * 1024),
        MIN_FREE_BYTES / (1024 * 1024)
    );
    Ok(())
}
