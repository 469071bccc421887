//! Both services and the trading page in one process on an embedded database: what `cargo run` starts. Its commands call
//! services that run somewhere.

mod banner;
mod client;
mod door;
mod page;
mod run;
mod settings;
mod simulate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use market::Side;
use service_kit::settings::{LogSettings, Reader};
use service_kit::{cli, log};

use crate::client::{ClientSettings, List, Order, Portfolio, Watch};
use crate::run::Manner;
use crate::settings::Settings;
use crate::simulate::Simulation;

/// Runs the catalogue, trading and the page on this machine, with their data in ./data; or calls services that run already.
#[derive(Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Configured by environment variables; see the README. The commands ask http://localhost:8000 and :8001 \
        (STOCKS_URL, STOCKS_TRADE_URL), for user-001 (STOCKS_USER), with the key in STOCKS_KEY or in the file STOCKS_KEY_FILE."
)]
struct Arguments {
    #[command(flatten)]
    manner: Manner,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    List(List),
    Watch(Watch),
    /// Buys shares
    Buy(Order),
    /// Sells shares that are held
    Sell(Order),
    Portfolio(Portfolio),
    /// Moves the prices of a catalogue at random, until Ctrl-C; never that of a market that is real
    Simulate(Simulation),
}

/// Under load the system's allocator costs several per cent of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Arguments { manner, verb } = Arguments::parse();
    #[expect(
        clippy::disallowed_methods,
        reason = "main is the home of the environment"
    )]
    let variables = std::env::vars_os();
    let mut reader = Reader::new(cli::utf8(variables));
    match verb {
        None => serve(reader, manner),
        Some(verb) => {
            let log = LogSettings::read(&mut reader);
            let settings = ClientSettings::read(&mut reader);
            if let Err(error) = reader.finish() {
                return cli::fail(&error);
            }
            log::start(&log);
            cli::block_on(async { call(verb, &settings).await.map_err(|it| format!("{it:#}")) })
        }
    }
}

fn serve(mut reader: Reader, manner: Manner) -> ExitCode {
    let settings = Settings::read(&mut reader);
    if let Err(error) = reader.finish() {
        return cli::fail(&error);
    }
    log::start(&settings.catalogue.common.log);
    cli::block_on(run::run(settings, manner))
}

async fn call(verb: Verb, settings: &ClientSettings) -> anyhow::Result<()> {
    let client = settings.client()?;
    let ClientSettings { user, .. } = settings;
    match verb {
        Verb::List(list) => list.run(&client).await,
        Verb::Watch(watch) => watch.run(&client).await,
        Verb::Buy(order) => order.run(Side::Buy, &client, user).await,
        Verb::Sell(order) => order.run(Side::Sell, &client, user).await,
        Verb::Portfolio(portfolio) => portfolio.run(&client, user).await,
        Verb::Simulate(simulation) => simulation.run(&client).await,
    }
}
