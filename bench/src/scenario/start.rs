//! How long it takes from nothing to the first answer, on the embedded database.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    http,
    report::{Comparison, Scenario, Target, Unit},
    session::Session,
};

pub(super) const ABOUT: &str = "\
The all-in-one binary in a new folder, from its start until GET /stocks answers 200 with the ten stocks: its tables are \
made and filled meanwhile. Ten starts.";

const STARTS: usize = 10;
const DEADLINE: Duration = Duration::from_secs(30);

pub(super) fn run(session: &Session, scenario: &mut Scenario) -> Result<()> {
    let program = session.program("stocks");
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let folder = tempfile::tempdir_in(session.surroundings.folder.path())?;
        let taken = time_of_start(&program, folder.path())?;
        times.push(taken.as_secs_f64() * 1e3);
    }
    scenario.comparisons = vec![Comparison::of(
        "start",
        "start to the first 200, on a new SQLite database",
        Unit::Milliseconds,
        Target::AtMost(50.0),
        &times,
    )];
    Ok(())
}

fn time_of_start(program: &Path, folder: &Path) -> Result<Duration> {
    let (catalogue, trading) = free_addresses()?;
    let data = folder.to_str().context("a folder whose name is text")?;
    let ports = (catalogue.port().to_string(), trading.port().to_string());
    let environment = [
        ("STOCK_LISTING_PORT", ports.0.as_str()),
        ("TRADE_PORT", ports.1.as_str()),
        ("DATA_DIR", data),
    ];
    // testkit's, for it stands behind no guard that would have to start first. It ends with this function.
    let began = Instant::now();
    let service = testkit::Service::spawn(program, &[], &environment);
    let taken = http::first_ok(catalogue, "/stocks", began, DEADLINE);
    taken.with_context(|| service.log())
}

/// Both are held at the same time, so that they differ.
fn free_addresses() -> Result<(SocketAddr, SocketAddr)> {
    let any = (Ipv4Addr::LOCALHOST, 0);
    let (one, other) = (TcpListener::bind(any)?, TcpListener::bind(any)?);
    Ok((one.local_addr()?, other.local_addr()?))
}
