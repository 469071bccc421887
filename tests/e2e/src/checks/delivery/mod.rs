//! Releases come and go under load without a failed request; what may not run is refused; a call that dies is made good.

mod approvals;
pub(crate) mod builds;
mod deaths;
mod fixture;
mod pipeline;
mod record;
mod refusals;
pub(crate) mod repair;
pub(crate) mod timings;
mod workshop;

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use self::workshop::{DONE, ROLLED_BACK, Workshop};
use crate::load::Load;
use crate::stack::DEV;

pub(crate) async fn check(stride: usize) -> Result<String> {
    let workshop = Workshop::new().await?;
    let [one, two] = [
        workshop.release("1", "LABEL release=1").await?,
        workshop.release("2", "LABEL release=2").await?,
    ];
    let broken = workshop.broken_release().await?;

    let load = Load::start(DEV, "delivery");
    load.progress(100).await?;
    let mut took = Vec::new();
    let changes: [&[&str]; 6] = [
        &["deploy", "dev", &one],
        &["deploy", "dev", &two],
        &["rollback", "dev"],
        &["rollback", "dev", &two],
        &["deploy", "dev", &one, "--replicas", "3"],
        // As many as serve now.
        &["deploy", "dev", &two],
    ];
    for change in changes {
        let planned = workshop.plan(change).await?;
        let began = Instant::now();
        let said = workshop.expect(change, DONE).await?;
        took.push(format!(
            "{} {:.1} s",
            change[0],
            began.elapsed().as_secs_f64()
        ));
        ensure!(done(&said) == planned, "{planned:#?} was planned: {said}");
        load.progress(200).await?;
        load.none_failed_yet()
            .await
            .with_context(|| change.join(" "))?;
    }
    workshop.assert_serves_in(DEV, &two, 3).await?;
    let fewer = ["deploy", "dev", &two, "--replicas", "1"];
    workshop.expect(&fewer, DONE).await?;
    load.progress(200).await?;
    load.none_failed_yet().await.context("fewer replicas")?;
    let failing = ["deploy", "dev", &broken];
    let refused = workshop.expect(&failing, ROLLED_BACK).await?;
    ensure!(refused.contains("smoke-test"), "{refused}");
    // Its container is gone by then; and what was wrong is told once.
    ensure!(refused.contains("the last lines of its log:"), "{refused}");
    let reason = "GET /health was not answered";
    ensure!(refused.matches(reason).count() == 1, "{refused}");
    workshop.assert_serves(&two).await?;
    load.progress(200).await?;
    let requests = load.end().await?.none_failed()?;

    let began = Instant::now();
    let mut parts = Vec::new();
    let mut part = |name: &str| parts.push(format!("{name} until {} s", began.elapsed().as_secs()));
    let pipeline = pipeline::check(&workshop).await?;
    part("pipeline");
    let unapproved = approvals::check(&workshop, &pipeline.tag).await?;
    part("approvals");
    workshop.expect(&["deploy", "dev", &two], DONE).await?;
    let refusals = refusals::check(&workshop, &two).await?;
    part("refusals");
    let deaths = deaths::check(&workshop, &one, &two, stride).await?;
    part("deaths");
    record::check_ledger(&workshop).await?;
    record::check_by_hand(&workshop, &one).await?;
    record::check_from_nothing(&workshop, &one).await?;
    Ok(format!(
        "{}, back to one replica, and one that failed its smoke test: 0 of {requests} requests failed; {}; \
         {unapproved} ways of an unapproved release into prod and {refusals} others refused; {deaths} calls killed or stopped, each made good ({})",
        took.join(", "),
        pipeline.told,
        parts.join(", ")
    ))
}

/// The steps that were done, as a plan names them.
fn done(said: &str) -> Vec<String> {
    let lines = said
        .lines()
        .filter_map(|line| line.trim().strip_prefix("✓ "));
    let step = |line: &str| line.rsplit_once("  ").map(|(step, _)| step.to_owned());
    lines.filter_map(step).collect()
}
