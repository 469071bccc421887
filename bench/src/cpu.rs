//! What a process and its descendants have used: processor time and memory, from /proc (`proc_pid_stat(5)`).

use std::{
    collections::{BTreeMap, HashSet},
    fs,
};

use anyhow::{Context, Result};
use rustix::param::clock_ticks_per_second;

/// A line of /proc/PID/stat, as far as it is of use here.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    id: u32,
    parent: u32,
    /// Of the process itself, in ticks.
    own: u64,
    /// Of its children that have ended and were waited for, with theirs.
    ended: u64,
}

impl Stat {
    /// The name may hold blanks and brackets, so the fields are counted from the last bracket.
    fn parse(line: &str) -> Option<Self> {
        let (id, rest) = line.split_once(" (")?;
        let (_, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            id: id.parse().ok()?,
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(11)? + ticks(12)?,
            ended: ticks(13)? + ticks(14)?,
        })
    }
}

/// Processor time of a process and all its descendants so far, in seconds; those that have ended are counted once they
/// were waited for, so that a server with a process a connection loses nothing.
pub(crate) fn of_tree(root: u32) -> f64 {
    let processes = running();
    let mut members = HashSet::from([root]);
    // A child may stand before its parent: go on until nobody is found any more.
    loop {
        let known = members.len();
        for process in &processes {
            if members.contains(&process.parent) {
                members.insert(process.id);
            }
        }
        if members.len() == known {
            break;
        }
    }
    let ticks: u64 = processes
        .iter()
        .filter(|process| members.contains(&process.id))
        .map(|process| process.own + process.ended)
        .sum();
    seconds(ticks)
}

/// Processor time of this process alone, in seconds.
pub(crate) fn own() -> f64 {
    stat("self").map_or(0.0, |stat| seconds(stat.own))
}

/// Processor time of the children that this process has waited for, in seconds.
pub(crate) fn ended_children() -> f64 {
    stat("self").map_or(0.0, |stat| seconds(stat.ended))
}

/// The process that started this one.
pub(crate) fn parent_of(id: u32) -> Result<u32> {
    let stat = stat(&id.to_string()).with_context(|| format!("process {id} is gone"))?;
    Ok(stat.parent)
}

/// The most memory that a process was resident in, in bytes.
pub(crate) fn peak_memory(id: u32) -> Result<u64> {
    status_bytes(id, "VmHWM:")
}

/// The memory that a process is resident in, in bytes.
pub(crate) fn memory(id: u32) -> Result<u64> {
    status_bytes(id, "VmRSS:")
}

/// What was used between two looks at the same processes, in seconds by name.
pub(crate) struct Watch {
    processes: Vec<(String, u32)>,
    before: BTreeMap<String, f64>,
}

impl Watch {
    pub(crate) fn start(processes: Vec<(String, u32)>) -> Self {
        let before = look(&processes);
        Self { processes, before }
    }

    pub(crate) fn used(&self) -> BTreeMap<String, f64> {
        let mut used = look(&self.processes);
        for (name, seconds) in &mut used {
            *seconds -= self.before.get(name).copied().unwrap_or(0.0);
        }
        used
    }
}

fn look(processes: &[(String, u32)]) -> BTreeMap<String, f64> {
    processes
        .iter()
        .map(|(name, id)| (name.clone(), of_tree(*id)))
        .collect()
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / clock_ticks_per_second() as f64
}

/// A process may end while we read: it is left out then.
fn running() -> Vec<Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| stat(entry.file_name().to_str()?))
        .collect()
}

fn stat(id: &str) -> Option<Stat> {
    Stat::parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

fn status_bytes(id: u32, field: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))
        .with_context(|| format!("process {id} is gone"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes: u64 = line
        .and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
        .with_context(|| format!("process {id} has no {field}"))?;
    Ok(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name_is() {
        let line = "42 (a ) b (c) S 7 42 42 0 -1 4194304 1 2 3 4 10 20 300 400 20 0 1 0 5";

        let expected = Stat {
            id: 42,
            parent: 7,
            own: 30,
            ended: 700,
        };
        assert_eq!(Stat::parse(line), Some(expected));
        assert_eq!(Stat::parse("42 (a) S 7"), None);
    }

    #[test]
    fn this_process_is_part_of_its_own_tree() {
        let id = std::process::id();
        assert!(of_tree(id) >= own());
        assert!(peak_memory(id).expect("our own") >= memory(id).expect("our own") / 2);
    }
}
