//! The load driver: `bench drive`, a process of its own with one thread, so that what it costs can be told apart.
//!
//! Closed loop: each connection asks again as soon as it has its answer; that finds the most a service can do. Open
//! loop: requests are due at fixed times, whether or not the ones before were answered, and latency counts from when
//! one was due; that shows what users wait for.

mod connection;
mod latency;
pub(crate) mod listen;
mod load;
pub(crate) mod response;
mod run;

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use anyhow::Result;
use serde::{Deserialize, Serialize};

pub(crate) use self::{
    latency::{Latencies, Percentiles},
    load::{Load, SYMBOLS, symbol},
};

/// What the driver is to do.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    /// Before the measuring: not counted.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
    /// Requests a second that are due; closed loop without it.
    pub(crate) rate: Option<f64>,
    pub(crate) load: Load,
    /// Requests that may fail, or be lost with their connection.
    pub(crate) may_fail: u64,
    /// Processes, by name, whose processor time is told too, with that of their children.
    pub(crate) watched: Vec<(String, u32)>,
}

/// What came of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Outcome {
    /// Answered within the time that was measured.
    pub(crate) answered: usize,
    pub(crate) seconds: f64,
    pub(crate) latency: Percentiles,
    /// Answers by status, the expected ones too.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// How often it went wrong, by what did: unexpected statuses, requests without an answer.
    pub(crate) failures: BTreeMap<String, u64>,
    /// Processor time in seconds, by process; the driver's own is `driver`.
    pub(crate) cpu: BTreeMap<String, f64>,
}

/// `bench drive`: does what the plan, in JSON, says, and prints the outcome in JSON.
pub(crate) fn main(plan: &str) -> Result<()> {
    let outcome = run::run(&serde_json::from_str(plan)?)?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}
