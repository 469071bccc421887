//! A small report, for the tests of those who write it down.

use std::collections::BTreeMap;

use super::{Comparison, Environment, Report, Scenario, Summary, Target, Unit};
use crate::{
    contender::{Measured, Run},
    drive::Percentiles,
};

/// Two scenarios: one with a target met and one missed, one that failed.
pub(super) fn report() -> Report {
    let measured = [("trade", 30_000.0), ("pgbench", 6_000.0)].map(|(name, rate)| Measured {
        name: name.to_owned(),
        runs: [1.0, 1.1, 0.9].map(|factor| run(rate * factor)).into(),
    });
    let orders = Scenario {
        name: "orders".to_owned(),
        about: "Durable orders over HTTP.".to_owned(),
        contenders: measured.iter().filter_map(Summary::of).collect(),
        comparisons: vec![
            Comparison::of_rates(
                "orders/pgbench",
                "orders/s: trade / pgbench",
                Target::AtLeast(3.0),
                &measured,
                ("trade", "pgbench"),
            ),
            Comparison::of_rates(
                "orders/peer",
                "orders/s: trade / FastAPI",
                Target::AtLeast(60.0),
                &measured,
                ("trade", "FastAPI"),
            ),
        ],
        missing: vec!["the FastAPI peer is missing".to_owned()],
        ..Scenario::default()
    };
    let start = Scenario {
        name: "start".to_owned(),
        comparisons: vec![Comparison::of(
            "start",
            "start to the first answer",
            Unit::Milliseconds,
            Target::AtMost(50.0),
            &[60.0, 61.0, 55.5],
        )],
        error: Some("a port is taken".to_owned()),
        ..Scenario::default()
    };
    Report {
        environment: Environment::example(),
        rounds: 3,
        seconds: 5.0,
        is_quick: false,
        scenarios: vec![orders, start],
    }
}

fn run(rate: f64) -> Run {
    Run {
        rate,
        latency: Percentiles {
            p50: 1_500,
            p99: 4_200,
            p999: 9_000,
            max: 12_000,
        },
        cpu: BTreeMap::from([("driver".to_owned(), 8.25)]),
    }
}
