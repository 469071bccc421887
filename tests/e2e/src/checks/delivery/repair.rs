//! Whatever breaks is named by `status`, and repaired by a deployment of what serves.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::workshop::{DONE, UNCHANGED, Workshop};
use crate::engine::{docker, inspect};
use crate::load::{Load, Seen};
use crate::stack::{self, DEV};

/// A way to break an environment.
struct Breakage {
    /// The docker command; the container's name is its last argument.
    command: &'static [&'static str],
    /// The service or part that it breaks.
    of: &'static str,
    /// The words of `status`, with `{}` for the container's name.
    fault: &'static str,
    /// The step that repairs it, with `{}` for the container's name.
    repair: &'static str,
}

/// One of each kind; the rest is proven by the tables beside the rule.
const BREAKAGES: [Breakage; 6] = [
    Breakage {
        command: &["stop"],
        of: "trade",
        fault: "{} is stopped (exit code 0)",
        repair: "remove {}",
    },
    Breakage {
        command: &["pause"],
        of: "trade",
        fault: "{} is paused",
        repair: "resume {}",
    },
    Breakage {
        command: &["network", "disconnect", "dev-net"],
        of: "stock-listing",
        fault: "{} is disconnected from dev-net",
        repair: "remove {}",
    },
    Breakage {
        command: &["rm", "--force", "--volumes"],
        of: "proxy",
        fault: "proxy is missing",
        repair: "start proxy",
    },
    Breakage {
        command: &["stop"],
        of: "db",
        fault: "{} is stopped",
        repair: "repair db, which is stopped",
    },
    Breakage {
        command: &["rm", "--force", "--volumes"],
        of: "vault-agent",
        fault: "vault-agent is missing",
        repair: "start vault-agent",
    },
];

pub(crate) async fn check() -> Result<String> {
    let workshop = Workshop::new().await?;
    let tag = workshop.release("repair", "LABEL release=repair").await?;
    workshop.expect(&["deploy", "dev", &tag], DONE).await?;
    assert_sound(&workshop, &tag, 1).await?;
    for breakage in BREAKAGES {
        let said = || format!("{} of {}", breakage.command.join(" "), breakage.of);
        breakage.check(&workshop, &tag).await.with_context(said)?;
    }
    let seen = one_replica_of_two(&workshop, &tag).await?;
    workshop
        .expect(&["deploy", "dev", &tag, "--replicas", "1"], DONE)
        .await?;
    assert_sound(&workshop, &tag, 1).await?;
    let containers = no_volume_without_a_name().await?;
    Ok(format!(
        "{} ways to break dev named by status and repaired; one of two replicas stopped and replaced: nothing lost, nothing twice, \
         {} of {} requests were put off meanwhile; {containers} containers, none with a volume without a name",
        BREAKAGES.len(),
        seen.failures,
        seen.requests
    ))
}

impl Breakage {
    async fn check(&self, workshop: &Workshop, tag: &str) -> Result<()> {
        let container = DEV.running(self.of).await?;
        docker(&[self.command, &[&container]].concat()).await?;
        let status = workshop.expect(&["status", "dev"], UNCHANGED).await?;
        let fault = format!("fault: {}", self.fault.replace("{}", &container));
        ensure!(status.contains(&fault), "\"{fault}\" is not in {status}");
        let repair = format!("repair: `stocksctl deploy dev {tag}`");
        ensure!(status.contains(&repair), "{status}");
        let told = look(workshop, UNCHANGED).await?;
        ensure!(told["state"] == "failing", "{told}");

        let said = workshop.expect(&["deploy", "dev", tag], DONE).await?;
        let repair = self.repair.replace("{}", &container);
        ensure!(said.contains(&repair), "\"{repair}\" is not in {said}");
        DEV.wait_ready().await?;
        assert_sound(workshop, tag, 1).await
    }
}

/// Nothing is wrong, and the release serves in so many containers.
async fn assert_sound(workshop: &Workshop, tag: &str, replicas: usize) -> Result<()> {
    let told = look(workshop, DONE).await?;
    let is_sound = told["state"] == "serving" && told["faults"] == json!([]);
    ensure!(is_sound && told["repair"].is_null(), "{told}");
    workshop.assert_serves_in(DEV, tag, replicas).await
}

async fn look(workshop: &Workshop, code: i32) -> Result<Value> {
    let output = workshop.run(&["status", "dev", "--json"]).await?;
    ensure!(
        output.code == Some(code),
        "{:?}: {}",
        output.code,
        output.text()
    );
    let mut told: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    ensure!(told.len() == 1, "{told:?}");
    Ok(told.remove(0))
}

/// While one replica of each service serves, the other one is stopped and replaced. A container that joins the release that serves
/// is found by its name at once, and answers 503 until it has started: such requests are put off.
async fn one_replica_of_two(workshop: &Workshop, tag: &str) -> Result<Seen> {
    let two = ["deploy", "dev", tag, "--replicas", "2"];
    workshop.expect(&two, DONE).await?;
    let load = Load::start(DEV, "repair");
    load.progress(100).await?;
    for service in ["trade", "stock-listing"] {
        let told = look(workshop, DONE).await?;
        let name = told["services"][service][0]["name"].as_str();
        docker(&["stop", name.context("a container")?]).await?;
        load.progress(100).await?;
        workshop.expect(&["deploy", "dev", tag], DONE).await?;
        assert_sound(workshop, tag, 2).await?;
        load.progress(100).await?;
    }
    load.end().await
}

/// A volume without a name stays when its container is taken away by `down`.
async fn no_volume_without_a_name() -> Result<usize> {
    let containers = stack::containers().await?;
    for container in &containers {
        let mounts = inspect(container).await?["Mounts"].clone();
        for mount in mounts.as_array().into_iter().flatten() {
            let name = mount["Name"].as_str().unwrap_or_default();
            let is_random = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            ensure!(
                mount["Type"] != "volume" || !is_random,
                "{container} has a volume without a name at {}",
                mount["Destination"]
            );
        }
    }
    ensure!(!containers.is_empty(), "nothing runs");
    Ok(containers.len())
}
