//! Reads of the catalogue, beside an axum that answers as many bytes from memory, and beside the FastAPI peer.

use anyhow::Result;

use crate::{
    contender::{Contender, Target as Driven, alternate, hello::Hello, peer::Peer, service},
    drive::Load,
    http,
    report::{Comparison, Scenario, Summary, Target},
    session::Session,
};

pub(super) const ABOUT: &str = "\
GET of the ten stocks and of one price on 64 connections. The axum beside it has one route that answers as many bytes of \
body, with the same runtime and allocator, and none of our headers. The FastAPI peer is one process, as its image starts it.";

const STOCKS_PATH: &str = "/stocks";
const PRICE_PATH: &str = "/stocks/AAPL/price";

const STOCKS: &str = "GET /stocks";
const PRICE: &str = "GET /stocks/AAPL/price";
const HELLO_STOCKS: &str = "axum, as many bytes as /stocks";
const HELLO_PRICE: &str = "axum, as many bytes as a price";
const PEER: &str = "FastAPI, GET /stocks";

pub(super) fn run(session: &Session, scenario: &mut Scenario) -> Result<()> {
    let listing = service::Service::stock_listing(session, &session.postgres.database())?;
    let bytes = |path| http::get_ok(listing.address, path).map(|body| body.len());
    let hello_stocks = Hello::start(session, bytes(STOCKS_PATH)?)?;
    let hello_price = Hello::start(session, bytes(PRICE_PATH)?)?;
    let ours = |name: &str, path: &str| {
        let target = Driven {
            address: listing.address,
            load: Load::Get {
                path: path.to_owned(),
            },
            server: ("stock-listing", listing.id),
        };
        Contender::driven(session, name, target)
    };
    let hello = |name: &str, hello: &Hello| {
        let target = Driven {
            address: hello.address,
            load: Load::Get {
                path: "/".to_owned(),
            },
            server: ("axum", hello.id()),
        };
        Contender::driven(session, name, target)
    };
    let mut contenders = vec![
        ours(STOCKS, STOCKS_PATH),
        hello(HELLO_STOCKS, &hello_stocks),
        ours(PRICE, PRICE_PATH),
        hello(HELLO_PRICE, &hello_price),
    ];
    let peer = Peer::start(session, "stock_listing")?;
    match &peer {
        Some(peer) => {
            let target = Driven {
                address: peer.address,
                load: Load::Get {
                    path: STOCKS_PATH.to_owned(),
                },
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
            "reads/stocks",
            "GET /stocks: stock-listing / bare axum",
            0.9,
            (STOCKS, HELLO_STOCKS),
        ),
        (
            "reads/price",
            "GET /stocks/AAPL/price: stock-listing / bare axum",
            0.9,
            (PRICE, HELLO_PRICE),
        ),
        (
            "reads/peer",
            "GET /stocks: stock-listing / FastAPI",
            80.0,
            (STOCKS, PEER),
        ),
    ];
    scenario.comparisons = questions
        .map(|(name, what, least, sides)| {
            Comparison::of_rates(name, what, Target::AtLeast(least), &measured, sides)
        })
        .into();
    Ok(())
}
