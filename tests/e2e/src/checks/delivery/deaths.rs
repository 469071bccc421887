//! A call that dies, or is told to stop, at each of its steps.

use anyhow::{Context as _, Result, ensure};

use super::workshop::{DONE, ROLLED_BACK, UNCHANGED, Workshop};
use crate::load::Load;
use crate::stack::DEV;

/// A kill after steps of a deployment and of a rollback, and a wish to stop after them: the services answer all the time, and the
/// next call succeeds. Of the steps one in `stride` is taken, and a rollback takes others than a deployment.
pub(super) async fn check(
    workshop: &Workshop,
    one: &str,
    two: &str,
    stride: usize,
) -> Result<usize> {
    let load = Load::start(DEV, "deaths");
    let mut serving = two;
    let other = |serving: &str| if serving == one { two } else { one };
    let mut deaths = 0;
    for (first, verb) in ["deploy", "rollback"].into_iter().enumerate() {
        let steps = workshop.plan(&[verb, "dev", other(serving)]).await?.len();
        ensure!(steps > 8, "{steps} steps");
        for step in (first % stride..=steps).step_by(stride) {
            let died = || format!("{verb}, killed after step {step} of {steps}");
            let call = [verb, "dev", other(serving)];
            workshop.interrupt(&call, step, "KILL").await?;
            // A lease would keep the next call away for a minute.
            workshop
                .run(&["lock", "break", "dev", "--yes"])
                .await
                .with_context(died)?;
            // On with it, or back.
            let next = if deaths % 2 == 0 { call[2] } else { serving };
            let verb = if deaths % 3 == 0 {
                "rollback"
            } else {
                "deploy"
            };
            let made_good = workshop.expect(&[verb, "dev", next], DONE).await;
            made_good.with_context(died)?;
            workshop.assert_serves(next).await.with_context(died)?;
            serving = next;
            deaths += 1;
        }
    }
    let steps = workshop
        .plan(&["deploy", "dev", other(serving)])
        .await?
        .len();
    for step in (0..=steps).step_by(stride) {
        let stopped = || format!("told to stop after step {step} of {steps}");
        let call = ["deploy", "dev", other(serving)];
        serving = match workshop.interrupt(&call, step, "TERM").await? {
            Some(DONE) => call[2],
            Some(UNCHANGED | ROLLED_BACK) => serving,
            code => anyhow::bail!("{}: it ended with {code:?}", stopped()),
        };
        workshop
            .assert_serves(serving)
            .await
            .with_context(stopped)?;
        deaths += 1;
    }
    load.end().await?.none_failed()?;
    Ok(deaths)
}
