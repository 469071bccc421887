//! The delivery tool of Stocks App.

mod adapters;
mod admission;
mod approval;
mod build_cache;
mod caller;
mod cli;
mod delivery;
mod environment;
mod examine;
mod exceptions;
mod health;
mod installation;
mod keys;
mod ledger;
mod lock;
mod origin;
mod pipeline;
mod plan;
mod progress;
mod prune;
mod publication;
mod release;
mod run;
mod seal;
mod signers;
mod site;
mod smoke;
mod tag;
mod workbench;
mod workspace;

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    // The registry's client is built without a choice of its own.
    drop(rustls::crypto::ring::default_provider().install_default());
    match cli.run(&who()).await {
        Ok(code) => code,
        Err(error) => {
            progress::note(&format!("error: {}", progress::chain(&error)));
            ExitCode::FAILURE
        }
    }
}

/// `user@host`, for the lock and the ledger.
fn who() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "main is the home of the environment"
    )]
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("GITHUB_ACTOR")
        .or_else(|| variable("USER"))
        .or_else(|| variable("LOGNAME"));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host
        .map(|host| host.trim().to_owned())
        .or_else(|| variable("HOSTNAME"));
    let number = || format!("uid-{}", rustix::process::getuid().as_raw());
    format!(
        "{}@{}",
        user.unwrap_or_else(number),
        host.unwrap_or_else(|| "unknown".to_owned())
    )
}
