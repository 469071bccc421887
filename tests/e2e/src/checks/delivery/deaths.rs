//! A call that dies, or is told to stop, at each of its steps.

use anyhow::{Context as _, Result, ensure};

use super::workshop::{DONE, ROLLED_BACK, UNCHANGED, Workshop};
use crate::load::Load;
use crate::stack::DEV;

/// A kill after each step of a deployment and of a rollback, and a wish to stop after each: the services answer all the time,
/// and the next call succeeds.
pub(super) async fn check(workshop: &Workshop, one: &str, two: &str) -> Result<usize> {
    let load = Load::start(DEV, "deaths");
    let mut deaths = 0;
    // From two to one, again and again.
    for verb in ["deploy", "rollback"] {
        let call = [verb, "dev", one];
        let steps = workshop.plan(&call).await?.len();
        ensure!(steps > 8, "{steps} steps");
        for step in 0..=steps {
            let died = || format!("{verb}, killed after step {step} of {steps}");
            workshop.interrupt(&call, step, "KILL").await?;
            // A lease would keep the next call away for a minute.
            workshop.run(&["lock", "break", "dev", "--yes"]).await?;
            let next = [
                if step % 2 == 0 { "deploy" } else { "rollback" },
                "dev",
                one,
            ];
            workshop.expect(&next, DONE).await.with_context(died)?;
            workshop.assert_serves(one).await.with_context(died)?;
            workshop.expect(&["deploy", "dev", two], DONE).await?;
            deaths += 1;
        }
    }
    let call = ["deploy", "dev", one];
    let steps = workshop.plan(&call).await?.len();
    for step in 0..=steps {
        let code = workshop.interrupt(&call, step, "TERM").await?;
        let serving = match code {
            Some(DONE) => one,
            Some(UNCHANGED | ROLLED_BACK) => two,
            other => anyhow::bail!("told to stop after step {step}, it ended with {other:?}"),
        };
        let stopped = || format!("told to stop after step {step} of {steps}");
        workshop
            .assert_serves(serving)
            .await
            .with_context(stopped)?;
        workshop
            .expect(&["deploy", "dev", two], DONE)
            .await
            .with_context(stopped)?;
        deaths += 1;
    }
    load.end().await?.none_failed()?;
    Ok(deaths)
}
