//! Starts the trading service.

use std::process::ExitCode;

use service_kit::cli;
use trade::{SERVICE, Settings};

/// Under load the system's allocator costs several per cent of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "main is the home of the environment"
    )]
    let variables = std::env::vars_os();
    cli::run(
        SERVICE,
        env!("CARGO_PKG_VERSION"),
        variables,
        Settings::read,
        |settings| &settings.common,
        async |settings, stop| trade::build(settings).await?.run(&stop).await,
    )
}
