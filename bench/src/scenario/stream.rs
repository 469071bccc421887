//! Many clients of the stream of prices: what they cost in memory, and whether each of them comes to the last prices.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::value::RawValue;
use testkit::open_files;

use crate::{
    contender::{Target as Driven, outcome, process::Program, service},
    cpu,
    drive::{Load, listen::Heard},
    http,
    report::{Comparison, Scenario, Target, Unit},
    session::Session,
};

pub(super) const ABOUT: &str = "\
10,000 clients of GET /stream, each in its own connection, while a hundred prices a second change for 20 s; one round. \
Afterwards each client must have the last price of every stock. Memory is the most that stock-listing was resident in.";

const CLIENTS: usize = 10_000;
const FED: Duration = Duration::from_secs(20);
const QUICK_CLIENTS: usize = 500;
const QUICK_FED: Duration = Duration::from_secs(3);
/// Prices a second.
const TICKS: f64 = 100.0;
/// More than wait for a commit at a time, so that a slow disk does not slow the feed.
const FEEDERS: usize = 64;
/// Files that a process has open beside its clients.
const OTHER_FILES: usize = 200;
const LIMIT: Duration = Duration::from_mins(5);
const MEGABYTE: f64 = 1e6;

pub(super) fn run(session: &Session, scenario: &mut Scenario) -> Result<()> {
    let (clients, duration) = if session.effort.is_quick {
        (QUICK_CLIENTS, QUICK_FED)
    } else {
        (CLIENTS, FED)
    };
    let files = open_files();
    ensure!(
        files >= clients + OTHER_FILES,
        "{clients} clients need as many open files, and {files} are allowed: raise it with ulimit -Hn"
    );
    let listing = service::Service::stock_listing(session, &session.postgres.database())?;
    let bench = std::env::current_exe()?;
    let (mut crowd, mut input, output) =
        Program::limited(&session.surroundings, "listen", &bench, LIMIT)?
            .arguments(["listen", "--address", &listing.address.to_string()])
            .arguments(["--clients", &clients.to_string()])
            .converse()?;
    let mut lines = BufReader::new(output).lines();
    let mut hear = || -> Result<String> {
        if let Some(line) = lines.next() {
            return Ok(line?);
        }
        crowd.wait()?;
        bail!("the clients have ended: {}", crowd.log())
    };
    ensure!(hear()? == "ready", "the clients are not ready");
    eprintln!("  {clients} clients are connected");

    let mut plan = Driven {
        address: listing.address,
        load: Load::Quotes,
        server: ("stock-listing", listing.id),
    }
    .plan(session);
    plan.connections = FEEDERS;
    plan.rate = Some(TICKS);
    plan.measured = duration;
    let feed = outcome(session, &plan)?;
    ensure!(
        feed.failures.is_empty(),
        "the feed went wrong: {:?}",
        feed.failures
    );

    let last = last_prices(listing.address)?;
    writeln!(input, "{}", serde_json::to_string(&last)?)?;
    let heard: Heard = serde_json::from_str(&hear()?)?;
    let memory = cpu::peak_memory(listing.id)? as f64 / MEGABYTE;
    eprintln!("  {heard:?}, {memory:.0} MB");

    scenario.about = format!(
        "{ABOUT} {} clients were told {} prices; the last of them had the last prices {:.2} s after the feed had ended, and {} \
         lost their connection. A change of a price took {:.1} ms (p50), {:.1} ms (p99).",
        heard.clients,
        heard.events,
        heard.settled,
        heard.lost,
        f64::from(feed.latency.p50) / 1e3,
        f64::from(feed.latency.p99) / 1e3,
    );
    let share = heard.complete as f64 / heard.clients as f64;
    scenario.comparisons = vec![
        Comparison::of(
            "stream/memory",
            "memory of stock-listing with 10,000 clients of /stream",
            Unit::Megabytes,
            Target::AtMost(300.0),
            &[memory],
        ),
        Comparison::of(
            "stream/complete",
            "clients that have every last price",
            Unit::Share,
            Target::AtLeast(1.0),
            &[share],
        ),
    ];
    Ok(())
}

/// A stock with the digits of its price, as they were sent.
#[derive(Deserialize)]
struct Stock<'a> {
    symbol: String,
    #[serde(borrow)]
    current_price: &'a RawValue,
}

fn last_prices(address: SocketAddr) -> Result<BTreeMap<String, String>> {
    let body = http::get_ok(address, "/stocks")?;
    let stocks: Vec<Stock<'_>> = serde_json::from_slice(&body).context("GET /stocks")?;
    let price = |stock: Stock<'_>| (stock.symbol, stock.current_price.get().to_owned());
    Ok(stocks.into_iter().map(price).collect())
}
