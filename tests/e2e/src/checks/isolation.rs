//! No environment reaches another: tried from inside of each network, against each address of each container elsewhere.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::engine::{self, expect, inspect};
use crate::stack::{ALL, Environment, VAULT, helper_image};

/// Every port that something listens on.
const PORTS: [&str; 5] = ["8000", "8001", "5432", "2019", "8200"];
/// Reads lines of an address and a port, and repeats those that take a connection. Images have the one tool or the other.
const PROBE: &str = r#"
    try() {
        if command -v bash >/dev/null; then timeout 2 bash -c ": </dev/tcp/$1/$2"; else nc -z -w 2 "$1" "$2"; fi
    }
    while read -r address port; do
        { try "$address" "$port" 2>/dev/null && echo "$address $port"; } &
    done
    wait
"#;

pub(crate) async fn check() -> Result<String> {
    let mut tried = 0;
    let vault = addresses(&inspect(VAULT).await?)?;
    for from in ALL {
        let targets = Targets {
            own: parts(from).await?,
            foreign: foreign_parts(from).await?,
            vault: vault.iter().map(|(_, address)| address.clone()).collect(),
        };
        for network in networks(&targets.own) {
            tried += targets.try_from(from, &network).await?;
        }
    }
    Ok(format!(
        "{tried} ways from the networks of one environment into another or to Vault, none open"
    ))
}

/// A container's place on one network.
struct Part {
    container: String,
    network: String,
    address: String,
}

/// What is tried from within an environment.
struct Targets {
    own: Vec<Part>,
    foreign: Vec<Part>,
    vault: Vec<String>,
}

impl Targets {
    /// Tries all of them from one network; yields how many must be shut.
    async fn try_from(&self, from: Environment, network: &str) -> Result<usize> {
        let elsewhere = self.foreign.iter().map(|part| &part.address);
        let mut shut: BTreeSet<String> = elsewhere.clone().flat_map(ways).collect();
        // The agent's own network is the way to Vault; the services have none.
        let is_agents = network == format!("vault-{}-net", from.name);
        let vault: Vec<String> = self.vault.iter().flat_map(ways).collect();
        if !is_agents {
            shut.extend(vault.iter().cloned());
        }
        let own = self.own.iter().filter(|part| part.network == network);
        let own: BTreeSet<String> = own.flat_map(|part| ways(&part.address)).collect();
        let asked: Vec<&str> = shut
            .iter()
            .chain(&own)
            .chain(&vault)
            .map(String::as_str)
            .collect();

        let open = probe(network, &asked).await?;
        let leaks: Vec<_> = open.intersection(&shut).collect();
        ensure!(
            leaks.is_empty(),
            "from {network} there are ways to {leaks:?}"
        );
        // The probe is able to find what is open.
        if network == from.network() {
            for (service, port) in [
                ("stock-listing", "8000"),
                ("trade", "8001"),
                ("db", "5432"),
                ("proxy", "8000"),
            ] {
                let container = from.running(service).await?;
                let mut parts = self.own.iter().filter(|part| part.container == container);
                let part = parts
                    .find(|part| part.network == network)
                    .context("it is on the network")?;
                let way = format!("{} {port}", part.address);
                ensure!(
                    open.contains(&way),
                    "the probe does not reach {container}: {open:?}"
                );
            }
        }
        if is_agents {
            ensure!(
                vault.iter().any(|way| open.contains(way)),
                "the agent of {} cannot reach Vault",
                from.name
            );
        }
        Ok(shut.len())
    }
}

fn ways(address: &String) -> Vec<String> {
    PORTS.map(|port| format!("{address} {port}")).into()
}

/// Which of these ways are open from this network.
async fn probe(network: &str, ways: &[&str]) -> Result<BTreeSet<String>> {
    let network = format!("--network={network}");
    let args = [
        "run",
        "--rm",
        "--interactive",
        &network,
        "--entrypoint=sh",
        helper_image(),
        "-c",
        PROBE,
    ];
    let asked = ways.join("\n") + "\n";
    let open = expect("docker", &args, asked.as_bytes()).await?;
    Ok(String::from_utf8(open)?
        .lines()
        .map(str::to_owned)
        .collect())
}

fn networks(parts: &[Part]) -> BTreeSet<String> {
    parts.iter().map(|part| part.network.clone()).collect()
}

async fn parts(environment: Environment) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for container in engine::containers(&environment.project()).await? {
        for (network, address) in addresses(&inspect(&container).await?)? {
            let container = container.clone();
            parts.push(Part {
                container,
                network,
                address,
            });
        }
    }
    Ok(parts)
}

async fn foreign_parts(from: Environment) -> Result<Vec<Part>> {
    let mut found = Vec::new();
    for environment in ALL.into_iter().filter(|environment| *environment != from) {
        found.extend(parts(environment).await?);
    }
    Ok(found)
}

/// Each network of a container, with its address there.
fn addresses(container: &Value) -> Result<Vec<(String, String)>> {
    let networks = container["NetworkSettings"]["Networks"]
        .as_object()
        .context("no networks")?;
    let address = |network: &Value| network["IPAddress"].as_str().unwrap_or_default().to_owned();
    Ok(networks
        .iter()
        .map(|(name, network)| (name.clone(), address(network)))
        .collect())
}
