//! Durable orders a second once there is a history, beside an empty database.

use anyhow::Result;

use super::orders::USERS;
use crate::{
    contender::{Contender, Target as Driven, alternate, drive, postgres::Fill, service},
    drive::Load,
    report::{Comparison, Scenario, Summary, Target},
    session::Session,
};

pub(super) const ABOUT: &str = "\
Buys of 1,000,000 users who hold five positions of two trades each, 10,000,000 trades in all, beside buys of 10,000 users \
on a database that is new and empty in each round.";

const FILL: Fill = Fill {
    users: 1_000_000,
    positions: 5,
    trades: 2,
};
const QUICK_FILL: Fill = Fill {
    users: 20_000,
    ..FILL
};

const GROWN: &str = "trade, 10,000,000 trades stored";
const EMPTY: &str = "trade, empty database";

pub(super) fn run(session: &Session, scenario: &mut Scenario) -> Result<()> {
    let postgres = &session.postgres;
    let fill = if session.effort.is_quick {
        QUICK_FILL
    } else {
        FILL
    };
    let database = postgres.database();
    service::migrate_trade(session, &database)?;
    eprintln!(
        "  storing {} trades",
        fill.users * fill.positions * fill.trades
    );
    postgres.fill(&database, fill)?;
    let trade = service::Service::trade(session, &database)?;
    let grown = Driven {
        address: trade.address,
        load: Load::buys(fill.users),
        server: ("trade", trade.id),
    };
    let empty = || {
        let trade = service::Service::trade(session, &postgres.database())?;
        let target = Driven {
            address: trade.address,
            load: Load::buys(USERS),
            server: ("trade", trade.id),
        };
        drive(session, &target.plan(session), 1)
    };
    let contenders = vec![
        Contender::driven(session, GROWN, grown),
        Contender::new(EMPTY, empty),
    ];
    let measured = alternate(session, contenders)?;

    scenario.contenders = measured.iter().filter_map(Summary::of).collect();
    scenario.comparisons = vec![Comparison::of_rates(
        "grown",
        "orders/s: 1,000,000 users with 10,000,000 trades / empty database",
        Target::AtLeast(0.8),
        &measured,
        (GROWN, EMPTY),
    )];
    Ok(())
}
