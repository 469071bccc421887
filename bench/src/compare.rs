//! Runs the scenarios and writes down what they found out.

use std::path::PathBuf;

use anyhow::Result;

use crate::{
    cli::Compare,
    report::{Report, environment::Environment, markdown, readme},
    scenario,
    session::{Session, Surroundings, repository},
};

/// Whether every target is met and every scenario came to its end.
pub(crate) fn run(surroundings: Surroundings, arguments: &Compare) -> Result<bool> {
    let out = std::path::absolute(&arguments.out)?;
    let peer: PathBuf = std::path::absolute(&arguments.peer)?;
    let session = Session::start(surroundings, arguments.effort(), peer)?;
    let mut report = Report {
        environment: Environment::of(&session)?,
        rounds: session.effort.rounds,
        seconds: session.effort.measured.as_secs_f64(),
        is_quick: session.effort.is_quick,
        scenarios: Vec::new(),
    };
    let is_wanted = |name: &str| {
        arguments.only.is_empty() || arguments.only.iter().any(|wanted| wanted == name)
    };
    for entry in scenario::ALL.iter().filter(|entry| is_wanted(entry.name)) {
        eprintln!("{}", entry.name);
        let scenario = entry.run(&session);
        for trouble in scenario.missing.iter().chain(&scenario.error) {
            eprintln!("  {trouble}");
        }
        report.scenarios.push(scenario);
        // What was found is kept even when a later scenario takes the bench down.
        report.write(&out)?;
    }
    println!("{}", markdown::page(&report));
    if arguments.readme {
        readme::rewrite(&repository().join("README.md"), &report)?;
    }
    Ok(report.is_good())
}
