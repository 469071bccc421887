//! Who asked for what: a line for each write, where callers are known. They come by the thousand, so each is written with few
//! steps, and many together instead of a call of the kernel for each.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use market::Timestamp;
use serde::{Serialize, Serializer};
use tracing::{Level, info};

use crate::auth::Identity;
use crate::http::RequestId;

/// Target of these lines, for filters.
const TARGET: &str = "audit";
const MESSAGE: &str = "asked for a change";

/// A write that somebody asked for, and how it ended.
#[derive(Serialize)]
pub(crate) struct Asked<'a> {
    #[serde(serialize_with = "as_text")]
    pub(crate) id: &'a RequestId,
    pub(crate) service: &'static str,
    pub(crate) caller: &'a Identity,
    pub(crate) method: &'static str,
    pub(crate) path: &'a str,
    pub(crate) status: u16,
}

/// A line as the others are, in JSON.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: Timestamp,
    level: &'static str,
    fields: Fields<'a>,
    target: &'static str,
}

#[derive(Serialize)]
struct Fields<'a> {
    message: &'static str,
    #[serde(flatten)]
    asked: &'a Asked<'a>,
}

fn as_text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The lines that wait, and whether there is a thread that writes them; there is none where lines are not JSON.
static LINES: Lines = Lines::new();
static IS_STARTED: OnceLock<bool> = OnceLock::new();

/// Writes lines in JSON from now on.
pub(super) fn start() {
    let spawn = || {
        let thread = thread::Builder::new().name("log".to_owned());
        thread.spawn(|| LINES.write_on()).is_ok()
    };
    IS_STARTED.get_or_init(spawn);
}

/// Writes what waits; for the end of the process.
pub(super) fn flush() {
    LINES.flush();
}

/// Puts a write on record.
pub(crate) fn record(asked: &Asked<'_>, now: Timestamp) {
    if !tracing::enabled!(target: TARGET, Level::INFO) {
        return;
    }
    if IS_STARTED.get() != Some(&true) {
        info!(
            target: TARGET, id = %asked.id, service = asked.service, caller = %asked.caller,
            method = asked.method, path = asked.path, status = asked.status, "{MESSAGE}"
        );
        return;
    }
    let line = Line {
        timestamp: now,
        level: "INFO",
        fields: Fields {
            message: MESSAGE,
            asked,
        },
        target: TARGET,
    };
    if let Ok(mut text) = serde_json::to_vec(&line) {
        text.push(b'\n');
        LINES.add(&text);
    }
}

/// How long lines wait for others.
const PAUSE: Duration = Duration::from_millis(1);
/// Bytes that may wait; whoever adds one more writes them all.
const MAX_WAITING_BYTES: usize = 1024 * 1024;

/// Lines that wait.
struct Lines {
    waiting: Mutex<Vec<u8>>,
    filled: Condvar,
    /// Held while lines are taken and written, so that they keep their order.
    writing: Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lines {
    const fn new() -> Self {
        Self {
            waiting: Mutex::new(Vec::new()),
            filled: Condvar::new(),
            writing: Mutex::new(()),
        }
    }

    /// Writes lines as they come; never ends.
    fn write_on(&self) {
        loop {
            let waiting = lock(&self.waiting);
            drop(self.filled.wait_while(waiting, |lines| lines.is_empty()));
            thread::sleep(PAUSE);
            self.flush();
        }
    }

    /// Writes what waits.
    fn flush(&self) {
        let _writing = lock(&self.writing);
        let lines = std::mem::take(&mut *lock(&self.waiting));
        // There is nowhere to say that it failed.
        let _ = io::stderr().write_all(&lines);
    }

    fn add(&self, line: &[u8]) {
        let mut waiting = lock(&self.waiting);
        let (was_empty, is_full) = (waiting.is_empty(), waiting.len() > MAX_WAITING_BYTES);
        waiting.extend_from_slice(line);
        drop(waiting);
        if was_empty {
            self.filled.notify_one();
        }
        if is_full {
            self.flush();
        }
    }
}
