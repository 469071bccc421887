//! Checks of the whole, on a real Docker engine: Vault and the three environments are brought up as a user does it, and what
//! the documentation promises of them is tried, under load, while things break.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "progress goes to stdout, what went wrong to stderr"
)]

mod checks;
mod engine;
mod keys;
mod load;
mod stack;
mod vault;
mod walk;

use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Parser;
use tokio::task::{LocalSet, spawn_local};

use self::checks::{
    bootstrap, confinement, data, delivery, isolation, newcomer, outage, platform, policies,
    recovery, reference, rotation, secrecy, serving,
};

/// Brings up Vault and the three environments, checks them, and takes them away.
#[derive(Parser)]
struct Arguments {
    /// Takes away what bears the same names already, with its data
    #[arg(long)]
    replace: bool,
    /// Leaves everything as it is at the end, to look at it
    #[arg(long)]
    keep: bool,
    /// Takes the environments as they run, fresh from `./stocks up dev stage prod`, and leaves them so
    #[arg(long)]
    running: bool,
    /// Only these checks, by their names; `builds` alone starts no environment; `timings` measures releases, and runs when it is
    /// named alone
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How long Vault is away, in seconds
    #[arg(long, default_value_t = 20)]
    outage: u64,
    /// Of the steps of a call, one in so many is followed by its end; 1 for each
    #[arg(long, default_value_t = 3, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    stride: usize,
    /// The image of the databases; it runs small scripts as well
    #[arg(long, env = "POSTGRES_IMAGE")]
    postgres_image: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    stack::use_image(arguments.postgres_image.take());
    let began = Instant::now();
    let arguments = Rc::new(arguments);
    // In a task of its own: a reply that is not as expected panics, and there is something to take away then.
    let task = run(Rc::clone(&arguments));
    let tasks = LocalSet::new();
    let ended = tasks.run_until(async { spawn_local(task).await }).await;
    let outcome = ended.unwrap_or_else(|panic| Err(panic.into()));
    if let Err(error) = &outcome {
        eprintln!("error: {error:#}");
        show_what_runs().await;
    }
    // What the user had before is not ours to take away.
    let is_without_stack = !needs_stack(&arguments.only);
    let was_refused = outcome
        .as_ref()
        .is_err_and(|error| error.downcast_ref::<Refused>().is_some());
    if !(arguments.keep || arguments.running || was_refused || is_without_stack)
        && let Err(error) = stack::remove().await
    {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    match outcome {
        Ok(checks) => {
            println!("{checks} checks passed in {} s", began.elapsed().as_secs());
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}

/// Checks that need an engine and a registry, and no environment.
const WITHOUT_STACK: [&str; 1] = ["builds"];

/// Returns true if one of the checks needs the environments.
fn needs_stack(only: &[String]) -> bool {
    only.is_empty()
        || only
            .iter()
            .any(|name| !WITHOUT_STACK.contains(&name.as_str()))
}

/// Nothing was started.
#[derive(Debug, thiserror::Error)]
#[error("nothing was started")]
struct Refused;

async fn run(arguments: Rc<Arguments>) -> Result<usize> {
    engine::docker(&["version", "--format", "{{.Server.Version}}"])
        .await
        .context(Refused)?;
    if needs_stack(&arguments.only) {
        if !arguments.running {
            stack::clear(arguments.replace).await.context(Refused)?;
            bring_up().await?;
        }
        let made = Instant::now();
        keys::prepare().await?;
        say("keys", made, "stage and prod want keys, and take new ones");
    }

    if arguments.only == ["timings"] {
        let began = Instant::now();
        say("timings", began, &delivery::timings::check().await?);
        return Ok(1);
    }
    let mut passed = 0;
    let outage = Duration::from_secs(arguments.outage);
    for name in [
        "builds",
        "bootstrap",
        "serving",
        "confinement",
        "isolation",
        "policies",
        "platform",
        "secrecy",
        "rotation",
        "delivery",
        "repair",
        "outage",
        "recovery",
        "data",
        "secrecy",
        "newcomer",
    ] {
        if !arguments.only.is_empty() && !arguments.only.iter().any(|only| only == name) {
            continue;
        }
        let began = Instant::now();
        let said = match name {
            "builds" => delivery::builds::check().await,
            "bootstrap" => bootstrap::check().await,
            "serving" => serving::check().await,
            "confinement" => confinement::check().await,
            "isolation" => isolation::check().await,
            "policies" => policies::check().await,
            "platform" => platform::check().await,
            "rotation" => rotation::check().await,
            "delivery" => delivery::check(arguments.stride).await,
            "repair" => delivery::repair::check().await,
            "outage" => outage::check(outage).await,
            "recovery" => recovery::check().await,
            "data" => data::check().await,
            "newcomer" if arguments.running => continue,
            "newcomer" => newcomer::check().await,
            // Before anything has gone wrong, and after everything has.
            _ => secrecy::check().await,
        };
        say(name, began, &said.with_context(|| format!("check {name}"))?);
        passed += 1;
    }
    anyhow::ensure!(passed > 0, "no check has such a name: {:?}", arguments.only);
    Ok(passed)
}

/// By the printed commands; what they bring up stays for the checks.
async fn bring_up() -> Result<()> {
    let began = Instant::now();
    let said = reference::check().await.context("check reference")?;
    say("reference", began, &said);
    Ok(())
}

fn say(name: &str, began: Instant, what: &str) {
    println!("{name:<12} ok {:>4} s  {what}", began.elapsed().as_secs());
}

/// Of a line of a log.
const SHOWN_CHARACTERS: usize = 300;

/// What a reader of a failure asks for first.
async fn show_what_runs() {
    let containers = engine::run("docker", ["ps", "--all"], b"").await;
    eprintln!(
        "{}",
        containers.map(|output| output.text()).unwrap_or_default()
    );
    for container in stack::containers().await.unwrap_or_default() {
        let log = engine::run("docker", ["logs", "--tail", "8", &container], b"").await;
        eprintln!("--- {container}");
        for line in
            String::from_utf8_lossy(&log.map(|output| output.all()).unwrap_or_default()).lines()
        {
            eprintln!(
                "{}",
                line.chars().take(SHOWN_CHARACTERS).collect::<String>()
            );
        }
    }
}
