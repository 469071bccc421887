//! `bench soak`: two replicas of trade on one database, and users who buy and sell the same stocks through both for
//! minutes. Then nothing may have gone wrong: no deadlock, no error of the database, every position the sum of its
//! trades.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    cli::{self, Soak},
    contender::{Target, outcome, service::Service},
    cpu,
    drive::{Load, Outcome, Plan},
    session::{Effort, Session, Surroundings},
};

const USERS: u32 = 1_000;
const SAMPLES_EVERY: Duration = Duration::from_secs(5);
/// Until then a service fills its pools and caches.
const WARM_UP: Duration = Duration::from_secs(30);
const MEGABYTE: f64 = 1e6;
/// Words in the log of the database that must not be there.
const TROUBLE: [&str; 4] = ["deadlock detected", "ERROR:", "FATAL:", "PANIC:"];
/// Of them, in a message.
const LINES_SHOWN: usize = 10;

/// Every position is the sum of its user's buys less the sells, and none is missing.
const BROKEN_POSITIONS: &str = "
    with sums as (
        select
            user_id,
            symbol,
            sum(case side when 'buy' then quantity else -quantity end) as quantity
        from trades
        group by user_id, symbol
    )
    select count(*)::text
    from sums
    full join portfolio using (user_id, symbol)
    where coalesce(sums.quantity, 0) <> coalesce(portfolio.quantity, 0)
";

/// Whether all checks pass.
pub(crate) fn run(surroundings: Surroundings, arguments: &Soak) -> Result<bool> {
    let effort = Effort {
        rounds: 1,
        warm_up: cli::WARM_UP,
        measured: arguments.duration(),
        is_quick: false,
    };
    let session = Session::start(surroundings, effort, "".into())?;
    let database = session.postgres.database();
    let mut replicas = [
        Service::trade(&session, &database)?,
        Service::trade(&session, &database)?,
    ];
    let plans = replicas
        .each_ref()
        .map(|replica| plan(&session, replica, f64::from(arguments.rate) / 2.0));
    println!(
        "{} orders a second of {USERS} users to two replicas for {:?}",
        arguments.rate,
        arguments.duration()
    );
    // Whatever came before, such as a start, is none of the orders' doing.
    let logged = session.postgres.log().len();
    let processes = replicas.each_ref().map(|replica| replica.id);
    let (outcomes, memory) = load(&session, &plans, processes)?;

    let mut checks = Checks::default();
    for (outcome, replica) in outcomes.iter().zip(&mut replicas) {
        println!(
            "answers by status: {:?}; p50 {:.1} ms, p99 {:.1} ms",
            outcome.statuses,
            f64::from(outcome.latency.p50) / 1e3,
            f64::from(outcome.latency.p99) / 1e3
        );
        checks.expect(
            outcome.failures.is_empty(),
            &format!(
                "every order is executed, or refused for want of shares: {:?}",
                outcome.failures
            ),
        );
        checks.expect(
            replica.ensure_running().is_ok(),
            "the replica is still there",
        );
    }
    let log = session.postgres.log();
    let lines: Vec<&str> = log
        .get(logged..)
        .unwrap_or(&log)
        .lines()
        .filter(|line| TROUBLE.iter().any(|word| line.contains(word)))
        .collect();
    checks.expect(
        lines.is_empty(),
        &format!(
            "the log of PostgreSQL has no error: {} lines {:?}",
            lines.len(),
            &lines[..lines.len().min(LINES_SHOWN)]
        ),
    );
    let broken = session.postgres.text(&database, BROKEN_POSITIONS)?;
    checks.expect(
        broken == "0",
        &format!("every position is the sum of its trades: {broken} are not"),
    );
    let trades = "select count(*)::text from trades";
    println!("trades: {}", session.postgres.text(&database, trades)?);
    for (index, samples) in memory.iter().enumerate() {
        println!("memory of replica {}: {}", index + 1, Memory::of(samples));
    }
    Ok(checks.are_good)
}

fn plan(session: &Session, replica: &Service, rate: f64) -> Plan {
    let target = Target {
        address: replica.address,
        load: Load::Orders {
            users: USERS,
            is_keyed: false,
            has_sells: true,
        },
        server: ("trade", replica.id),
    };
    Plan {
        rate: Some(rate),
        ..target.plan(session)
    }
}

/// A moment and the memory of a process in it, in seconds and megabytes.
type Sample = (f64, f64);

/// Drives both replicas at once; samples the memory of each meanwhile.
fn load(
    session: &Session,
    plans: &[Plan; 2],
    processes: [u32; 2],
) -> Result<(Vec<Outcome>, [Vec<Sample>; 2])> {
    let began = Instant::now();
    let mut memory = [Vec::new(), Vec::new()];
    thread::scope(|scope| {
        let (ended, ends) = mpsc::channel();
        let drivers = plans.each_ref().map(|plan| {
            let ended = ended.clone();
            scope.spawn(move || {
                let outcome = outcome(session, plan);
                // The other side waits until both have ended.
                let _ = ended.send(());
                outcome
            })
        });
        let mut running = drivers.len();
        while running > 0 {
            if ends.recv_timeout(SAMPLES_EVERY).is_ok() {
                running -= 1;
                continue;
            }
            for (samples, process) in memory.iter_mut().zip(processes) {
                let megabytes = cpu::memory(process)? as f64 / MEGABYTE;
                samples.push((began.elapsed().as_secs_f64(), megabytes));
            }
        }
        let outcomes: Result<Vec<Outcome>> = drivers
            .into_iter()
            .map(|driver| driver.join().ok().context("a driver panicked")?)
            .collect();
        Ok((outcomes?, memory))
    })
}

#[derive(Debug)]
struct Checks {
    are_good: bool,
}

impl Default for Checks {
    fn default() -> Self {
        Self { are_good: true }
    }
}

impl Checks {
    fn expect(&mut self, holds: bool, what: &str) {
        println!("{} {what}", if holds { "ok    " } else { "BROKEN" });
        self.are_good &= holds;
    }
}

/// How the memory of a process went, once it was warm.
#[derive(Debug, PartialEq)]
struct Memory {
    first: f64,
    last: f64,
    peak: f64,
    /// Megabytes a minute, by least squares.
    slope: f64,
}

impl Memory {
    fn of(samples: &[Sample]) -> Self {
        let warm: Vec<Sample> = samples
            .iter()
            .copied()
            .filter(|(at, _)| *at >= WARM_UP.as_secs_f64())
            .collect();
        let warm = if warm.is_empty() { samples } else { &warm };
        let count = warm.len().max(1) as f64;
        let mean_time = warm.iter().map(|(at, _)| at).sum::<f64>() / count;
        let mean = warm.iter().map(|(_, megabytes)| megabytes).sum::<f64>() / count;
        let mut together = 0.0;
        let mut apart = 0.0;
        for (at, megabytes) in warm {
            together += (at - mean_time) * (megabytes - mean);
            apart += (at - mean_time).powi(2);
        }
        let megabytes = |sample: Option<&Sample>| sample.map_or(0.0, |(_, megabytes)| *megabytes);
        Self {
            first: megabytes(warm.first()),
            last: megabytes(warm.last()),
            peak: warm
                .iter()
                .map(|(_, megabytes)| *megabytes)
                .fold(0.0, f64::max),
            slope: if apart > 0.0 {
                together / apart * 60.0
            } else {
                0.0
            },
        }
    }
}

impl std::fmt::Display for Memory {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            first,
            last,
            peak,
            slope,
        } = self;
        write!(
            formatter,
            "first {first:.1} MB, last {last:.1} MB, peak {peak:.1} MB, {slope:+.2} MB a minute"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_that_of_the_warm_samples() {
        let samples = [(5.0, 1.0), (30.0, 10.0), (60.0, 12.0), (90.0, 14.0)];
        let memory = Memory::of(&samples);
        assert!((memory.slope - 4.0).abs() < 1e-9, "{memory}");
        assert_eq!((memory.first, memory.last, memory.peak), (10.0, 14.0, 14.0));
    }

    #[test]
    fn a_short_run_has_no_slope() {
        assert_eq!(
            Memory::of(&[(5.0, 7.0)]).to_string(),
            "first 7.0 MB, last 7.0 MB, peak 7.0 MB, +0.00 MB a minute"
        );
    }
}
