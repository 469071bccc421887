//! What users wait for when requests come as they please, at 70 % of what the service can do.

use anyhow::{Context, Result};

use super::orders::USERS;
use crate::{
    contender::{
        Contender, Measured, Run, Target as Driven, alternate, drive, postgres::Fill, service,
    },
    drive::{Load, Plan},
    report::{OpenLoop, Scenario},
    session::Session,
};

pub(super) const ABOUT: &str = "\
Open loop: requests are due at a fixed rate, 70 % of what the closed loop reached just before, and latency counts from when \
a request was due, so that nothing is hidden by a service that is late.";

const SHARE: f64 = 0.7;
/// So many requests may be under way; more wait, and their wait counts.
const CONNECTIONS: usize = 256;
const FILL: Fill = Fill {
    users: USERS,
    positions: 10,
    trades: 1,
};

const ORDERS: &str = "orders";
const STOCKS: &str = "GET /stocks";

pub(super) fn run(session: &Session, scenario: &mut Scenario) -> Result<()> {
    let postgres = &session.postgres;
    let database = postgres.database();
    service::migrate_trade(session, &database)?;
    postgres.fill(&database, FILL)?;
    let trade = service::Service::trade(session, &database)?;
    let listing = service::Service::stock_listing(session, &postgres.database())?;
    let orders = Driven {
        address: trade.address,
        load: Load::buys(USERS),
        server: ("trade", trade.id),
    };
    let stocks = Driven {
        address: listing.address,
        load: Load::Get {
            path: "/stocks".to_owned(),
        },
        server: ("stock-listing", listing.id),
    };
    let contender = |name: &str, target: Driven| {
        let plan = target.plan(session);
        Contender::new(name, move || at_share(session, &plan))
    };
    let contenders = vec![contender(ORDERS, orders), contender(STOCKS, stocks)];
    let measured = alternate(session, contenders)?;
    for Measured { name, runs } in &measured {
        let open_loop = OpenLoop::of(name, runs).context("nothing was measured")?;
        scenario.open_loops.push(open_loop);
    }
    Ok(())
}

/// Finds the most in the closed loop, then opens it.
fn at_share(session: &Session, plan: &Plan) -> Result<Run> {
    let most = drive(session, plan, 1)?.rate;
    let open = Plan {
        rate: Some(most * SHARE),
        connections: CONNECTIONS,
        ..plan.clone()
    };
    drive(session, &open, 1)
}
