//! The reach of each runner: the mounts and networks in `docker-compose.infra.yml`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

/// PostgreSQL's default of 100, less the three that it keeps for superusers.
const DATABASE_CONNECTIONS: u64 = 97;
/// Runs once without a network and gives volumes to their users.
const ONE_SHOT: &str = "folders";

struct Platform(Value);

#[derive(Debug)]
struct Mount {
    source: String,
    target: String,
    is_read_only: bool,
}

impl Platform {
    fn read() -> Self {
        let text = read("docker-compose.infra.yml");
        Self(serde_saphyr::from_str(&with_defaults(&text)).unwrap())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0["services"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
    }

    fn service(&self, name: &str) -> &Value {
        let service = &self.0["services"][name];
        assert!(service.is_object(), "no service {name}");
        service
    }

    fn mounts(&self, service: &str) -> Vec<Mount> {
        let volumes = self.service(service)["volumes"].as_array();
        let volumes = volumes.into_iter().flatten();
        let mounts = volumes.map(|volume| {
            let parts: Vec<_> = volume
                .as_str()
                .expect("the short form")
                .split(':')
                .collect();
            Mount {
                source: parts[0].to_owned(),
                target: parts[1].to_owned(),
                is_read_only: parts.get(2) == Some(&"ro"),
            }
        });
        mounts.collect()
    }

    fn networks(&self, service: &str) -> BTreeSet<String> {
        match &self.service(service)["networks"] {
            Value::Array(names) => {
                let names = names.iter().map(|name| name.as_str().unwrap().to_owned());
                names.collect()
            }
            Value::Object(names) => names.keys().cloned().collect(),
            _ => BTreeSet::new(),
        }
    }

    /// The services for which this is true.
    fn that(&self, is_one: impl Fn(&str) -> bool) -> Vec<&str> {
        self.names().filter(|name| is_one(name)).collect()
    }

    fn that_mount(&self, is_it: impl Fn(&Mount) -> bool) -> Vec<&str> {
        self.that(|name| name != ONE_SHOT && self.mounts(name).iter().any(&is_it))
    }

    fn that_are_on(&self, network: &str) -> Vec<&str> {
        self.that(|name| self.networks(name).contains(network))
    }
}

fn read(file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(file)).unwrap()
}

/// Replaces each `${NAME:-default}` by its default, as Compose does where no variable is set.
fn with_defaults(text: &str) -> String {
    let mut parts = text.split("${");
    let mut whole = parts.next().unwrap().to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}').expect("a closed variable");
        whole += variable.split_once(":-").map_or("", |(_, default)| default);
        whole += rest;
    }
    whole
}

#[test]
fn the_deploy_runner_alone_reaches_the_engine() {
    let platform = Platform::read();
    let is_socket = |mount: &Mount| {
        mount.source.contains("docker.sock") || mount.target.contains("docker.sock")
    };
    assert_eq!(platform.that_mount(is_socket), ["github-runner"]);
    let privileged = platform.that(|name| platform.service(name)["privileged"] == true);
    assert_eq!(privileged, [""; 0]);
}

#[test]
fn buildkit_is_reached_through_a_socket_of_the_deploy_runner_alone() {
    let platform = Platform::read();
    assert_eq!(
        platform.that_mount(|mount| mount.source == "buildkit-run"),
        ["buildkit", "github-runner"]
    );
    assert_eq!(
        platform.that_mount(|mount| mount.source == "buildkit-data"),
        ["buildkit"]
    );
    assert_eq!(platform.that_are_on("buildkit-net"), ["buildkit"]);
    // The build cache is kept in the registry.
    assert_eq!(platform.that_are_on("registry-net"), ["buildkit", "harbor"]);
    let own = BTreeSet::from(["buildkit-net", "registry-net"].map(str::to_owned));
    assert_eq!(platform.networks("buildkit"), own);

    let buildkit = platform.service("buildkit");
    let command = buildkit["command"].as_array().unwrap();
    let addresses: Vec<_> = command
        .iter()
        .filter_map(|word| word.as_str()?.strip_prefix("--addr="))
        .collect();
    assert_eq!(addresses, ["unix:///run/buildkit/buildkitd.sock"]);
    let used = &platform.service("github-runner")["environment"]["BUILDKIT_HOST"];
    assert_eq!(used, addresses[0]);
    for member in ["healthcheck", "mem_limit", "cpus", "pids_limit"] {
        assert!(!buildkit[member].is_null(), "{member}");
    }
    assert!(buildkit["ports"].is_null());
}

#[test]
fn unreviewed_code_reaches_no_socket_secret_network_or_cache_of_the_platform() {
    let platform = Platform::read();
    let runner = platform.service("pr-runner");
    assert_eq!(platform.that_are_on("pr-runner-net"), ["pr-runner"]);
    let own = BTreeSet::from(["pr-runner-net".to_owned()]);
    assert_eq!(platform.networks("pr-runner"), own);
    assert_eq!(runner["environment"]["STOCKS_RUNNER"], "pull-request");
    assert!(runner["ports"].is_null() && runner["network_mode"].is_null());
    assert_eq!(runner["read_only"], true);

    for mount in platform.mounts("pr-runner") {
        let source = mount.source.as_str();
        assert!(
            !source.contains(['/', '.']),
            "a folder of the host: {mount:?}"
        );
        assert!(!source.starts_with("secrets-"), "{mount:?}");
        let others = platform.that_mount(|other| other.source == source);
        let others: Vec<_> = others
            .into_iter()
            .filter(|name| *name != "pr-runner")
            .collect();
        // Tickets: a job has neither the user that may open their folder, nor a way back to root.
        let expected: &[&str] = match source {
            "pr-runner-tickets" => &["pr-runner-registrar"],
            "runner-cargo" => &["github-runner"],
            _ => &[],
        };
        assert_eq!(others, expected, "{mount:?}");
        assert!(mount.is_read_only || source != "runner-cargo", "{mount:?}");
    }
    for (name, value) in runner["environment"].as_object().unwrap() {
        let is_secret = ["TOKEN", "VAULT", "SECRET", "PASSWORD", "KEY"];
        assert!(
            !is_secret.iter().any(|word| name.contains(word)),
            "{name}={value}"
        );
    }
}

#[test]
fn a_ticket_for_pull_requests_takes_no_other_job() {
    let platform = Platform::read();
    let labels = |name: &str| platform.service(name)["environment"]["RUNNER_LABELS"].clone();
    assert_eq!(labels("pr-runner-registrar"), "stocks-pull-request");
    // Its default, `self-hosted,linux`.
    assert_eq!(labels("runner-registrar"), Value::Null);
    assert_eq!(
        platform.service("github-runner")["environment"]["STOCKS_RUNNER"],
        "deploy"
    );
}

#[test]
fn harbor_opens_fewer_connections_than_its_database_takes() {
    let platform = Platform::read();
    let core = &platform.service("harbor-core")["environment"];
    let most: u64 = core["POSTGRESQL_MAX_OPEN_CONNS"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    // harbor-jobservice reads its settings from harbor-core and has a pool of its own.
    assert!(2 * most <= DATABASE_CONNECTIONS, "{most}");
}

/// An upload's Location would begin with http, and a push end there.
#[test]
fn harbor_answers_with_the_scheme_of_a_proxy_in_front() {
    let registry: Value = serde_saphyr::from_str(&read("infra/harbor/registry.yml")).unwrap();
    assert_eq!(registry["http"]["relativeurls"], true);

    let trusted = "trusted_proxies static {$HARBOR_TRUSTED_PROXIES:private_ranges}";
    assert!(read("infra/harbor/Caddyfile").contains(trusted));
    let set = Platform::read().service("harbor")["environment"]["HARBOR_TRUSTED_PROXIES"].clone();
    assert_eq!(set, "private_ranges");
}
