//! Durable orders a second, beside the database alone and beside the FastAPI peer.

use anyhow::Result;

use crate::{
    contender::{
        Contender, Target as Driven, alternate, peer::Peer, pgbench::Pgbench, postgres::Fill,
        service,
    },
    drive::Load,
    report::{Comparison, Scenario, Summary, Target},
    session::Session,
};

pub(super) const ABOUT: &str = "\
Buys over HTTP on 64 connections, each answered after its commit, of 10,000 users who hold ten positions each. pgbench runs \
on the same tables, filled alike: one order a transaction in two statements on 64 connections, and a hundred orders a \
transaction on as many connections as serve it best. The FastAPI peer is one process, as its image \
starts it, with a database of its own.";

/// Users who order.
pub(super) const USERS: u32 = 10_000;
/// Everybody holds all ten stocks, so that every order changes a row that is there.
const FILL: Fill = Fill {
    users: USERS,
    positions: 10,
    trades: 1,
};
const BATCH: usize = 100;
const BATCH_CLIENTS: [usize; 4] = [2, 4, 8, 16];

const TRADE: &str = "trade";
const HOT_USER: &str = "trade, one user";
const KEYED: &str = "trade, with keys";
const PGBENCH: &str = "pgbench";
const BATCHES: &str = "pgbench, 100 a transaction";
const PEER: &str = "FastAPI";

pub(super) fn run(session: &Session, scenario: &mut Scenario) -> Result<()> {
    let postgres = &session.postgres;
    let (ours, theirs) = (postgres.database(), postgres.database());
    for database in [&ours, &theirs] {
        service::migrate_trade(session, database)?;
        postgres.fill(database, FILL)?;
    }
    let trade = service::Service::trade(session, &ours)?;
    let driven = |name: &str, load| {
        let target = Driven {
            address: trade.address,
            load,
            server: ("trade", trade.id),
        };
        Contender::driven(session, name, target)
    };
    let users = format!("users={USERS}");
    let script = |name, script, operations| {
        Pgbench::new(session, &theirs, (name, script), &users, operations)
    };
    let single = script("order", include_str!("../../sql/order.sql"), 1)?.clients(64);
    let batches = script("batch", include_str!("../../sql/batch.sql"), BATCH)?
        .best_of(session, &BATCH_CLIENTS)?;
    eprintln!(
        "  pgbench takes batches best on {} connections",
        batches.clients
    );
    let keyed = Load::Orders {
        users: USERS,
        is_keyed: true,
        has_sells: false,
    };
    let mut contenders = vec![
        driven(TRADE, Load::buys(USERS)),
        Contender::new(PGBENCH, || single.run(session, session.effort.measured)),
        Contender::new(BATCHES, || batches.run(session, session.effort.measured)),
        driven(HOT_USER, Load::buys(1)),
        driven(KEYED, keyed),
    ];
    let peer = Peer::start(session, "trade")?;
    match &peer {
        Some(peer) => {
            let target = Driven {
                address: peer.address,
                load: Load::buys(USERS),
                server: ("FastAPI", peer.id()),
            };
            contenders.push(Contender::careless(session, PEER, target));
        }
        None => scenario.missing.push(Peer::missing(session)),
    }
    let measured = alternate(session, contenders)?;

    scenario.contenders = measured.iter().filter_map(Summary::of).collect();
    let questions = [
        (
            "orders/pgbench",
            "orders/s: trade / pgbench, an order a transaction",
            3.0,
            (TRADE, PGBENCH),
        ),
        (
            "orders/batches",
            "orders/s: trade / pgbench, 100 orders a transaction",
            0.6,
            (TRADE, BATCHES),
        ),
        (
            "orders/peer",
            "orders/s: trade / FastAPI",
            60.0,
            (TRADE, PEER),
        ),
        (
            "orders/hot-user",
            "orders/s: one user / 10,000 users",
            0.7,
            (HOT_USER, TRADE),
        ),
        (
            "orders/keyed",
            "orders/s: with Idempotency-Key / without",
            0.7,
            (KEYED, TRADE),
        ),
    ];
    scenario.comparisons = questions
        .map(|(name, what, least, sides)| {
            Comparison::of_rates(name, what, Target::AtLeast(least), &measured, sides)
        })
        .into();
    Ok(())
}
