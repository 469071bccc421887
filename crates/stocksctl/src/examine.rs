//! Whether an environment can take a release: each thing that would make it fail half-way is found before anything is changed.

use anyhow::{Context as _, Result, bail, ensure};

use crate::ledger::Action;
use crate::plan::Part;
use crate::progress::note;
use crate::site::Site;

/// What two images take, with room for their logs.
const MIN_FREE_BYTES: u64 = 256 * 1024 * 1024;

/// Fails with what is wrong, and how to mend it.
pub(crate) async fn examine(site: &Site, missing: &[Part], action: Action) -> Result<()> {
    let (all_work, open, free, room) = tokio::join!(
        parts(site),
        vault(site, missing),
        ports(site, missing),
        disk(site),
    );
    all_work?;
    match open {
        // What they need was rendered before; a way back must not depend on anything that can be missed.
        Err(error) if action == Action::Rollback && missing.is_empty() => {
            note(&format!(
                "warning: {error:#}; the secrets are there already"
            ));
        }
        other => other?,
    }
    free?;
    room
}

/// What is there must work.
async fn parts(site: &Site) -> Result<()> {
    let environment = site.environment;
    let seen = site.docker.look(environment).await?;
    for part in Part::ALL {
        for seen in seen.iter().filter(|seen| seen.is(part)) {
            let is_well = seen.state == "running" && seen.health != "unhealthy";
            let state = if seen.state == "running" {
                &seen.health
            } else {
                &seen.state
            };
            ensure!(
                is_well,
                "{part} does not work: {} is {state}. See `docker logs {}`, and start it: docker compose --file {} up --detach {part}",
                seen.name,
                seen.name,
                environment.compose_file()
            );
        }
    }
    Ok(())
}

/// Vault must be open, or no new secret reaches the containers.
async fn vault(site: &Site, missing: &[Part]) -> Result<()> {
    let environment = site.environment;
    let ended = if missing.contains(&Part::VaultAgent) {
        let file = environment.compose_file();
        // The agent's own way to Vault, without the agent.
        let run = [
            "compose",
            "--file",
            &file,
            "run",
            "--rm",
            "--no-deps",
            "--no-TTY",
            "--entrypoint",
            "vault",
            "vault-agent",
            "status",
        ];
        site.docker.attempt(&run).await?
    } else {
        let agent = environment.container(Part::VaultAgent.name());
        site.docker
            .attempt(&["exec", &agent, "vault", "status"])
            .await?
    };
    match ended.code {
        Some(0) => Ok(()),
        Some(2) => bail!(
            "Vault is sealed: vault operator unseal, three times (vault/dev.sh up on a laptop)"
        ),
        _ => bail!("Vault does not answer: {}", ended.complaint()),
    }
}

/// The ports of what is not there yet must be free.
async fn ports(site: &Site, missing: &[Part]) -> Result<()> {
    for part in missing.iter().filter(|part| **part != Part::VaultAgent) {
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
