//! Logs on standard error: lines for people on a terminal, JSON otherwise. No bodies, no secrets.

pub(crate) mod audit;

use std::io::{self, IsTerminal as _};

use crate::settings::{LogFormat, LogSettings};

/// Starts logging for the whole process; a second call changes nothing.
pub fn start(settings: &LogSettings) {
    let filter = settings.filter.to_filter();
    let is_terminal = io::stderr().is_terminal();
    let format = settings.format.unwrap_or(if is_terminal {
        LogFormat::Pretty
    } else {
        LogFormat::Json
    });
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(is_terminal);
    if format == LogFormat::Json {
        audit::start();
    }
    // The one error is that logging has been started before.
    let _ = match format {
        LogFormat::Pretty => lines.with_target(false).compact().try_init(),
        LogFormat::Json => lines
            .json()
            .with_current_span(false)
            .with_span_list(false)
            .try_init(),
    };
}

/// Writes what waits to be written; for the end of the process.
pub(crate) fn flush() {
    audit::flush();
}
