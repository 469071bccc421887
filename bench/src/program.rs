//! From the command line to one of the things that this program does.

use std::{ffi::OsString, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::Parser as _;

use crate::{
    cli::{Arguments, Command},
    compare,
    contender::hello,
    drive, guard,
    session::Surroundings,
    soak,
};

/// 0: done, and every target met. 1: one was missed, or something failed.
pub(crate) fn main(variable: impl Fn(&str) -> Option<OsString>) -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = run(arguments, variable);
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(arguments: Arguments, variable: impl Fn(&str) -> Option<OsString>) -> Result<ExitCode> {
    let done = |()| ExitCode::SUCCESS;
    let verdict = |is_good| {
        if is_good {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    };
    match arguments.command {
        None => compare::run(surroundings(variable)?, &arguments.compare).map(verdict),
        Some(Command::Soak(soak)) => soak::run(surroundings(variable)?, &soak).map(verdict),
        Some(Command::Drive { plan }) => drive::main(&plan).map(done),
        Some(Command::Listen { address, clients }) => {
            drive::listen::main(address, clients).map(done)
        }
        Some(Command::Hello { bytes }) => hello::main(bytes).map(done),
        Some(Command::Guard {
            bench,
            limit_seconds,
            program,
        }) => {
            let code = guard::main(bench, Duration::from_secs(limit_seconds), &program)?;
            Ok(ExitCode::from(code))
        }
    }
}

fn surroundings(variable: impl Fn(&str) -> Option<OsString>) -> Result<Surroundings> {
    let home = variable("HOME").context("HOME is not set")?;
    let cache = match variable("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(&home).join(".cache"),
    };
    Ok(Surroundings {
        path: variable("PATH").context("PATH is not set")?,
        home,
        cargo: variable("CARGO").unwrap_or_else(|| "cargo".into()),
        cache: cache.join("stocks-app"),
        folder: tempfile::Builder::new().prefix("bench-").tempdir()?,
    })
}
