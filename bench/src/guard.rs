//! `bench guard`: a process between the bench and a program that it runs. The program gets a process group of its own,
//! and the guard ends that group when the program has ended, when it has run for too long, when the guard is told to,
//! and when the bench is gone, be it by Ctrl-C or by SIGKILL.

use std::{ffi::OsString, os::unix::process::ExitStatusExt, process::ExitStatus, time::Duration};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, getppid, kill_process_group, set_parent_process_death_signal};
use tokio::{
    process::{Child, Command},
    runtime,
    signal::unix::{SignalKind, signal},
    time::{sleep, timeout},
};

/// Time to end by itself, before SIGKILL.
const GRACE: Duration = Duration::from_secs(5);

/// Runs `program` for at most `limit`; gives its exit code.
pub(crate) fn main(bench: u32, limit: Duration, program: &[OsString]) -> Result<u8> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        set_parent_process_death_signal(Some(Signal::TERM))?;
        // It may have ended before it was heard of.
        if getppid().map(|parent| parent.as_raw_nonzero().get().cast_unsigned()) != Some(bench) {
            bail!("the bench is gone");
        }
        let (program, arguments) = program.split_first().context("nothing to run")?;
        let mut child = Command::new(program)
            .args(arguments)
            .process_group(0)
            .spawn()
            .with_context(|| format!("{} does not start", program.display()))?;
        let id = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let group = id.context("the program has no id")?;

        let ended = tokio::select! {
            status = child.wait() => Some(status?),
            _ = terminate.recv() => None,
            () = sleep(limit) => None,
        };
        let status = match ended {
            Some(status) => status,
            None => end(&mut child, group).await?,
        };
        // Children that it has left behind.
        let _ = kill_process_group(group, Signal::KILL);
        Ok(exit_code(status))
    })
}

async fn end(child: &mut Child, group: Pid) -> Result<ExitStatus> {
    let _ = kill_process_group(group, Signal::TERM);
    if let Ok(status) = timeout(GRACE, child.wait()).await {
        return Ok(status?);
    }
    let _ = kill_process_group(group, Signal::KILL);
    Ok(child.wait().await?)
}

/// As a shell has it: 128 and the signal for a program that was ended by one.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
