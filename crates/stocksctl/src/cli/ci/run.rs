//! `ci run`: the pipeline here.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Engine;
use super::changed::changed;
use crate::adapters::process;
use crate::adapters::source::Source;
use crate::pipeline::{JOBS, Outcome, PART_VARIABLE, Run as Job, Schedule, destination, runs};
use crate::progress::{Progress, note};
use crate::workspace::Part;

/// How long a job that was told to stop may take to put things in order: a deployment takes back what it did.
const STOP_TIMEOUT: Duration = Duration::from_mins(2);
/// Lines of a failed job that are shown.
const SHOWN_LINES: usize = 20;
/// The one job whose outcome depends on nothing but the files.
const KEPT: &str = "test";

#[derive(Args)]
pub(in crate::cli) struct Run {
    /// Only this job; may be given again. What it waits for counts as done
    #[arg(long = "stage", value_name = "JOB", value_parser = job_names())]
    stages: Vec<String>,
    /// What is tested and analysed: what differs from this commit; unset: everything
    #[arg(long, value_name = "COMMIT", default_value = "")]
    changed_since: String,
    /// The branch or tag that it is run as, which says where it is deployed; unset: what is checked out
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// Runs tests that passed before with the same files as well
    #[arg(long)]
    fresh: bool,
    /// A folder for the logs, a file for each job
    #[arg(long, default_value = "target/ci")]
    logs: PathBuf,
    /// A file that a summary in Markdown is added to
    #[arg(long)]
    summary: Option<PathBuf>,
    #[arg(long, env = "PATH", hide = true)]
    path: OsString,
}

fn job_names() -> clap::builder::PossibleValuesParser {
    JOBS.map(|job| job.name).into()
}

/// What all jobs of a run have in common.
struct Setting {
    folder: PathBuf,
    logs: PathBuf,
    path: OsString,
    base: String,
    commit: String,
    reference: String,
}

impl Run {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        let source = engine.checkout();
        let parts = changed(&source, &self.changed_since).await?;
        let reference = match self.reference.clone() {
            Some(reference) => reference,
            None => source.reference().await?,
        };
        let runs = runs(&parts, &self.stages, destination(&reference));
        ensure!(!runs.is_empty(), "there is nothing to run");
        std::fs::create_dir_all(self.logs.join("passed"))?;
        // The jobs call this program by its name.
        let tools = tempfile::tempdir()?;
        std::os::unix::fs::symlink(std::env::current_exe()?, tools.path().join("stocksctl"))?;
        let setting = Setting {
            folder: engine.folder.clone(),
            logs: std::path::absolute(&self.logs)?,
            path: first_on(&self.path, tools.path())?,
            base: self.changed_since.clone(),
            commit: source.head().await?.id,
            reference,
        };
        let kept = if self.fresh {
            None
        } else {
            Some(Kept::of(&source, &setting.logs).await?)
        };
        let (schedule, progress) = perform(&setting, Schedule::new(runs), kept.as_ref()).await?;
        let failed: BTreeSet<&str> = schedule
            .outcomes()
            .filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_) | Outcome::Stopped))
            .map(|(run, _)| run.job.name)
            .collect();
        for (run, outcome) in schedule.outcomes() {
            if let Outcome::Skipped(because) = outcome {
                println!("- {run}: not run ({because})");
            }
        }
        let (ended, code) = if failed.is_empty() {
            let ended = format!("Everything passed as {}.", setting.reference);
            (ended, ExitCode::SUCCESS)
        } else {
            let failed: Vec<_> = failed.into_iter().collect();
            let ended = format!("Failed as {}: {}.", setting.reference, failed.join(", "));
            (ended, ExitCode::FAILURE)
        };
        println!("{ended}");
        if let Some(file) = &self.summary {
            progress.summarise("Pipeline", &ended, file)?;
        }
        Ok(code)
    }
}

/// Runs what may run, until nothing is left.
async fn perform(
    setting: &Setting,
    mut schedule: Schedule,
    kept: Option<&Kept>,
) -> Result<(Schedule, Progress)> {
    let progress = Progress::default();
    let (stop, _) = watch::channel(false);
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut under_way = JoinSet::new();
    let mut lines = BTreeMap::new();
    loop {
        let mut is_known = false;
        for (index, run) in schedule.begin() {
            if kept.is_some_and(|kept| kept.knows(run)) {
                note(&format!("  ✓ {run}  passed before with the same files"));
                schedule.end(index, Outcome::Known);
                is_known = true;
                continue;
            }
            lines.insert(index, (run, progress.begins(&run)));
            let command = setting.command(run, &schedule);
            let log = setting.logs.join(format!("{}.log", run.file_name()));
            let stopped = stop.subscribe();
            under_way.spawn(async move { (index, execute(command, &log, stopped).await) });
        }
        if is_known {
            // Others may have waited for it alone.
            continue;
        }
        if under_way.is_empty() {
            return Ok((schedule, progress));
        }
        tokio::select! {
            Some(ended) = under_way.join_next() => {
                let (index, ended) = ended?;
                let (run, line) = lines.remove(&index).context("it has begun")?;
                let outcome = ended.unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
                match &outcome {
                    Outcome::Failed(why) => line.failed_because(why),
                    Outcome::Stopped => line.failed_because("stopped"),
                    _ => line.done(),
                }
                if let (Outcome::Done, Some(kept)) = (&outcome, kept) {
                    kept.keep(run)?;
                }
                schedule.end(index, outcome);
            }
            _ = terminated.recv() => halt(&mut schedule, &stop),
            _ = interrupted.recv() => halt(&mut schedule, &stop),
        }
    }
}

fn halt(schedule: &mut Schedule, stop: &watch::Sender<bool>) {
    note("stopping: the jobs under way put things in order");
    schedule.stop();
    stop.send_replace(true);
}

impl Setting {
    fn command(&self, run: Job, schedule: &Schedule) -> tokio::process::Command {
        let mut command = process::program("bash");
        command
            .args(["-euo", "pipefail", "-c", run.job.command])
            .current_dir(&self.folder)
            .env("PATH", &self.path)
            .env("BASE", &self.base)
            .env("GITHUB_SHA", &self.commit)
            .env("GITHUB_REF_NAME", &self.reference)
            .env("NEEDS", needs(schedule));
        if let Some(part) = run.part {
            command.env(PART_VARIABLE, part.name());
        }
        command
    }
}

/// What a workflow says of its jobs.
fn needs(schedule: &Schedule) -> String {
    let mut needs = serde_json::Map::new();
    for (run, outcome) in schedule.outcomes() {
        let result = match outcome {
            Outcome::Done | Outcome::Known => "success",
            Outcome::Failed(_) => "failure",
            Outcome::Skipped(_) | Outcome::Stopped => "skipped",
        };
        let told = needs
            .entry(run.job.name)
            .or_insert(json!({"result": result}));
        // One part that failed is a job that failed.
        if result == "failure" {
            *told = json!({"result": result});
        }
    }
    serde_json::Value::from(needs).to_string()
}

async fn execute(
    mut command: tokio::process::Command,
    log: &Path,
    mut stopped: watch::Receiver<bool>,
) -> Result<Outcome> {
    let file = File::create(log).with_context(|| log.display().to_string())?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .context("bash does not start")?;
    let status = tokio::select! {
        status = child.wait() => Some(status?),
        _ = stopped.wait_for(|is_stopped| *is_stopped) => None,
    };
    let Some(status) = status else {
        // It leads a group, so that what it has started hears it as well.
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let group = id.and_then(rustix::process::Pid::from_raw);
        let tell = |what| group.map(|group| rustix::process::kill_process_group(group, what));
        let _ = tell(rustix::process::Signal::TERM);
        if tokio::time::timeout(STOP_TIMEOUT, child.wait())
            .await
            .is_err()
        {
            let _ = tell(rustix::process::Signal::KILL);
        }
        return Ok(Outcome::Stopped);
    };
    if status.success() {
        return Ok(Outcome::Done);
    }
    Ok(Outcome::Failed(format!(
        "{status}; {} ends with\n{}",
        log.display(),
        end_of(log)?
    )))
}

fn end_of(log: &Path) -> Result<String> {
    let text = String::from_utf8_lossy(&std::fs::read(log)?).into_owned();
    let lines: Vec<_> = text.lines().collect();
    let first = lines.len().saturating_sub(SHOWN_LINES);
    Ok(lines[first..].join("\n"))
}

/// A PATH with a folder before all others.
fn first_on(path: &OsString, folder: &Path) -> Result<OsString> {
    let folders = std::env::split_paths(path);
    let folders = std::iter::once(folder.to_owned()).chain(folders);
    std::env::join_paths(folders).context("PATH")
}

/// Which jobs passed before with the same files.
struct Kept {
    folder: PathBuf,
    keys: Vec<(Part, String)>,
}

impl Kept {
    async fn of(source: &Source, logs: &Path) -> Result<Self> {
        let mut hashes = Part::ALL.map(|part| (part, Sha256::new())).to_vec();
        if source.changes().await?.is_empty() {
            let workspace = source.workspace().await?;
            for (name, content) in source.files().await? {
                let parts = workspace.parts_of(&name);
                let concerned = hashes.iter_mut().filter(|(part, _)| parts.contains(part));
                for (_, hash) in concerned {
                    hash.update(format!("{name}\0{content}\0"));
                }
            }
        } else {
            // What is not committed has no name that it could be known by.
            hashes.clear();
        }
        let keys = hashes.into_iter();
        let keys = keys
            .map(|(part, hash)| (part, format!("{:x}", hash.finalize())))
            .collect();
        Ok(Self {
            folder: logs.join("passed"),
            keys,
        })
    }

    fn file(&self, run: Job) -> Option<PathBuf> {
        let part = run.part.filter(|_| run.job.name == KEPT)?;
        let (_, key) = self.keys.iter().find(|(known, _)| *known == part)?;
        Some(self.folder.join(format!("{}-{key}", run.file_name())))
    }

    fn knows(&self, run: Job) -> bool {
        self.file(run).is_some_and(|file| file.exists())
    }

    fn keep(&self, run: Job) -> Result<()> {
        match self.file(run) {
            Some(file) => File::create(&file)
                .map(drop)
                .with_context(|| file.display().to_string()),
            None => Ok(()),
        }
    }
}
