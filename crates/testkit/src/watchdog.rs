//! A shell that ends what a test process started, once that process is gone, however it went. Values in statics are never
//! dropped and SIGKILL runs no code, so the sign is a pipe: the system closes it with the last process that holds it.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
};

use crate::environment;

/// $1 is the signal for the guarded process, $2 the folder to remove, if any, $3 what is mounted on it. Each line of the input names the process to
/// guard from then on, 0 for none. Ten seconds of grace come before SIGKILL; a process that was just ended may still
/// write, so the folder is removed twice.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
process=0
while read -r line; do process=$line; done
if [ "$process" -gt 0 ]; then
    kill -s "$1" "$process"
    tries=0
    while kill -0 "$process"; do
        if [ "$tries" -ge 100 ]; then kill -s KILL "$process"; break; fi
        tries=$((tries + 1))
        sleep 0.1
    done
fi
if [ -n "$3" ]; then umount -l "$2"; fi
if [ -n "$2" ]; then rm -rf "$2" || { sleep 1; rm -rf "$2"; }; fi
"#;

/// Dropping it ends the guarded process and removes the folder too.
pub(crate) struct Watchdog {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Watchdog {
    /// `signal` as `kill -s` takes it: QUIT, KILL.
    pub(crate) fn start(signal: &str, folder: Option<&Path>) -> Self {
        Self::run(signal, folder, "")
    }

    /// Guards a folder on which `what` is, or is about to be, mounted.
    pub(crate) fn of_mount(folder: &Path, what: &str) -> Self {
        Self::run("KILL", Some(folder), what)
    }

    fn run(signal: &str, folder: Option<&Path>, mounted: &str) -> Self {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "testkit-watchdog", signal])
            .arg(folder.unwrap_or(Path::new("")))
            .arg(mounted)
            .env_clear()
            .env("PATH", environment::path())
            .current_dir("/")
            // Ctrl-C at the terminal ends the tests, not the one that cleans up after them.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("testkit needs /bin/sh");
        let pipe = shell.stdin.take();
        Self { shell, pipe }
    }

    /// Guards this process, in place of the one before it.
    pub(crate) fn guard(&mut self, process: u32) {
        let pipe = self.pipe.as_mut().expect("the pipe is only closed on drop");
        writeln!(pipe, "{process}").expect("the watchdog of testkit was killed");
    }

    /// Guards no process: to be said once it is waited for, because its id may be given to another one.
    pub(crate) fn release(&mut self) {
        if let Some(pipe) = self.pipe.as_mut() {
            // Also said on drop, where a lost watchdog must not become a second panic.
            drop(writeln!(pipe, "0"));
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.pipe.take());
        drop(self.shell.wait());
    }
}
