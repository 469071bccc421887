//! What a run found out, and how it is written down.

pub(crate) mod environment;
#[cfg(test)]
mod fixture;
pub(crate) mod markdown;
pub(crate) mod readme;
pub(crate) mod stats;
pub(crate) mod svg;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;

use self::{
    environment::Environment,
    stats::{Spread, ratios},
};
use crate::{
    contender::{Measured, Run},
    drive::Percentiles,
};

/// A whole run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) environment: Environment,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    pub(crate) is_quick: bool,
    pub(crate) scenarios: Vec<Scenario>,
}

/// What one scenario found out.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// What was done, in a sentence or two.
    pub(crate) about: String,
    pub(crate) contenders: Vec<Summary>,
    pub(crate) comparisons: Vec<Comparison>,
    pub(crate) open_loops: Vec<OpenLoop>,
    /// Who could not be measured, and why.
    pub(crate) missing: Vec<String>,
    /// Why it ended early.
    pub(crate) error: Option<String>,
}

/// All rounds of a contender.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) name: String,
    pub(crate) rate: Spread,
    /// In milliseconds.
    pub(crate) p50: Spread,
    pub(crate) p99: Spread,
    pub(crate) p999: Spread,
    /// Medians of the processor time in microseconds an operation, by who used it.
    pub(crate) cpu: BTreeMap<String, f64>,
}

/// A question with a number for an answer.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Comparison {
    /// For machines: `orders/pgbench`.
    pub(crate) name: String,
    pub(crate) what: String,
    pub(crate) unit: Unit,
    /// None when it could not be measured.
    pub(crate) value: Option<Spread>,
    pub(crate) target: Target,
    pub(crate) verdict: Verdict,
    pub(crate) ours: Option<Summary>,
    pub(crate) theirs: Option<Summary>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    Ratio,
    Megabytes,
    Milliseconds,
    /// Of all, from 0 to 1.
    Share,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Met,
    Missed,
    NotMeasured,
}

/// Latency when requests come at a fixed rate, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OpenLoop {
    pub(crate) what: String,
    /// Requests a second.
    pub(crate) rate: Spread,
    pub(crate) p50: Spread,
    pub(crate) p99: Spread,
    pub(crate) p999: Spread,
}

impl Target {
    fn verdict(self, value: Option<Spread>) -> Verdict {
        let Some(Spread { median, .. }) = value else {
            return Verdict::NotMeasured;
        };
        let is_met = match self {
            Self::AtLeast(least) => median >= least,
            Self::AtMost(most) => median <= most,
        };
        if is_met {
            Verdict::Met
        } else {
            Verdict::Missed
        }
    }

    /// How far a value is beyond the target: 1 just meets it, more is better.
    pub(crate) fn margin(self, value: f64) -> f64 {
        match self {
            Self::AtLeast(least) => value / least,
            Self::AtMost(most) => most / value,
        }
    }
}

impl Comparison {
    /// A number by itself; none was measured when there are no values.
    pub(crate) fn of(name: &str, what: &str, unit: Unit, target: Target, values: &[f64]) -> Self {
        let value = Spread::of(values);
        Self {
            name: name.to_owned(),
            what: what.to_owned(),
            unit,
            value,
            target,
            verdict: target.verdict(value),
            ours: None,
            theirs: None,
        }
    }

    /// The rate of one contender by that of another, round by round; not measured when one of them is missing.
    pub(crate) fn of_rates(
        name: &str,
        what: &str,
        target: Target,
        measured: &[Measured],
        (ours, theirs): (&str, &str),
    ) -> Self {
        let rates = |name: &str| -> Vec<f64> {
            let found = measured.iter().find(|measured| measured.name == name);
            let runs = found.map(|measured| measured.runs.as_slice());
            runs.unwrap_or_default()
                .iter()
                .map(|run| run.rate)
                .collect()
        };
        let values = ratios(&rates(ours), &rates(theirs));
        let summary = |name: &str| {
            let found = measured.iter().find(|measured| measured.name == name);
            found.and_then(Summary::of)
        };
        Self {
            ours: summary(ours),
            theirs: summary(theirs),
            ..Self::of(name, what, Unit::Ratio, target, &values)
        }
    }
}

impl Summary {
    /// None when nothing was measured.
    pub(crate) fn of(measured: &Measured) -> Option<Self> {
        let runs = measured.runs.as_slice();
        let rates: Vec<f64> = runs.iter().map(|run| run.rate).collect();
        let mut by_user: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (user, microseconds) in runs.iter().flat_map(|run| &run.cpu) {
            by_user.entry(user).or_default().push(*microseconds);
        }
        let cpu = by_user
            .into_iter()
            .filter_map(|(user, values)| Some((user.to_owned(), Spread::of(&values)?.median)));
        Some(Self {
            name: measured.name.clone(),
            rate: Spread::of(&rates)?,
            p50: milliseconds(runs, |latency| latency.p50)?,
            p99: milliseconds(runs, |latency| latency.p99)?,
            p999: milliseconds(runs, |latency| latency.p999)?,
            cpu: cpu.collect(),
        })
    }
}

impl OpenLoop {
    /// None when nothing was measured.
    pub(crate) fn of(what: &str, runs: &[Run]) -> Option<Self> {
        let rates: Vec<f64> = runs.iter().map(|run| run.rate).collect();
        Some(Self {
            what: what.to_owned(),
            rate: Spread::of(&rates)?,
            p50: milliseconds(runs, |latency| latency.p50)?,
            p99: milliseconds(runs, |latency| latency.p99)?,
            p999: milliseconds(runs, |latency| latency.p999)?,
        })
    }
}

fn milliseconds(runs: &[Run], percentile: impl Fn(&Percentiles) -> u32) -> Option<Spread> {
    let values: Vec<f64> = runs
        .iter()
        .map(|run| f64::from(percentile(&run.latency)) / 1e3)
        .collect();
    Spread::of(&values)
}

impl Report {
    /// Whether every target that was measured is met and every scenario came to its end.
    pub(crate) fn is_good(&self) -> bool {
        self.scenarios.iter().all(|scenario| {
            scenario.error.is_none()
                && scenario
                    .comparisons
                    .iter()
                    .all(|comparison| comparison.verdict != Verdict::Missed)
        })
    }

    pub(crate) fn comparisons(&self) -> impl Iterator<Item = &Comparison> {
        self.scenarios
            .iter()
            .flat_map(|scenario| &scenario.comparisons)
    }

    /// Writes `results.md`, `results.json` and `results.svg`.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(self)? + "\n";
        let files = [
            ("results.md", markdown::page(self)),
            ("results.json", json),
            ("results.svg", svg::chart(self)),
        ];
        for (name, text) in files {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{fixture::report, *};

    #[test]
    fn a_target_is_met_by_the_median() {
        let verdicts: Vec<Verdict> = report()
            .comparisons()
            .map(|comparison| comparison.verdict)
            .collect();
        assert_eq!(
            verdicts,
            [Verdict::Met, Verdict::NotMeasured, Verdict::Missed]
        );
    }

    #[test]
    fn a_run_is_good_when_nothing_is_missed_and_nothing_failed() {
        let mut report = report();
        assert!(!report.is_good());
        report.scenarios[1].comparisons.clear();
        assert!(!report.is_good(), "a scenario failed");
        report.scenarios[1].error = None;
        assert!(report.is_good());
    }

    #[test]
    fn a_margin_of_more_than_one_is_beyond_the_target() {
        assert!(Target::AtLeast(3.0).margin(4.5) > 1.0);
        assert!(Target::AtMost(50.0).margin(40.0) > 1.0);
        assert!(Target::AtMost(50.0).margin(60.0) < 1.0);
    }
}
