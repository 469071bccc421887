//! The start hook of the runners (`infra/runner/job-started.sh`) below a stand-in for the runner's worker.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};

const SIGKILL: i32 = 9;

/// Runs the hook below a shell that has the worker's name and goes on after a hook that fails, as the worker does with steps
/// of `if: always()`. Returns the worker's end, and true if such a step has run.
fn run_job(admission: &str) -> (ExitStatus, bool) {
    let folder = tempfile::tempdir().unwrap();
    let worker = folder.path().join("Runner.Worker");
    symlink("/bin/bash", &worker).unwrap();
    let program = folder.path().join("stocksctl");
    std::fs::write(&program, format!("#!/bin/sh\n{admission}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let hook = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/runner/job-started.sh");
    let step = folder.path().join("step");
    let status = Command::new(&worker)
        .args(["-c", r#"bash -e "$0" "$1" 0; : >"$2""#])
        .args([&hook, &program, &step])
        .status()
        .unwrap();
    (status, step.exists())
}

#[test]
fn an_admitted_job_runs() {
    let (status, has_run) = run_job(r#"[ "$*" = "infra admit-job --runner deploy" ] || exit 1"#);
    assert!(status.success() && has_run, "{status}");
}

#[test]
fn a_refused_job_runs_no_step_whatever_its_condition() {
    for refusal in [
        "exit 1",
        "exit 101",
        "kill -KILL $$",
        // The job is cancelled meanwhile.
        "kill -INT $PPID; kill -TERM $PPID; exit 1",
    ] {
        let (status, has_run) = run_job(refusal);
        assert_eq!(status.signal(), Some(SIGKILL), "{refusal}: {status}");
        assert!(!has_run, "{refusal}");
    }
}
