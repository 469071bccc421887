//! Who runs, and whose child it is: a killed server is gone only when its children are too.

use std::{fs, path::Path, process::Command};

use rustix::process::Pid;

struct Process {
    id: i32,
    parent: i32,
    is_zombie: bool,
}

/// The children of a process, zombies left out.
pub(super) fn children_of(parent: Pid) -> Vec<Pid> {
    let parent = parent.as_raw_nonzero().get();
    running()
        .filter(|process| process.parent == parent)
        .filter_map(|process| Pid::from_raw(process.id))
        .collect()
}

/// Whether any of them still does something: a zombie does not, and holds nothing.
pub(super) fn any_runs(processes: &[Pid]) -> bool {
    running().any(|process| {
        processes
            .iter()
            .any(|id| id.as_raw_nonzero().get() == process.id)
    })
}

fn running() -> impl Iterator<Item = Process> {
    let all = if Path::new("/proc/self/stat").exists() {
        from_proc()
    } else {
        from_ps()
    };
    all.into_iter().filter(|process| !process.is_zombie)
}

/// Linux, where a small image has no `ps`. A process may end while we read: it is left out then.
fn from_proc() -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("/proc can be read");
    entries
        .flatten()
        .filter_map(|entry| {
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            parse_stat(&stat)
        })
        .collect()
}

/// Reads `proc_pid_stat(5)`: `id (name) state parent …`, where the name may hold blanks and brackets.
fn parse_stat(stat: &str) -> Option<Process> {
    let (id, rest) = stat.split_once(" (")?;
    let (_, rest) = rest.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    Some(Process {
        id: id.parse().ok()?,
        is_zombie: fields.next()? == "Z",
        parent: fields.next()?.parse().ok()?,
    })
}

/// macOS and the BSDs.
fn from_ps() -> Vec<Process> {
    let output = Command::new("ps")
        .args(["-A", "-o", "pid=,ppid=,stat="])
        .output()
        .expect("`ps` runs");
    let table = String::from_utf8_lossy(&output.stdout);
    table
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            Some(Process {
                id: fields.next()?.parse().ok()?,
                parent: fields.next()?.parse().ok()?,
                is_zombie: fields.next()?.starts_with('Z'),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name_is() {
        let process = parse_stat("42 (a ) b (c) S 7 42 42 0 -1").expect("a process");

        assert_eq!((process.id, process.parent), (42, 7));
        assert!(!process.is_zombie);
    }
}
