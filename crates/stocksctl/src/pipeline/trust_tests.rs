//! The tables of events that each runner takes and refuses.

use serde_json::json;

use super::*;

const REPOSITORY: &str = "owner/stocks-app";

/// The payload of an event of the repository, without the members that are not read.
fn event(further: &Value) -> Value {
    let mut event = json!({"repository": {"full_name": REPOSITORY, "default_branch": "main"}});
    for (name, value) in further.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

fn pull_request(head: &Value) -> Value {
    event(&json!({
        "action": "opened",
        "number": 2,
        "pull_request": {"head": {"label": "octocat:patch-1", "repo": head}, "base": {"repo": {"full_name": REPOSITORY}}},
    }))
}

fn judged(runner: Runner, name: &str, reference: &str, event: &Value) -> Result<()> {
    let kind = if reference.starts_with("refs/tags/") {
        "tag"
    } else {
        "branch"
    };
    let job = Job {
        event_name: name,
        repository: REPOSITORY,
        reference,
        reference_type: kind,
        event,
    };
    admit(runner, REPOSITORY, &job)
}

fn is_deployed(name: &str, reference: &str, event: &Value) -> bool {
    judged(Runner::Deploy, name, reference, event).is_ok()
}

const PROTECTED: [&str; 8] = [
    "refs/heads/develop",
    "refs/heads/main",
    "refs/heads/release/1.4.0",
    "refs/heads/release/2026/spring",
    "refs/tags/v1.4.0",
    "refs/tags/v1.4.0-rc.1",
    "refs/tags/v1",
    "refs/tags/vNext",
];

const OPEN: [&str; 24] = [
    "refs/heads/feature",
    "refs/heads/Develop",
    "refs/heads/DEVELOP",
    "refs/heads/develop2",
    "refs/heads/develop/x",
    "refs/heads/x/develop",
    "refs/heads/Main",
    "refs/heads/release",
    "refs/heads/release/",
    "refs/heads/Release/1",
    "refs/heads/releases/1",
    "refs/heads/v1.4.0",
    "refs/heads/dependabot/cargo/serde-1.0.1",
    "refs/heads/gh-readonly-queue/develop/pr-2-0123456",
    "refs/tags/develop",
    "refs/tags/main",
    "refs/tags/release/1.4.0",
    "refs/tags/v",
    "refs/tags/V1.4.0",
    "refs/tags/1.4.0",
    "refs/pull/2/merge",
    "develop",
    "refs/heads/refs/heads/develop",
    "",
];

#[test]
fn the_deploy_runner_takes_protected_refs_and_no_other() {
    for name in ["push", "workflow_dispatch", "schedule"] {
        for (references, expected) in [(&PROTECTED[..], true), (&OPEN[..], false)] {
            for reference in references {
                let event = event(&json!({"ref": reference}));
                assert_eq!(
                    is_deployed(name, reference, &event),
                    expected,
                    "{name} {reference}"
                );
            }
        }
    }
}

#[test]
fn the_deploy_runner_takes_three_events_and_no_other() {
    let develop = "refs/heads/develop";
    let own = pull_request(&json!({"full_name": REPOSITORY, "fork": false}));
    for name in [
        "pull_request",
        // Runs with secrets, and may check out the code that is to be merged.
        "pull_request_target",
        "pull_request_review",
        "pull_request_review_comment",
        // Runs on the default branch, and may take the artifacts of a pull request.
        "workflow_run",
        "workflow_call",
        "merge_group",
        "repository_dispatch",
        "issue_comment",
        "issues",
        "create",
        "delete",
        "release",
        "registry_package",
        "check_run",
        "Push",
        "push ",
        "",
    ] {
        assert!(!is_deployed(name, develop, &own), "{name}");
    }
}

#[test]
fn a_push_is_of_the_ref_that_the_event_names_and_that_still_exists() {
    let develop = "refs/heads/develop";
    for (further, expected) in [
        (json!({"ref": develop}), true),
        (
            json!({"ref": develop, "created": true, "deleted": false, "forced": true}),
            true,
        ),
        (json!({"ref": develop, "deleted": true}), false),
        (json!({"ref": "refs/heads/feature"}), false),
        (json!({"ref": "develop"}), false),
        (json!({}), false),
    ] {
        let event = event(&further);
        assert_eq!(is_deployed("push", develop, &event), expected, "{further}");
    }
}

#[test]
fn a_ref_is_of_the_kind_that_its_name_says() {
    let event = event(&json!({"ref": "refs/heads/develop"}));
    for (reference, kind, expected) in [
        ("refs/heads/develop", "branch", true),
        ("refs/heads/develop", "tag", false),
        ("refs/heads/develop", "", false),
        ("refs/tags/v1", "tag", true),
        ("refs/tags/v1", "branch", false),
    ] {
        let job = Job {
            event_name: "workflow_dispatch",
            repository: REPOSITORY,
            reference,
            reference_type: kind,
            event: &event,
        };
        let admitted = admit(Runner::Deploy, REPOSITORY, &job).is_ok();
        assert_eq!(admitted, expected, "{reference} {kind}");
    }
}

#[test]
fn the_default_branch_is_the_one_that_github_names() {
    let main = "refs/heads/main";
    for (branch, expected) in [
        (json!("main"), true),
        (json!("trunk"), false),
        (json!(""), false),
        (Value::Null, false),
    ] {
        let event = json!({"repository": {"full_name": REPOSITORY, "default_branch": branch}});
        assert_eq!(is_deployed("schedule", main, &event), expected, "{branch}");
    }
    // A schedule's event may come without the repository.
    assert!(is_deployed(
        "schedule",
        "refs/heads/develop",
        &json!({"schedule": "0 2 * * *"})
    ));
    assert!(!is_deployed(
        "schedule",
        "refs/heads/",
        &json!({"schedule": "0 2 * * *"})
    ));
}

#[test]
fn both_runners_take_jobs_of_one_repository() {
    let develop = "refs/heads/develop";
    let push = event(&json!({"ref": develop}));
    let own = pull_request(&json!({"full_name": REPOSITORY}));
    for (repository, expected) in [
        (REPOSITORY, true),
        ("Owner/Stocks-App", true),
        ("owner/stocks-app-fork", false),
        ("other/stocks-app", false),
        ("stocks-app", false),
        ("", false),
    ] {
        for (runner, event_name, reference, event) in [
            (Runner::Deploy, "push", develop, &push),
            (
                Runner::PullRequest,
                "pull_request",
                "refs/pull/2/merge",
                &own,
            ),
        ] {
            let job = Job {
                event_name,
                repository,
                reference,
                reference_type: "branch",
                event,
            };
            let admitted = admit(runner, REPOSITORY, &job).is_ok();
            assert_eq!(admitted, expected, "{runner:?} {repository}");
        }
    }
    let foreign = json!({"ref": develop, "repository": {"full_name": "other/stocks-app"}});
    assert!(!is_deployed("push", develop, &foreign));
}

#[test]
fn the_runner_of_pull_requests_takes_those_of_our_branches_alone() {
    let own = pull_request(&json!({"full_name": REPOSITORY, "fork": false}));
    let fork = pull_request(&json!({"full_name": "octocat/stocks-app", "fork": true}));
    let gone = pull_request(&Value::Null);
    let merge = "refs/pull/2/merge";
    for (name, event, expected) in [
        ("pull_request", &own, true),
        ("pull_request", &fork, false),
        ("pull_request", &gone, false),
        ("pull_request_target", &own, false),
        ("push", &own, false),
        ("workflow_dispatch", &own, false),
        ("schedule", &own, false),
        ("", &own, false),
    ] {
        let admitted = judged(Runner::PullRequest, name, merge, event).is_ok();
        assert_eq!(admitted, expected, "{name} {event}");
    }
}
