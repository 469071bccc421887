//! Both services in one process on an embedded database: what `cargo run` starts.

mod banner;
mod run;
mod settings;

use std::process::ExitCode;

use clap::Parser;
use service_kit::settings::Reader;
use service_kit::{cli, log};

use crate::settings::Settings;

/// Runs the catalogue and the trading service on this machine, with their data in ./data.
#[derive(Parser)]
#[command(
    version,
    after_help = "Configured by environment variables; see the README."
)]
struct Arguments {}

/// Under load the system's allocator costs several per cent of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Arguments {} = Arguments::parse();
    #[expect(
        clippy::disallowed_methods,
        reason = "main is the home of the environment"
    )]
    let variables = std::env::vars_os();
    let mut reader = Reader::new(cli::utf8(variables));
    let settings = Settings::read(&mut reader);
    if let Err(error) = reader.finish() {
        return cli::fail(&error);
    }
    log::start(&settings.catalogue.common.log);
    cli::block_on(run::run(settings))
}
