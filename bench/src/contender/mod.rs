//! Who is measured: our services, and other ways to do the same.

pub(crate) mod hello;
pub(crate) mod peer;
pub(crate) mod pgbench;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod service;

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::{
    drive::{Load, Outcome, Percentiles, Plan},
    session::Session,
};

/// Connections of every load, if nothing else is said.
pub(crate) const CONNECTIONS: usize = 64;
/// Beyond the time that the driver is told to run for.
const GRACE: Duration = Duration::from_mins(1);

/// One run of one contender.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Operations a second.
    pub(crate) rate: f64,
    pub(crate) latency: Percentiles,
    /// Processor time in microseconds an operation, by who used it.
    pub(crate) cpu: BTreeMap<String, f64>,
}

/// Somebody who is measured round by round.
pub(crate) struct Contender<'a> {
    pub(crate) name: String,
    run: Box<dyn FnMut() -> Result<Run> + 'a>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(name: &str, run: impl FnMut() -> Result<Run> + 'a) -> Self {
        Self {
            name: name.to_owned(),
            run: Box::new(run),
        }
    }

    /// Somebody who is driven over HTTP.
    pub(crate) fn driven(session: &'a Session, name: &str, target: Target) -> Self {
        let plan = target.plan(session);
        Self::new(name, move || drive(session, &plan, 1))
    }

    /// Somebody who now and then fails, or closes a connection that is in use, which is not held against them.
    pub(crate) fn careless(session: &'a Session, name: &str, target: Target) -> Self {
        let plan = Plan {
            may_fail: CONNECTIONS as u64,
            ..target.plan(session)
        };
        Self::new(name, move || drive(session, &plan, 1))
    }
}

/// Whom to drive, and how.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) load: Load,
    /// Whose processor time is of interest, beside PostgreSQL's.
    pub(crate) server: (&'static str, u32),
}

impl Target {
    /// In the closed loop, for as long as the session measures.
    pub(crate) fn plan(self, session: &Session) -> Plan {
        let (name, id) = self.server;
        Plan {
            address: self.address,
            connections: CONNECTIONS,
            warm_up: session.effort.warm_up,
            measured: session.effort.measured,
            rate: None,
            load: self.load,
            may_fail: 0,
            watched: vec![
                (name.to_owned(), id),
                ("PostgreSQL".to_owned(), session.postgres.id()),
            ],
        }
    }
}

/// What a contender did, round by round.
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) runs: Vec<Run>,
}

/// Lets the contenders take turns, so that what changes on the machine meanwhile meets all of them. Each round begins
/// with another one.
pub(crate) fn alternate(
    session: &Session,
    mut contenders: Vec<Contender<'_>>,
) -> Result<Vec<Measured>> {
    let mut measured: Vec<Measured> = contenders
        .iter()
        .map(|contender| Measured {
            name: contender.name.clone(),
            runs: Vec::new(),
        })
        .collect();
    let count = contenders.len();
    for round in 0..session.effort.rounds {
        for turn in 0..count {
            let index = (round + turn) % count;
            let contender = &mut contenders[index];
            session.postgres.checkpoint()?;
            let run = (contender.run)().with_context(|| contender.name.clone())?;
            eprintln!(
                "  round {}: {}: {:.0}/s, p99 {:.2} ms",
                round + 1,
                contender.name,
                run.rate,
                f64::from(run.latency.p99) / 1e3
            );
            measured[index].runs.push(run);
        }
    }
    Ok(measured)
}

/// Runs the load driver. A request stands for so many operations.
pub(crate) fn drive(session: &Session, plan: &Plan, operations: usize) -> Result<Run> {
    let outcome = outcome(session, plan)?;
    ensure!(
        outcome.failures.is_empty(),
        "the load went wrong: {:?}",
        outcome.failures
    );
    let answered = outcome.answered * operations;
    Ok(Run {
        rate: answered as f64 / outcome.seconds,
        latency: outcome.latency,
        cpu: pgbench::per_operation(outcome.cpu, answered),
    })
}

/// Runs the load driver, and leaves it to the caller what to think of failures.
pub(crate) fn outcome(session: &Session, plan: &Plan) -> Result<Outcome> {
    let limit = plan.warm_up + plan.measured + GRACE;
    let bench = std::env::current_exe()?;
    let printed = process::Program::limited(&session.surroundings, "drive", &bench, limit)?
        .arguments(["drive", &serde_json::to_string(plan)?])
        .output()?;
    serde_json::from_str(&printed).context("the load driver printed something else")
}
