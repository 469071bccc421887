//! The command line: what people call, and the processes that the bench starts of itself.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, builder::PossibleValuesParser};

use crate::{
    scenario,
    session::{Effort, repository},
};

/// The part of a run that is not measured.
pub(crate) const WARM_UP: Duration = Duration::from_secs(1);

/// Measures the services beside other ways to do the same. Give it the machine for itself.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = scenarios())]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) compare: Compare,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Two trade services on one database under orders for minutes, then looks for what went wrong
    Soak(Soak),
    /// Drives a load; for the bench itself
    #[command(hide = true)]
    Drive { plan: String },
    /// Listens to the stream of prices; for the bench itself
    #[command(hide = true)]
    Listen {
        #[arg(long)]
        address: SocketAddr,
        #[arg(long)]
        clients: usize,
    },
    /// Answers so many bytes; for the bench itself
    #[command(hide = true)]
    Hello {
        #[arg(long)]
        bytes: usize,
    },
    /// Ends a program with the bench; for the bench itself
    #[command(hide = true)]
    Guard {
        #[arg(long)]
        bench: u32,
        #[arg(long)]
        limit_seconds: u64,
        #[arg(last = true)]
        program: Vec<OsString>,
    },
}

/// Every scenario, in rounds.
#[derive(Args)]
pub(crate) struct Compare {
    /// Folder for results.md, results.json and results.svg
    #[arg(long, default_value = "bench/results")]
    pub(crate) out: PathBuf,
    /// Rounds in which the contenders take turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Seconds that each run is measured for
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: u16,
    /// Only this scenario; may be given again
    #[arg(long, value_name = "NAME", value_parser = names())]
    pub(crate) only: Vec<String>,
    /// One short round of small sizes, to see that everything works
    #[arg(long)]
    pub(crate) quick: bool,
    /// Folder of the FastAPI peer
    #[arg(long, default_value_os_t = repository().join("../shared/peer"))]
    pub(crate) peer: PathBuf,
    /// Writes the table of this run into the README too
    #[arg(long)]
    pub(crate) readme: bool,
}

#[derive(Args)]
pub(crate) struct Soak {
    /// How long the orders last
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1_440))]
    minutes: u16,
    /// Orders a second
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: u32,
}

impl Compare {
    pub(crate) fn effort(&self) -> Effort {
        Effort {
            rounds: if self.quick { 1 } else { self.rounds.into() },
            warm_up: WARM_UP,
            measured: Duration::from_secs(if self.quick { 1 } else { self.seconds.into() }),
            is_quick: self.quick,
        }
    }
}

impl Soak {
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_mins(self.minutes.into())
    }
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(scenario::ALL.iter().map(|entry| entry.name))
}

fn scenarios() -> String {
    let names: Vec<&str> = scenario::ALL.iter().map(|entry| entry.name).collect();
    format!("Scenarios: {}", names.join(", "))
}
