//! PostgreSQL's own load generator: what the database can do when no service stands before it. Each transaction is
//! logged, so that its warm-up is left out and its percentiles are exact, as with our driver.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use super::{Run, process::Program};
use crate::{
    cpu::{self, Watch},
    drive::Latencies,
    session::Session,
};

/// Beyond the time that it is told to run for.
const GRACE: Duration = Duration::from_mins(1);

/// A script on a database.
pub(crate) struct Pgbench {
    database: String,
    script: PathBuf,
    pub(crate) clients: usize,
    /// Orders, prices or what it may be in a transaction.
    operations: usize,
    /// `NAME=VALUE` for the script.
    variable: String,
}

/// A line of its log: when a transaction ended and how long it took, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Logged {
    ended: u64,
    took: u64,
}

impl Pgbench {
    pub(crate) fn new(
        session: &Session,
        database: &str,
        (name, script): (&str, &str),
        variable: &str,
        operations: usize,
    ) -> Result<Self> {
        let path = session.file(&format!("{name}.sql"));
        fs::write(&path, script)?;
        Ok(Self {
            database: database.to_owned(),
            script: path,
            clients: 1,
            operations,
            variable: variable.to_owned(),
        })
    }

    /// With so many clients.
    pub(crate) fn clients(mut self, clients: usize) -> Self {
        self.clients = clients;
        self
    }

    /// With the number of clients that serves it best, each tried for a moment.
    pub(crate) fn best_of(mut self, session: &Session, counts: &[usize]) -> Result<Self> {
        let mut best = (0.0, self.clients);
        for clients in counts {
            self.clients = *clients;
            let rate = self
                .run(session, session.effort.measured.div_f64(2.0))?
                .rate;
            if rate > best.0 {
                best = (rate, *clients);
            }
        }
        self.clients = best.1;
        Ok(self)
    }

    /// Runs it for the warm-up and the time that is measured.
    pub(crate) fn run(&self, session: &Session, measured: Duration) -> Result<Run> {
        let warm_up = session.effort.warm_up;
        // It takes whole seconds alone.
        let total = (warm_up + measured).as_secs_f64().ceil() as u64;
        let log = tempfile::tempdir_in(session.surroundings.folder.path())?;
        let limit = Duration::from_secs(total) + GRACE;
        let program = session.postgres.program("pgbench");
        let pgbench = Program::limited(&session.surroundings, "pgbench", &program, limit)?
            .arguments(["--no-vacuum", "--protocol=prepared", "--jobs=1", "--log"])
            .arguments([format!("--log-prefix={}/log", log.path().display())])
            .arguments([format!("--file={}", self.script.display())])
            .arguments([format!("--client={}", self.clients)])
            .arguments([format!("--time={total}")])
            .arguments([format!("--define={}", self.variable)])
            .arguments([&self.database]);

        let watch = Watch::start(vec![("PostgreSQL".to_owned(), session.postgres.id())]);
        let own = cpu::ended_children();
        let printed = pgbench.output().context(
            "pgbench fails; it comes with PostgreSQL: apt-get install postgresql, brew install postgresql@15",
        )?;
        let mut used = watch.used();
        used.insert("driver".to_owned(), cpu::ended_children() - own);
        ensure!(
            printed.contains("number of failed transactions: 0 "),
            "transactions of pgbench failed:\n{printed}"
        );

        let transactions = read_log(log.path())?;
        let operations = transactions.len() * self.operations;
        let (counted, latencies) = within(&transactions, warm_up, measured);
        ensure!(counted > 0, "no transaction of pgbench has ended in time");
        Ok(Run {
            rate: (counted * self.operations) as f64 / measured.as_secs_f64(),
            latency: latencies.percentiles(),
            cpu: per_operation(used, operations),
        })
    }
}

/// Seconds in all, as microseconds for each.
pub(super) fn per_operation(
    used: BTreeMap<String, f64>,
    operations: usize,
) -> BTreeMap<String, f64> {
    let each = |(name, seconds)| (name, seconds * 1e6 / operations as f64);
    used.into_iter().map(each).collect()
}

fn read_log(folder: &Path) -> Result<Vec<Logged>> {
    let mut transactions = Vec::new();
    for file in fs::read_dir(folder)? {
        let text = fs::read_to_string(file?.path())?;
        for line in text.lines() {
            let logged = Logged::parse(line);
            transactions.push(logged.with_context(|| format!("pgbench logged {line:?}"))?);
        }
    }
    Ok(transactions)
}

/// How many transactions ended in the time that is measured, which begins after the warm-up, and how long they took.
fn within(transactions: &[Logged], warm_up: Duration, measured: Duration) -> (usize, Latencies) {
    let began = transactions
        .iter()
        .map(|logged| logged.ended - logged.took)
        .min()
        .unwrap_or(0);
    let start = began + warm_up.as_micros() as u64;
    let end = start + measured.as_micros() as u64;
    let mut latencies = Latencies::default();
    for logged in transactions {
        if (start..end).contains(&logged.ended) {
            latencies.record(logged.took * 1_000);
        }
    }
    (latencies.len(), latencies)
}

impl Logged {
    /// `client transaction time script epoch_seconds microseconds`.
    fn parse(line: &str) -> Option<Self> {
        let fields: Option<Vec<u64>> = line.split(' ').map(|field| field.parse().ok()).collect();
        match fields?.as_slice() {
            [_, _, took, _, seconds, microseconds, ..] => Some(Self {
                ended: seconds * 1_000_000 + microseconds,
                took: *took,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_read_from_the_log() {
        let logged = Logged::parse("0 199 2241 0 1175850568 995598");
        let expected = Logged {
            ended: 1_175_850_568_995_598,
            took: 2_241,
        };
        assert_eq!(logged, Some(expected));
        assert_eq!(Logged::parse("0 84 skipped 0 1175850569 608315"), None);
    }

    #[test]
    fn the_warm_up_and_what_is_late_are_left_out() {
        let at = |ended, took| Logged { ended, took };
        let transactions = [
            at(1_010, 10),
            at(1_999, 20),
            at(2_000, 30),
            at(2_999, 40),
            at(3_000, 50),
        ];
        let millisecond = Duration::from_millis(1);
        let (counted, latencies) = within(&transactions, millisecond, millisecond);
        assert_eq!(counted, 2);
        assert_eq!(latencies.percentiles().max, 40);
    }
}
