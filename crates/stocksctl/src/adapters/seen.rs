//! A container of an environment, as the engine describes it (`docker inspect`).

use serde_json::Value;

use crate::environment::Environment;
use crate::plan::{Condition, Part};
use crate::release::Service;

const RELEASE_LABEL: &str = "stocks.release";
const SERVICE_LABEL: &str = "com.docker.compose.service";
/// `True` for a container of `docker compose run`, which is no part of the environment.
const ONE_OFF_LABEL: &str = "com.docker.compose.oneoff";

/// A container of an environment.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The name of its service in Compose: a service, a part or a one-shot.
    pub(crate) of: String,
    /// The short digest of the release that it was started for.
    pub(crate) release: String,
    pub(crate) condition: Condition,
    /// Its address on the environment's network; empty while it has none.
    pub(crate) address: String,
}

impl Seen {
    /// Reads what the engine says; none for a container that is no part of the environment.
    pub(super) fn read(container: &Value, environment: Environment) -> Option<Self> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let labels = &container["Config"]["Labels"];
        if labels[ONE_OFF_LABEL] == "True" {
            return None;
        }
        let of = text(&labels[SERVICE_LABEL]);
        let release = text(&labels[RELEASE_LABEL]);
        let networks = &container["NetworkSettings"]["Networks"];
        let lacking = || {
            let mut needed = needed_networks(&of, &release, environment).into_iter();
            needed.find_map(|needed| needed.lacking_in(networks))
        };
        Some(Self {
            id: text(&container["Id"]),
            name: text(&container["Name"]).trim_start_matches('/').to_owned(),
            condition: condition(&container["State"], lacking),
            address: text(&networks[environment.network()]["IPAddress"]),
            of,
            release,
        })
    }

    /// The service that it is a container of, if it is one's.
    pub(crate) fn service(&self) -> Option<Service> {
        Service::ALL
            .into_iter()
            .find(|service| service.name() == self.of)
    }

    /// The part that it is the container of, if it is one's.
    pub(crate) fn part(&self) -> Option<Part> {
        Part::ALL.into_iter().find(|part| part.name() == self.of)
    }

    /// True for the container of this part.
    pub(crate) fn is(&self, part: Part) -> bool {
        self.part() == Some(part)
    }
}

fn condition(state: &Value, lacking: impl FnOnce() -> Option<String>) -> Condition {
    match state["Status"].as_str().unwrap_or_default() {
        "running" => {}
        "paused" => return Condition::Paused,
        "restarting" => return Condition::Restarting,
        "created" => return Condition::Created,
        _ => return Condition::Stopped(state["ExitCode"].as_i64().unwrap_or_default()),
    }
    if let Some(network) = lacking() {
        return Condition::Disconnected(network);
    }
    match state["Health"]["Status"].as_str() {
        Some("unhealthy") => Condition::Unhealthy,
        Some("starting") => Condition::Starting,
        // `healthy`, or a container without a health check.
        _ => Condition::Healthy,
    }
}

/// A network that a container must be on.
struct Needed {
    network: String,
    /// The name that it has there, where others look it up.
    name: Option<String>,
}

impl Needed {
    fn lacking_in(self, networks: &Value) -> Option<String> {
        let found = &networks[&self.network];
        if !found.is_object() {
            return Some(self.network);
        }
        let name = self.name?;
        let is_known = |list: &Value| {
            let mut names = list.as_array().into_iter().flatten();
            names.any(|known| known == name.as_str())
        };
        // A container that was connected again by hand has its address there, and not its name.
        let is_lacking = !is_known(&found["Aliases"]) && !is_known(&found["DNSNames"]);
        is_lacking.then(|| format!("{} as {name}", self.network))
    }
}

fn needed_networks(of: &str, release: &str, environment: Environment) -> Vec<Needed> {
    let on = |network: String, name: Option<&str>| Needed {
        network,
        name: name.map(str::to_owned),
    };
    let is_service = Service::ALL.iter().any(|service| service.name() == of);
    match of {
        "proxy" => vec![
            on(environment.network(), None),
            on(format!("{environment}-door-net"), None),
        ],
        "db" => vec![on(environment.network(), Some("db"))],
        "vault-agent" => vec![on(format!("vault-{environment}-net"), None)],
        _ if is_service => {
            let name = format!("{of}-{release}");
            vec![on(environment.network(), Some(&name))]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn inspected(of: &str, state: &Value, networks: &Value) -> Value {
        json!({
            "Id": "1", "Name": "/stocks-dev-trade-1",
            "Config": {"Labels": {SERVICE_LABEL: of, RELEASE_LABEL: "0123456789ab"}},
            "State": state,
            "NetworkSettings": {"Networks": networks},
        })
    }

    fn connected() -> Value {
        let names = ["stocks-dev-trade-1", "db", "trade", "trade-0123456789ab"];
        json!({
            "dev-net": {"IPAddress": "10.0.0.2", "Aliases": names},
            "dev-door-net": {}, "vault-dev-net": {},
        })
    }

    #[test]
    fn a_container_is_in_the_condition_that_its_requests_meet() {
        let healthy = json!({"Status": "running", "Health": {"Status": "healthy"}});
        let on_other_net = json!({"dev-db-net": {}});
        let without_name =
            json!({"dev-net": {"IPAddress": "10.0.0.2", "Aliases": null, "DNSNames": ["1"]}});
        let disconnected = |from: &str| Condition::Disconnected(from.to_owned());
        let with = |status: &str| json!({"Status": status, "ExitCode": 137});
        for (of, state, networks, expected) in [
            ("trade", healthy.clone(), connected(), Condition::Healthy),
            ("trade", with("running"), connected(), Condition::Healthy),
            (
                "trade",
                json!({"Status": "running", "Health": {"Status": "starting"}}),
                connected(),
                Condition::Starting,
            ),
            (
                "trade",
                json!({"Status": "running", "Health": {"Status": "unhealthy"}}),
                connected(),
                Condition::Unhealthy,
            ),
            ("trade", with("paused"), connected(), Condition::Paused),
            (
                "trade",
                with("restarting"),
                connected(),
                Condition::Restarting,
            ),
            ("trade", with("created"), connected(), Condition::Created),
            (
                "trade",
                with("exited"),
                connected(),
                Condition::Stopped(137),
            ),
            ("trade", with("dead"), json!({}), Condition::Stopped(137)),
            ("trade", healthy.clone(), json!({}), disconnected("dev-net")),
            (
                "trade",
                healthy.clone(),
                without_name.clone(),
                disconnected("dev-net as trade-0123456789ab"),
            ),
            (
                "db",
                healthy.clone(),
                on_other_net.clone(),
                disconnected("dev-net"),
            ),
            (
                "db",
                healthy.clone(),
                without_name,
                disconnected("dev-net as db"),
            ),
            (
                "proxy",
                healthy.clone(),
                json!({"dev-net": {}}),
                disconnected("dev-door-net"),
            ),
            ("proxy", healthy.clone(), connected(), Condition::Healthy),
            (
                "vault-agent",
                healthy.clone(),
                on_other_net,
                disconnected("vault-dev-net"),
            ),
            (
                "vault-agent",
                healthy.clone(),
                connected(),
                Condition::Healthy,
            ),
            ("files", with("exited"), json!({}), Condition::Stopped(137)),
        ] {
            let told = inspected(of, &state, &networks);
            let seen = Seen::read(&told, Environment::Dev).unwrap();
            assert_eq!(seen.condition, expected, "{told}");
        }
    }

    #[test]
    fn a_container_of_compose_run_is_no_part_of_the_environment() {
        let mut told = inspected("vault-agent", &json!({"Status": "running"}), &connected());
        assert!(Seen::read(&told, Environment::Dev).is_some());
        told["Config"]["Labels"][ONE_OFF_LABEL] = json!("True");
        assert!(Seen::read(&told, Environment::Dev).is_none());
    }
}
