//! The faults of an environment, for each observation.

use super::*;
use crate::ledger::{Action, Outcome};
use crate::plan::{BrokenPart, Container, FailedTask, Part};
use crate::release::Image;
use crate::seal::Seal;

fn release() -> Release {
    let image = |service: Service| Image {
        repository: format!("localhost:5000/stocks/{service}"),
        digest: format!("sha256:{}", "a".repeat(64)).parse().unwrap(),
    };
    Release {
        tag: "git-1234567".to_owned(),
        images: Service::ALL.map(|service| (service, image(service))).into(),
    }
}

fn entry() -> Entry {
    Entry {
        number: 2,
        at: chrono::DateTime::UNIX_EPOCH,
        by: "ann@host".to_owned(),
        remark: None,
        environment: Environment::Dev,
        action: Action::Deploy,
        release: release(),
        outcome: Outcome::Done,
        note: String::new(),
        approved_by: None,
        token: 1,
        previous: String::new(),
    }
}

fn vault(seal: Seal) -> Vault {
    Vault {
        seal,
        container: Some("running".to_owned()),
        has_keys: true,
        docker: "docker".to_owned(),
    }
}

fn container(service: Service) -> Container {
    Container {
        id: service.name().to_owned(),
        name: format!("stocks-dev-{service}-1"),
        service,
        release: "a".repeat(12),
        condition: Condition::Healthy,
    }
}

/// An environment in order, on record.
fn serving() -> Snapshot {
    let route = |service: Service| (service, "a".repeat(12));
    Snapshot {
        environment: Environment::Dev,
        observed: Observed {
            routes: Service::ALL.map(route).into(),
            containers: Service::ALL.map(container).into(),
            ..Observed::default()
        },
        recorded: Ok(Some(entry())),
        answers: Service::ALL
            .map(|service| (service, Answer::Status(200, String::new())))
            .into(),
        vault: Some(vault(Seal::Open)),
    }
}

/// Nothing of it is there.
fn absent(recorded: Result<Option<Entry>, String>) -> Snapshot {
    Snapshot {
        observed: Observed {
            missing: Part::ALL.to_vec(),
            ..Observed::default()
        },
        recorded,
        answers: BTreeMap::new(),
        vault: None,
        ..serving()
    }
}

fn check(snapshot: &Snapshot, state: State, faults: &[&str]) {
    assert_eq!(snapshot.faults(), faults, "{snapshot:?}");
    assert_eq!(snapshot.state(), state, "{snapshot:?}");
}

#[test]
fn what_serves_and_what_was_never_started_are_no_failures() {
    check(&serving(), State::Serving, &[]);
    check(&absent(Ok(None)), State::NotRunning, &[]);
    let failed_once = Snapshot {
        observed: Observed {
            failed_tasks: vec![FailedTask {
                name: "stocks-dev-files-1".to_owned(),
                code: 1,
            }],
            ..absent(Ok(None)).observed
        },
        ..absent(Ok(None))
    };
    check(&failed_once, State::NotRunning, &[]);
    for snapshot in [serving(), absent(Ok(None))] {
        assert_eq!(snapshot.repair(), None);
    }
}

#[test]
fn what_is_recorded_as_serving_and_does_not_is_a_failure() {
    let gone = absent(Ok(Some(entry())));
    let fault = "nothing of it runs, and the ledger says that git-1234567 serves";
    check(&gone, State::Failing, &[fault]);
    assert_eq!(gone.repair().unwrap(), "stocksctl deploy dev git-1234567");
}

#[test]
fn a_broken_ledger_is_a_failure_of_an_environment_that_serves_or_does_not() {
    let broken = || Err("line 3 has the number 4".to_owned());
    for snapshot in [
        absent(broken()),
        Snapshot {
            recorded: broken(),
            ..serving()
        },
    ] {
        check(&snapshot, State::Failing, &["line 3 has the number 4"]);
        assert_eq!(snapshot.repair(), None, "no deployment goes on from there");
    }
}

#[test]
fn each_condition_of_a_container_is_told() {
    const LOG: &str = ": see `docker logs NAME`";
    let with_log = |told: &str| told.to_owned() + LOG;
    for (condition, told) in [
        (Condition::Starting, "starting".to_owned()),
        (Condition::Unhealthy, with_log("unhealthy")),
        (Condition::Paused, "paused".to_owned()),
        (
            Condition::Restarting,
            with_log("restarting again and again"),
        ),
        (Condition::Created, "created but not started".to_owned()),
        (Condition::Stopped(137), with_log("stopped (exit code 137)")),
        (Condition::Stopped(0), "stopped (exit code 0)".to_owned()),
        (
            Condition::Disconnected("dev-net".to_owned()),
            "disconnected from dev-net".to_owned(),
        ),
    ] {
        let mut snapshot = serving();
        snapshot.observed.containers[1].condition = condition.clone();
        let told_of = |name: &str| format!("{name} is {told}").replace("NAME", name);
        let fault = told_of("stocks-dev-trade-1");
        check(&snapshot, State::Failing, &[&fault]);
        assert_eq!(
            snapshot.repair().unwrap(),
            "stocksctl deploy dev git-1234567"
        );

        let mut snapshot = serving();
        snapshot.observed.broken = vec![BrokenPart {
            part: Part::Database,
            name: "dev-db".to_owned(),
            condition,
        }];
        check(&snapshot, State::Failing, &[&told_of("dev-db")]);
    }
}

#[test]
fn what_is_missing_is_told() {
    for part in Part::ALL {
        let mut snapshot = serving();
        snapshot.observed.missing = vec![part];
        check(&snapshot, State::Failing, &[&format!("{part} is missing")]);
    }
    for service in Service::ALL {
        let mut snapshot = serving();
        let containers = &mut snapshot.observed.containers;
        containers.retain(|container| container.service != service);
        let fault = format!("no container of {service} is there");
        check(&snapshot, State::Failing, &[&fault]);
    }
    let mut snapshot = serving();
    snapshot.observed.failed_tasks = vec![FailedTask {
        name: "stocks-dev-files-1".to_owned(),
        code: 3,
    }];
    let fault =
        "stocks-dev-files-1 has failed with exit code 3: see `docker logs stocks-dev-files-1`";
    check(&snapshot, State::Failing, &[fault]);
}

#[test]
fn an_answer_other_than_200_is_told() {
    for (answer, fault) in [
        (
            Answer::Status(503, "no database".to_owned()),
            "trade answers 503 through the proxy: no database",
        ),
        (
            Answer::Nothing("not answered within 15s".to_owned()),
            "trade does not answer through the proxy: not answered within 15s",
        ),
    ] {
        let mut snapshot = serving();
        snapshot.answers.insert(Service::Trade, answer);
        check(&snapshot, State::Failing, &[fault]);
    }
}

#[test]
fn a_vault_that_is_not_open_is_told_with_what_to_type_and_is_no_reason_to_deploy() {
    let mut snapshot = serving();
    snapshot.vault = Some(vault(Seal::Sealed));
    let fault = "Vault is sealed: type `vault/dev.sh up`";
    check(&snapshot, State::Failing, &[fault]);
    assert_eq!(snapshot.repair(), None);
    snapshot.observed.containers[0].condition = Condition::Unhealthy;
    assert_eq!(snapshot.faults().last().unwrap(), fault);
    assert!(snapshot.repair().is_some());
    snapshot.vault = None;
    assert_eq!(
        snapshot.faults(),
        ["stocks-dev-stock-listing-1 is unhealthy: see `docker logs stocks-dev-stock-listing-1`"]
    );
}

#[test]
fn containers_that_no_request_reaches_are_not_judged() {
    let mut snapshot = serving();
    snapshot.observed.containers.push(Container {
        id: "left".to_owned(),
        release: "b".repeat(12),
        condition: Condition::Stopped(1),
        ..container(Service::Trade)
    });
    check(&snapshot, State::Serving, &[]);
}

#[test]
fn drift_is_told_and_is_no_failure() {
    let by_hand = |container: Container| Container {
        release: BY_HAND.to_owned(),
        ..container
    };
    let mut snapshot = serving();
    assert!(snapshot.drift().is_empty());
    snapshot.observed.containers = Service::ALL.map(container).map(by_hand).into();
    let told = |name: &str| format!("{name} was started by hand; the ledger says aaaaaaaaaaaa");
    let both = ["stocks-dev-stock-listing-1", "stocks-dev-trade-1"];
    assert_eq!(snapshot.drift(), both.map(told));
    check(&snapshot, State::Serving, &[]);

    let mut snapshot = serving();
    snapshot
        .observed
        .routes
        .insert(Service::Trade, "b".repeat(12));
    snapshot.observed.containers[1].release = "b".repeat(12);
    let drift = "stocks-dev-trade-1 is of bbbbbbbbbbbb; the ledger says aaaaaaaaaaaa";
    assert_eq!(snapshot.drift(), [drift]);

    // An environment of plain Compose has no ledger.
    let mut snapshot = serving();
    snapshot.recorded = Ok(None);
    snapshot.observed.containers = vec![by_hand(container(Service::Trade))];
    assert!(snapshot.drift().is_empty());
    assert_eq!(snapshot.repair().unwrap(), "./stocks up dev");
    snapshot.observed.containers = vec![container(Service::Trade)];
    snapshot.observed.routes.clear();
    let drift = "stocks-dev-trade-1 is of aaaaaaaaaaaa; the ledger has no release";
    assert_eq!(snapshot.drift(), [drift]);
}
