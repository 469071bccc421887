//! On what a run was made: figures of two machines are not comparable, their ratios are.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    process::Command,
    time::Instant,
};

use anyhow::Result;
use rustix::fs::statfs;
use serde::Serialize;

use super::stats::Spread;
use crate::session::{Session, repository};

/// What PostgreSQL writes at a time.
const PAGE_BYTES: usize = 8 * 1024;
const SYNCS: usize = 50;
/// From statfs(2): memory, where a sync costs nothing.
const TMPFS_MAGIC: i64 = 0x0102_1994;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Environment {
    pub(crate) cores: usize,
    pub(crate) processor: String,
    pub(crate) memory_gigabytes: f64,
    pub(crate) kernel: String,
    pub(crate) postgresql: String,
    pub(crate) postgresql_cache_gigabytes: f64,
    /// What one sync of a page costs where the database lies, in milliseconds.
    pub(crate) sync: Spread,
    pub(crate) is_in_memory: bool,
    pub(crate) commit: String,
}

impl Environment {
    pub(crate) fn of(session: &Session) -> Result<Self> {
        let folder = session.surroundings.folder.path();
        // testkit puts the database where temporary files are, and so is this folder.
        let system = statfs(folder)?;
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        // The version, without what the machine's owner has added.
        let kernel = release.split(['-', '+']).next().unwrap_or_default();
        Ok(Self {
            cores: std::thread::available_parallelism()?.get(),
            processor: field("/proc/cpuinfo", "model name"),
            memory_gigabytes: memory_kibibytes() as f64 / 1e6,
            kernel: kernel.trim().to_owned(),
            postgresql: session.postgres.version.clone(),
            postgresql_cache_gigabytes: session.postgres.cache_megabytes as f64 / 1e3,
            sync: cost_of_sync(folder)?,
            is_in_memory: system.f_type == TMPFS_MAGIC,
            commit: commit(),
        })
    }

    #[cfg(test)]
    pub(crate) fn example() -> Self {
        Self {
            cores: 2,
            processor: "a processor".to_owned(),
            memory_gigabytes: 8.0,
            kernel: "6.1".to_owned(),
            postgresql: "15.18".to_owned(),
            postgresql_cache_gigabytes: 2.0,
            sync: Spread {
                median: 0.5,
                min: 0.4,
                max: 2.0,
            },
            is_in_memory: false,
            commit: "0123456".to_owned(),
        }
    }
}

/// The memory of this machine; nothing where that cannot be told.
pub(crate) fn memory_kibibytes() -> u64 {
    let total = field("/proc/meminfo", "MemTotal:");
    total.trim_end_matches(" kB").parse().unwrap_or(0)
}

fn cost_of_sync(folder: &Path) -> Result<Spread> {
    let mut file: File = tempfile::tempfile_in(folder)?;
    let mut costs = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        file.write_all(&[1; PAGE_BYTES])?;
        let began = Instant::now();
        file.sync_data()?;
        costs.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let spread = Spread::of(&costs);
    Ok(spread.unwrap_or(Spread {
        median: 0.0,
        min: 0.0,
        max: 0.0,
    }))
}

/// `name : value` of a file in /proc; empty when it is not there.
fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    let value = value.unwrap_or_default().trim();
    value.trim_start_matches(':').trim().to_owned()
}

/// The version that was measured; unknown outside a clone.
fn commit() -> String {
    let described = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .current_dir(repository())
        .output();
    match described {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "unknown".to_owned(),
    }
}
