//! The command line of a service: `serve` (the default) and `healthcheck`.

use std::ffi::OsString;
use std::fmt::Display;
use std::process::ExitCode;

use clap::Command;

use crate::serve::Stop;
use crate::settings::{CommonSettings, Reader};
use crate::{healthcheck, log};

/// Runs a service's binary: reads its settings, starts its log, serves or probes.
///
/// `variables` is the process's environment, which only a `main` may ask for.
pub fn run<S, E, Run>(
    name: &'static str,
    version: &'static str,
    variables: impl Iterator<Item = (OsString, OsString)>,
    read: impl FnOnce(&mut Reader) -> S,
    common: impl FnOnce(&S) -> &CommonSettings,
    serve: impl FnOnce(S, Stop) -> Run,
) -> ExitCode
where
    Run: Future<Output = Result<(), E>>,
    E: Display,
{
    let command = Command::new(name)
        .version(version)
        .about("Configured by environment variables; see the README")
        .subcommand(Command::new("serve").about("Serves until SIGTERM (the default)"))
        .subcommand(
            Command::new("healthcheck")
                .about("Asks the service on this host whether it is healthy"),
        );
    let matches = command.get_matches();

    let mut reader = Reader::new(utf8(variables));
    let settings = read(&mut reader);
    if let Err(error) = reader.finish() {
        return fail(&error);
    }
    if matches.subcommand_name() == Some("healthcheck") {
        let listen = common(&settings).server.listen;
        return healthcheck::probe(listen)
            .map_or_else(|error| fail(&error), |()| ExitCode::SUCCESS);
    }
    log::start(&common(&settings).log);
    block_on(async {
        match Stop::on_signals() {
            Ok(stop) => serve(settings, stop)
                .await
                .map_err(|error| error.to_string()),
            Err(error) => Err(format!("cannot listen for signals: {error}")),
        }
    })
}

/// Runs `main` to its end on a runtime of its own; an error is printed and gives exit code 1.
pub fn block_on<E: Display>(main: impl Future<Output = Result<(), E>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}")),
    };
    let ended = runtime.block_on(main);
    log::flush();
    ended.map_or_else(|error| fail(&error), |()| ExitCode::SUCCESS)
}

/// The variables that are text; others cannot be ours.
pub fn utf8(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (String, String)> {
    variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Prints why the program ends; exit code 1.
#[expect(
    clippy::print_stderr,
    reason = "the last word of a program that cannot go on, log or no log"
)]
pub fn fail(error: &dyn Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}
