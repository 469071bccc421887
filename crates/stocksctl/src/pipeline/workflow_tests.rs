//! The workflow that GitHub runs is the pipeline that is defined here.

use std::path::Path;

use serde_json::{Value, json};

use super::*;

const FILE: &str = ".github/workflows/ci-cd.yml";
/// Reaches the engine, Vault and the registry.
const DEPLOY_RUNNER: &str = "self-hosted";
/// A pull request runs on GitHub's runners. `PULL_REQUEST_RUNNER` is the label of another, which no fork reaches.
const OPEN_TO_PULL_REQUESTS: &str = "${{ github.event_name == 'pull_request' && (github.event.pull_request.head.repo.fork == false && vars.PULL_REQUEST_RUNNER || 'ubuntu-24.04') || 'self-hosted' }}";

fn workflow(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(file);
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What is different, in words.
fn differences(jobs: &[Job], workflow: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    let told = workflow["jobs"].as_object().unwrap();
    for name in told.keys() {
        if !jobs.iter().any(|job| job.name == name) {
            differences.push(format!("{name} is in the workflow alone"));
        }
    }
    for job in jobs {
        let Some(told) = told.get(job.name) else {
            differences.push(format!("{} is not in the workflow", job.name));
            continue;
        };
        let mut differ = |what: &str, ours: Value, theirs: &Value| {
            if ours != *theirs {
                differences.push(format!("{}: {what} is {theirs}, not {ours}", job.name));
            }
        };
        let needs = told.get("needs").cloned().unwrap_or_else(|| json!([]));
        differ("needs", json!(job.needs), &needs);
        differ("the matrix", matrix(job.scope), &told["strategy"]["matrix"]);
        let part = match job.scope {
            Scope::Whole => Value::Null,
            _ => json!("${{ matrix.part }}"),
        };
        differ(PART_VARIABLE, part, &told["env"][PART_VARIABLE]);
        let runner = match job.when {
            When::Always => OPEN_TO_PULL_REQUESTS,
            When::Pushed | When::Released(_) | When::Failed => DEPLOY_RUNNER,
        };
        differ("runs-on", json!(runner), &told["runs-on"]);
        differ("the command", json!([job.command]), &commands(told));
        let condition = told["if"].as_str().unwrap_or_default();
        for part in conditions(job) {
            if !condition.contains(part) {
                differences.push(format!("{}: if is {condition}, without {part}", job.name));
            }
        }
    }
    differences
}

fn matrix(scope: Scope) -> Value {
    let of = |output: &str| json!({"part": format!("${{{{ fromJSON(needs.paths-filter.outputs.{output}) }}}}")});
    match scope {
        Scope::Whole => Value::Null,
        Scope::ChangedParts => of("parts"),
        Scope::ChangedServices => of("services"),
        Scope::Services => json!({"part": Service::ALL.map(Service::name)}),
    }
}

fn commands(told: &Value) -> Value {
    let steps = told["steps"].as_array().into_iter().flatten();
    steps.filter_map(|step| step.get("run")).cloned().collect()
}

/// What must stand in a job's condition.
fn conditions(job: &Job) -> Vec<&'static str> {
    let mut conditions = Vec::new();
    // What waits for something that may have nothing to do says what else it waits for.
    if matches!(job.scope, Scope::Services) || matches!(job.when, When::Released(_)) {
        conditions.extend(["!failure()", "!cancelled()"]);
        conditions.push(if job.name == "build" {
            "needs.fetch-secrets.result == 'success'"
        } else if job.name == "scan" {
            "needs.build.result == 'success'"
        } else {
            "needs.scan.result == 'success'"
        });
    }
    conditions.extend(match job.when {
        When::Pushed if job.needs.is_empty() => vec!["github.event_name == 'push'"],
        When::Always | When::Pushed => vec![],
        When::Failed => vec!["failure()", "github.event_name == 'push'"],
        When::Released(Environment::Dev) => vec!["github.ref == 'refs/heads/develop'"],
        When::Released(Environment::Stage) => vec!["startsWith(github.ref, 'refs/heads/release/')"],
        When::Released(Environment::Prod) => vec!["startsWith(github.ref, 'refs/tags/v')"],
    });
    conditions
}

#[test]
fn the_workflow_has_the_same_jobs() {
    let differences = differences(&JOBS, &workflow(FILE));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn a_job_that_one_side_lacks_or_runs_otherwise_is_found() {
    let whole = workflow(FILE);
    for job in &JOBS {
        let mut changed = whole.clone();
        changed["jobs"].as_object_mut().unwrap().remove(job.name);
        assert_eq!(
            differences(&JOBS, &changed),
            [format!("{} is not in the workflow", job.name)]
        );
        let others: Vec<Job> = JOBS
            .into_iter()
            .filter(|other| other.name != job.name)
            .collect();
        assert!(
            differences(&others, &whole)
                .contains(&format!("{} is in the workflow alone", job.name))
        );
        for change in [
            |told: &mut Value| told["needs"] = json!(["another"]),
            |told: &mut Value| told["runs-on"] = json!(["self-hosted", "linux"]),
            |told: &mut Value| told["steps"][2]["run"] = json!("true"),
            |told: &mut Value| told["strategy"] = json!({"matrix": {"part": ["another"]}}),
        ] {
            let mut changed = whole.clone();
            change(&mut changed["jobs"][job.name]);
            let found = differences(&JOBS, &changed);
            assert_eq!(found.len(), 1, "{found:?}");
        }
    }
}

#[test]
fn what_runs_has_an_end_and_may_do_nothing_it_does_not_say() {
    for file in [FILE, ".github/workflows/rollback.yml"] {
        let workflow = workflow(file);
        assert_eq!(workflow["permissions"], json!({}), "{file}");
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            assert!(job["timeout-minutes"].is_u64(), "{name}");
            assert!(job["permissions"]["contents"] == "read", "{name}");
            for step in job["steps"].as_array().unwrap() {
                let Some(action) = step["uses"].as_str() else {
                    continue;
                };
                let is_pinned = action
                    .split_once('@')
                    .is_some_and(|(_, commit)| commit.len() == 40);
                assert!(action.starts_with("./") || is_pinned, "{name}: {action}");
            }
        }
    }
}

#[test]
fn a_deployment_that_has_begun_comes_to_its_end_and_tests_that_are_stale_do_not() {
    let whole = workflow(FILE);
    let rollback = workflow(".github/workflows/rollback.yml");
    for job in &JOBS {
        let told = &whole["jobs"][job.name];
        match job.when {
            When::Released(environment) => {
                let expected =
                    json!({"group": format!("deploy-{environment}"), "cancel-in-progress": false});
                assert_eq!(told["concurrency"], expected);
                assert_eq!(told["environment"], json!(environment.name()));
            }
            _ if matches!(job.scope, Scope::ChangedParts | Scope::ChangedServices) => {
                assert_eq!(told["concurrency"]["cancel-in-progress"], json!(true));
            }
            _ => assert!(told["concurrency"].is_null(), "{}", job.name),
        }
    }
    let expected =
        json!({"group": "deploy-${{ inputs.environment }}", "cancel-in-progress": false});
    let rollback = &rollback["jobs"]["rollback"];
    assert_eq!(rollback["concurrency"], expected);
    assert_eq!(rollback["runs-on"], DEPLOY_RUNNER);
}

/// The deploy runner's hook refuses other events, so a workflow with one would only fail there.
#[test]
fn workflows_start_on_pushes_pull_requests_and_by_hand() {
    for (file, expected) in [
        (FILE, json!(["pull_request", "push"])),
        (
            ".github/workflows/rollback.yml",
            json!(["workflow_dispatch"]),
        ),
    ] {
        let workflow = workflow(file);
        let events: Vec<_> = workflow["on"].as_object().unwrap().keys().collect();
        assert_eq!(json!(events), expected, "{file}");
    }
}

#[test]
fn a_pull_request_sees_no_secret() {
    let whole = workflow(FILE);
    for job in JOBS.iter().filter(|job| job.when == When::Always) {
        let told = whole["jobs"][job.name].to_string();
        assert!(!told.contains("secrets."), "{told}");
        assert!(!told.contains("id-token"), "{told}");
    }
}
