//! New prices for a large catalogue, all in one call, beside the one statement that the database needs for it.

use anyhow::Result;

use crate::{
    contender::{Contender, Target as Driven, alternate, drive, pgbench::Pgbench, service},
    drive::{Load, symbol},
    http,
    report::{Comparison, Scenario, Summary, Target},
    session::Session,
};

pub(super) const ABOUT: &str = "\
PUT /prices of 10,000 stocks in one call, on one connection, beside pgbench with one update of the same 10,000 rows from \
unnest. Rates are prices a second.";

const SYMBOLS: usize = 10_000;
const SECTORS: usize = 10;
/// A call takes long, so that few of them fit into the usual time.
const LONGER: u32 = 2;

const PUT: &str = "PUT /prices";
const PGBENCH: &str = "pgbench, update from unnest";

pub(super) fn run(session: &Session, scenario: &mut Scenario) -> Result<()> {
    let postgres = &session.postgres;
    let (ours, theirs) = (postgres.database(), postgres.database());
    for database in [&ours, &theirs] {
        service::migrate_stock_listing(session, database)?;
        postgres.execute(database, &catalogue())?;
    }
    let listing = service::Service::stock_listing(session, &ours)?;
    let probe = format!(r#"[{{"symbol":"{}","price":1}}]"#, symbol(SYMBOLS - 1));
    http::send(listing.address, "PUT", "/prices", &probe, 200)?;

    let mut plan = Driven {
        address: listing.address,
        load: Load::Bulk { symbols: SYMBOLS },
        server: ("stock-listing", listing.id),
    }
    .plan(session);
    plan.connections = 1;
    plan.measured *= LONGER;
    let symbols = format!("symbols={SYMBOLS}");
    let script = include_str!("../../sql/feed.sql");
    let update = Pgbench::new(session, &theirs, ("feed", script), &symbols, SYMBOLS)?;
    let contenders = vec![
        Contender::new(PUT, || drive(session, &plan, SYMBOLS)),
        Contender::new(PGBENCH, || update.run(session, plan.measured)),
    ];
    let measured = alternate(session, contenders)?;

    scenario.contenders = measured.iter().filter_map(Summary::of).collect();
    scenario.comparisons = vec![Comparison::of_rates(
        "feed",
        "prices/s: PUT /prices of 10,000 / one update in pgbench",
        Target::AtLeast(0.5),
        &measured,
        (PUT, PGBENCH),
    )];
    Ok(())
}

/// Stocks beside the ten, as the load driver names them.
fn catalogue() -> String {
    format!(
        "insert into stocks (
            symbol,
            name,
            sector,
            current_price,
            previous_close,
            change_pct,
            volume,
            updated_at
        )
        select
            'S' || lpad(number::text, 4, '0'),
            'Stock ' || number,
            'Sector ' || number % {SECTORS},
            100,
            100,
            0,
            0,
            now()
        from generate_series(0, {SYMBOLS} - 1) as numbers (number);
        analyze stocks"
    )
}
