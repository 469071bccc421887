//! What a container may do: nothing that it does not need.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::reference;
use crate::engine::{docker, inspect, run};
use crate::stack::{ALL, CONTAINERS, LASTING, VAULT, containers, lasting};

/// In seconds: a drain takes 30 at the most.
const SERVICES_STOP_TIMEOUT: u64 = 35;

pub(crate) async fn check() -> Result<String> {
    let all = containers().await?;
    ensure!(all.len() == 2 + CONTAINERS * ALL.len(), "{all:?}");
    let names = lasting(&all).await?;
    ensure!(names.len() == 1 + LASTING * ALL.len(), "{names:?}");
    reference::assert_files().await?;
    for name in &names {
        let container = inspect(name).await?;
        assert_confined(name, &container)?;
        assert_no_root(name).await?;
        if name.ends_with("-trade-1") || name.ends_with("-stock-listing-1") {
            let timeout = &container["Config"]["StopTimeout"];
            ensure!(
                timeout == SERVICES_STOP_TIMEOUT,
                "{name} is stopped within {timeout} s"
            );
            let environment = container["Config"]["Env"].to_string().to_lowercase();
            ensure!(!environment.contains("password"), "{name}: {environment}");
        }
    }
    // By hand, where there is a shell to try it with.
    let databases = ALL.map(|environment| environment.container("db"));
    for name in databases.iter().map(String::as_str).chain([VAULT]) {
        let written = run("docker", ["exec", name, "sh", "-c", "echo > /planted"], b"").await?;
        let told = String::from_utf8_lossy(&written.stderr).into_owned();
        ensure!(
            written.code != Some(0) && told.contains("Read-only file system"),
            "{name}: {told}"
        );
    }
    for environment in ALL {
        let ports =
            inspect(&environment.container("db")).await?["HostConfig"]["PortBindings"].clone();
        let expected =
            json!([{"HostIp": "127.0.0.1", "HostPort": environment.database_port.to_string()}]);
        ensure!(ports["5432/tcp"] == expected, "{ports}");
    }
    Ok(format!(
        "{} containers, each without root, on a read-only root, within limits",
        names.len()
    ))
}

fn assert_confined(name: &str, container: &Value) -> Result<()> {
    let host = &container["HostConfig"];
    let is_bounded = |value: &Value| value.as_i64().is_some_and(|value| value > 0);
    let options = host["LogConfig"]["Config"].clone();
    for (what, holds) in [
        ("a read-only root", host["ReadonlyRootfs"] == true),
        ("no capabilities", host["CapDrop"] == json!(["ALL"])),
        (
            "no new privileges",
            host["SecurityOpt"]
                .to_string()
                .contains("no-new-privileges"),
        ),
        ("not privileged", host["Privileged"] == false),
        ("a bound of memory", is_bounded(&host["Memory"])),
        ("a bound of processor time", is_bounded(&host["NanoCpus"])),
        ("a bound of processes", is_bounded(&host["PidsLimit"])),
        (
            "a bounded log",
            options["max-size"].is_string() && options["max-file"].is_string(),
        ),
        (
            "a restart policy",
            host["RestartPolicy"]["Name"] == "unless-stopped",
        ),
        (
            "a health check",
            container["State"]["Health"]["Status"] == "healthy",
        ),
    ] {
        ensure!(holds, "{name} must have {what}");
    }
    let added = host["CapAdd"].as_array().cloned().unwrap_or_default();
    let is_proxy = name.ends_with("-proxy-1");
    let may_have = |capability: &Value| {
        is_proxy
            && capability
                .as_str()
                .is_some_and(|name| name.ends_with("NET_BIND_SERVICE"))
    };
    ensure!(added.iter().all(may_have), "{name} has {added:?}");
    Ok(())
}

async fn assert_no_root(name: &str) -> Result<()> {
    let processes = docker(&["top", name, "-eo", "uid,pid,comm"]).await?;
    let mut seen = 0;
    for line in processes.lines().skip(1) {
        let uid = line.split_whitespace().next().context("no user")?;
        ensure!(uid != "0", "{name} runs as root: {line}");
        seen += 1;
    }
    ensure!(seen > 0, "{name} has no process");
    Ok(())
}
