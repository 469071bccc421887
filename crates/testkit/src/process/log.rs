//! What a process writes: the last lines for a failure's message, and the addresses that it announces.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::Child,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use serde_json::Value;

const MAX_LINES: usize = 2_000;

/// How long the last lines of an ended process may take to arrive. A child of its own may hold the pipe open for longer.
const COMPLETE_DEADLINE: Duration = Duration::from_secs(1);

/// Filled by a thread for each pipe, so that the process never waits for the test to read.
#[derive(Default)]
pub(super) struct Log {
    written: Mutex<Written>,
    pipe_closed: Condvar,
}

#[derive(Default)]
struct Written {
    lines: VecDeque<String>,
    left_out: usize,
    announced: Vec<Announcement>,
    open_pipes: usize,
}

/// The line of a service that is reachable from now on.
struct Announcement {
    service: Option<String>,
    address: SocketAddr,
}

impl Log {
    /// Reads both outputs of a process to their end.
    pub(super) fn of(child: &mut Child) -> Arc<Self> {
        let log = Arc::new(Self::default());
        if let Some(pipe) = child.stderr.take() {
            log.follow(pipe);
        }
        if let Some(pipe) = child.stdout.take() {
            log.follow(pipe);
        }
        log
    }

    /// The first address announced by this service, or by any.
    pub(super) fn address(&self, service: Option<&str>) -> Option<SocketAddr> {
        let written = self.written();
        let mut announced = written.announced.iter();
        let found = announced.find(|it| service.is_none() || it.service.as_deref() == service);
        found.map(|it| it.address)
    }

    pub(super) fn text(&self) -> String {
        let written = self.written();
        let mut text = match written.left_out {
            0 => String::new(),
            lines => format!("({lines} lines before these are left out)\n"),
        };
        for line in &written.lines {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Waits for the last lines of a process that has ended.
    pub(super) fn complete(&self) {
        let written = self.written();
        let waited = self
            .pipe_closed
            .wait_timeout_while(written, COMPLETE_DEADLINE, |written| written.open_pipes > 0);
        drop(waited);
    }

    fn follow(self: &Arc<Self>, pipe: impl Read + Send + 'static) {
        self.written().open_pipes += 1;
        let log = Arc::clone(self);
        thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                log.written().push(&String::from_utf8_lossy(&line));
            }
            log.written().open_pipes -= 1;
            log.pipe_closed.notify_all();
        });
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Written {
    fn push(&mut self, line: &str) {
        self.announced.extend(announcement(line));
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
            self.left_out += 1;
        }
        self.lines.push_back(line.to_owned());
    }
}

/// Reads `{"fields": {"message": "listening", "address": "127.0.0.1:41234", "service": "trade"}, …}`; a process with one
/// service may leave out its name.
fn announcement(line: &str) -> Option<Announcement> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = &line["fields"];
    if fields["message"] != "listening" {
        return None;
    }
    Some(Announcement {
        service: fields["service"].as_str().map(str::to_owned),
        address: fields["address"].as_str()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept_and_no_address_is_lost() {
        let mut written = Written::default();
        written.push(r#"{"fields":{"message":"listening","address":"127.0.0.1:41234"}}"#);
        for number in 0..MAX_LINES {
            written.push(&number.to_string());
        }
        let log = Log {
            written: Mutex::new(written),
            ..Log::default()
        };

        assert_eq!(log.address(None), "127.0.0.1:41234".parse().ok());
        assert_eq!(log.address(Some("trade")), None);
        assert!(
            log.text()
                .starts_with("(1 lines before these are left out)\n0\n1\n")
        );
    }

    #[test]
    fn other_lines_announce_nothing() {
        for line in [
            "",
            "listening on 127.0.0.1:1",
            r#"{"fields":{"message":"connected","address":"127.0.0.1:1"}}"#,
            r#"{"fields":{"message":"listening","address":"nowhere"}}"#,
        ] {
            assert!(announcement(line).is_none(), "{line}");
        }
    }
}
