//! How long releases take, and what Compose alone costs: `--only timings`, for the table in the README.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::workshop::{DONE, Workshop};
use crate::load::{Load, Seen};
use crate::stack::DEV;

const ROUNDS: usize = 10;

/// Alternates deployments, rollbacks and `docker compose up`, under load.
pub(crate) async fn check() -> Result<String> {
    let workshop = Workshop::new().await?;
    let [one, two] = [
        workshop.release("1", "LABEL release=1").await?,
        workshop.release("2", "LABEL release=2").await?,
    ];
    workshop.expect(&["deploy", "dev", &one], DONE).await?;
    let mut deploys = Vec::new();
    let mut switches = Vec::new();
    let mut rollbacks = Vec::new();
    let mut ups = Vec::new();
    let mut outages = Vec::new();
    for round in 0..ROUNDS {
        let load = Load::start(DEV, &format!("timings-{round}"));
        load.progress(50).await?;
        let began = Instant::now();
        let said = workshop.expect(&["deploy", "dev", &two], DONE).await?;
        deploys.push(began.elapsed());
        switches.push(until_switched(&said)?);
        let began = Instant::now();
        workshop.expect(&["rollback", "dev"], DONE).await?;
        rollbacks.push(began.elapsed());
        load.progress(50).await?;
        load.end().await?.none_failed()?;

        let load = Load::start(DEV, &format!("compose-{round}"));
        load.progress(50).await?;
        let began = Instant::now();
        DEV.compose(&["up", "--detach", "--wait"]).await?;
        ups.push(began.elapsed());
        load.progress(50).await?;
        let seen: Seen = load.end().await?;
        outages.push(seen.longest_outage);
        workshop.expect(&["deploy", "dev", &one], DONE).await?;
    }
    Ok(format!(
        "median of {ROUNDS} (least, most): deploy {}, of which until switched {}; rollback {}; \
         docker compose up --detach --wait {}, with the services away for {}",
        spread(deploys),
        spread(switches),
        spread(rollbacks),
        spread(ups),
        spread(outages)
    ))
}

/// The steps up to the switch, by their own times.
fn until_switched(said: &str) -> Result<Duration> {
    let mut total = Duration::ZERO;
    for line in said.lines().filter(|line| line.contains('✓')) {
        let mut words = line.trim_end_matches(" s").rsplit(' ');
        total += Duration::from_secs_f64(words.next().unwrap_or_default().parse()?);
        if line.contains("switch the proxy") {
            return Ok(total);
        }
    }
    ensure!(false, "nothing was switched: {said}");
    Ok(Duration::ZERO)
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let seconds = |at: usize| times[at].as_secs_f64();
    let last = times.len() - 1;
    let median = f64::midpoint(seconds(last / 2), seconds(times.len() / 2));
    format!("{median:.1} s ({:.1}-{:.1})", seconds(0), seconds(last))
}
