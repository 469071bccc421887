//! Trading beside a catalogue: which symbols may be traded, and what positions are worth.

use std::time::{Duration, Instant};

use testkit::{Service, eventually, http::Client};

use crate::{
    catalogue::Catalogue,
    support::{Backend, Trade, assert_members, buy, members, order, rows, seen_of, sell},
};

/// What the contract grants a price on its way into the portfolio.
const PRICE_DEADLINE: Duration = Duration::from_secs(1);
/// A price on its way, when nothing stands in it.
const PROMPT_DEADLINE: Duration = Duration::from_millis(500);
/// A price that nobody has confirmed for five seconds is not told any more.
const STALE_DEADLINE: Duration = Duration::from_secs(10);

async fn start(backend: &Backend, catalogue: &Catalogue) -> (Service, Client) {
    Trade::start(backend, &[("CATALOGUE_URL", &catalogue.url())]).await
}

/// Waits until the user's only position shows this market price.
#[track_caller]
fn priced(api: &Client, price: &str, deadline: Duration) -> impl Future<Output = ()> {
    let what = format!("the market price is {price}");
    async move {
        eventually(deadline, &what, async || {
            let portfolio = rows(&api.get("/portfolio/ann").await.expect(200));
            portfolio[0]["market_price"].get() == price
        })
        .await;
    }
}

#[tokio::test]
async fn a_symbol_that_the_catalogue_does_not_have_cannot_be_traded() {
    for backend in Backend::both().await {
        let catalogue = Catalogue::start(&[("AAPL", "189.5")]).await;
        let (_service, api) = start(&backend, &catalogue).await;
        let before = seen_of(&api, "ann").await;
        for side in ["buy", "sell"] {
            let reply = order(&api, side, "ann", "NOPE", ["1", "1"]).await;
            reply.problem(422, "unknown_symbol");
        }
        assert_eq!(seen_of(&api, "ann").await, before);
        let held_none = order(&api, "sell", "ann", "AAPL", ["1", "1"]).await;
        held_none.problem(422, "insufficient_holdings");
        buy(&api, "ann", "aapl", ["1", "1"]).await;
    }
}

#[tokio::test]
async fn a_symbol_listed_a_moment_ago_can_be_bought_at_once_and_is_priced_soon() {
    for backend in Backend::both().await {
        let catalogue = Catalogue::start(&[("AAPL", "189.5"), ("MSFT", "415.2")]).await;
        let (_service, api) = start(&backend, &catalogue).await;
        buy(&api, "ann", "MSFT", ["1", "400"]).await;
        priced(&api, "415.2", PRICE_DEADLINE).await;
        sell(&api, "ann", "MSFT", ["1", "400"]).await;

        catalogue.quote("NEW", "7.25");
        buy(&api, "ann", "NEW", ["4", "7"]).await;
        priced(&api, "7.25", PRICE_DEADLINE).await;
    }
}

#[tokio::test]
async fn market_figures_follow_a_price_within_a_second() {
    for backend in Backend::both().await {
        let catalogue = Catalogue::start(&[("AAPL", "100"), ("BBB", "1"), ("MSFT", "50")]).await;
        let (_service, api) = start(&backend, &catalogue).await;
        buy(&api, "ann", "AAPL", ["1.5", "99"]).await;
        for (price, value, profit) in [
            ("100", "150", "1.5"),
            ("98.0001", "147.00015", "-1.49985"),
            ("99", "148.5", "0"),
        ] {
            catalogue.quote("AAPL", price);
            priced(&api, price, PRICE_DEADLINE).await;
            let position = &rows(&api.get("/portfolio/ann").await)[0];
            let figures = [("market_value", value), ("unrealized_pnl", profit)];
            assert_members(position, &figures);
            let summary = members(&api.get("/portfolio/ann/summary").await);
            assert_members(&summary, &figures);
        }
        buy(&api, "ann", "MSFT", ["2", "60"]).await;
        let summary = members(&api.get("/portfolio/ann/summary").await);
        let expected = [("market_value", "248.5"), ("unrealized_pnl", "-20")];
        assert_members(&summary, &expected);
    }
}

#[tokio::test]
async fn while_the_catalogue_is_down_known_symbols_trade_on_and_market_figures_become_null() {
    let [sqlite, postgres] = Backend::both().await;
    // The wait for a price to grow stale is the same for both.
    tokio::join!(
        outlive_the_catalogue(sqlite),
        outlive_the_catalogue(postgres)
    );
}

async fn outlive_the_catalogue(backend: Backend) {
    let mut catalogue = Catalogue::start(&[("AAPL", "100"), ("MSFT", "50")]).await;
    let (_service, api) = start(&backend, &catalogue).await;
    buy(&api, "ann", "AAPL", ["3", "90"]).await;
    priced(&api, "100", PRICE_DEADLINE).await;

    catalogue.switch_off().await;
    buy(&api, "ann", "AAPL", ["1", "90"]).await;
    buy(&api, "bob", "MSFT", ["1", "90"]).await;
    let unknown = order(&api, "buy", "ann", "NEW", ["1", "1"]).await;
    unknown.problem(503, "catalogue_unavailable");
    assert!(unknown.header("retry-after").is_some(), "{unknown}");

    priced(&api, "null", STALE_DEADLINE).await;
    let position = &rows(&api.get("/portfolio/ann").await)[0];
    let unknown_figures = [("market_value", "null"), ("unrealized_pnl", "null")];
    assert_members(position, &unknown_figures);
    assert_members(position, &[("cost_basis", "360")]);
    let summary = members(&api.get("/portfolio/ann/summary").await);
    assert_members(&summary, &unknown_figures);
    buy(&api, "ann", "AAPL", ["1", "90"]).await;
    sell(&api, "ann", "AAPL", ["2", "95"]).await;
    api.get("/readyz").await.expect(200);

    catalogue.switch_on().await;
    catalogue.quote("AAPL", "101.5");
    priced(&api, "101.5", PRICE_DEADLINE).await;
}

#[tokio::test]
async fn a_stream_that_breaks_is_gone_on_with_where_it_broke() {
    for backend in Backend::both().await {
        let mut catalogue = Catalogue::start(&[("AAPL", "100"), ("MSFT", "50")]).await;
        let (_service, api) = start(&backend, &catalogue).await;
        buy(&api, "ann", "AAPL", ["1", "90"]).await;
        priced(&api, "100", PRICE_DEADLINE).await;
        let before = catalogue.opened();
        assert_eq!(before[0], None);

        for (price, version) in [("101", 2), ("102", 3), ("103", 4)] {
            catalogue.switch_off().await;
            catalogue.quote("AAPL", price);
            let opened = catalogue.opened().len();
            catalogue.switch_on().await;
            priced(&api, price, PRICE_DEADLINE).await;
            assert_eq!(catalogue.opened()[opened], Some(version));
        }
    }
}

#[tokio::test]
async fn a_catalogue_that_falls_silent_is_noticed_as_one_that_is_down_and_heard_again_at_once() {
    let [sqlite, postgres] = Backend::both().await;
    // The wait for a price to grow stale is the same for both.
    tokio::join!(outlive_a_silence(sqlite), outlive_a_silence(postgres));
}

async fn outlive_a_silence(backend: Backend) {
    let catalogue = Catalogue::start(&[("AAPL", "100"), ("MSFT", "50")]).await;
    let (_service, api) = start(&backend, &catalogue).await;
    buy(&api, "ann", "AAPL", ["1", "90"]).await;
    priced(&api, "100", PRICE_DEADLINE).await;

    catalogue.fall_silent();
    let fell_silent = Instant::now();
    catalogue.quote("AAPL", "101");
    priced(&api, "null", STALE_DEADLINE).await;
    let elapsed = fell_silent.elapsed();
    assert!(elapsed > Duration::from_secs(2), "null after {elapsed:?}");
    buy(&api, "ann", "AAPL", ["1", "90"]).await;
    let unknown = order(&api, "buy", "ann", "NEW", ["1", "1"]).await;
    unknown.problem(503, "catalogue_unavailable");

    // What was known is not told until it is heard again: the stream starts from its beginning.
    let opened = catalogue.opened().len();
    catalogue.speak();
    priced(&api, "101", PRICE_DEADLINE).await;
    assert!(catalogue.opened()[opened..].contains(&None));
}

#[tokio::test]
async fn a_quiet_market_keeps_its_prices() {
    let [sqlite, postgres] = Backend::both().await;
    tokio::join!(outlast_quiet(sqlite), outlast_quiet(postgres));
}

async fn outlast_quiet(backend: Backend) {
    let catalogue = Catalogue::start(&[("AAPL", "100")]).await;
    let (_service, api) = start(&backend, &catalogue).await;
    buy(&api, "ann", "AAPL", ["1", "90"]).await;
    priced(&api, "100", PRICE_DEADLINE).await;
    // The catalogue is asked again and again for what is new, and has nothing to say.
    let opened = catalogue.opened().len();
    eventually(
        STALE_DEADLINE,
        "the silence is past its limit",
        async || {
            let portfolio = rows(&api.get("/portfolio/ann").await.expect(200));
            assert_eq!(portfolio[0]["market_price"].get(), "100");
            catalogue.opened().len() >= opened + 4
        },
    )
    .await;
    assert!(catalogue.opened()[1..].iter().all(|id| *id == Some(1)));
}

#[tokio::test]
async fn events_that_cannot_be_read_do_no_harm() {
    for backend in Backend::both().await {
        let catalogue = Catalogue::start(&[("AAPL", "100"), ("MSFT", "50")]).await;
        let (_service, api) = start(&backend, &catalogue).await;
        buy(&api, "ann", "AAPL", ["1", "90"]).await;
        priced(&api, "100", PRICE_DEADLINE).await;
        let opened = catalogue.opened();

        let long = format!("event: price\ndata: {}\n\n", "x".repeat(100_000));
        for text in [
            "event: price\ndata: {\"symbol\":\n\n",
            "event: price\ndata: \u{0}\n\n",
            "event: price\ndata: [1]\n\n",
            "event: price\ndata: {\"symbol\":\"a b\",\"current_price\":1}\n\n",
            "event: news\ndata: {\"symbol\":\"AAPL\",\"current_price\":1}\n\n",
            "data: {\"symbol\":\"AAPL\",\"current_price\":1}\n\n",
            "id: x\u{0}\nodd\n\n\n: comment\r\n\r\n",
            &long,
        ] {
            catalogue.say(text);
        }
        catalogue.quote("AAPL", "101");
        priced(&api, "101", PRICE_DEADLINE).await;
        // A price that cannot be read is not known, whatever it was before.
        catalogue.say("event: price\ndata: {\"symbol\":\"AAPL\",\"current_price\":-1}\n\n");
        priced(&api, "null", PRICE_DEADLINE).await;
        buy(&api, "ann", "AAPL", ["1", "90"]).await;
        catalogue.quote("AAPL", "102");
        priced(&api, "102", PRICE_DEADLINE).await;
        assert_eq!(opened[0], None);
    }
}

#[tokio::test]
async fn ten_thousand_stocks_are_followed_promptly() {
    for backend in Backend::both().await {
        let symbols: Vec<String> = (0..10_000).map(|number| format!("S{number}")).collect();
        let stocks: Vec<(&str, &str)> = symbols.iter().map(|it| (it.as_str(), "1")).collect();
        let catalogue = Catalogue::start(&stocks).await;
        let (_service, api) = start(&backend, &catalogue).await;
        buy(&api, "ann", "S9999", ["1", "1"]).await;
        priced(&api, "1", STALE_DEADLINE).await;
        for price in ["2", "3", "4"] {
            for symbol in &symbols[..100] {
                catalogue.quote(symbol, price);
            }
            catalogue.quote("S9999", price);
            priced(&api, price, PROMPT_DEADLINE).await;
        }
    }
}

#[tokio::test]
async fn a_service_that_starts_without_its_catalogue_sells_what_is_held_and_buys_nothing_unknown() {
    for backend in Backend::both().await {
        let mut catalogue = Catalogue::start(&[("AAPL", "100")]).await;
        let (service, api) = start(&backend, &catalogue).await;
        buy(&api, "ann", "AAPL", ["3", "90"]).await;
        drop(service);
        catalogue.switch_off().await;

        let (_service, api) = start(&backend, &catalogue).await;
        let before = seen_of(&api, "ann").await;
        let bought = order(&api, "buy", "ann", "MSFT", ["1", "1"]).await;
        bought.problem(503, "catalogue_unavailable");
        assert_eq!(seen_of(&api, "ann").await, before);
        sell(&api, "ann", "AAPL", ["1", "91"]).await;
        let too_many = order(&api, "sell", "ann", "AAPL", ["3", "91"]).await;
        too_many.problem(422, "insufficient_holdings");
    }
}

#[tokio::test]
async fn a_position_in_a_symbol_that_was_delisted_can_still_be_sold() {
    for backend in Backend::both().await {
        let catalogue = Catalogue::start(&[("AAPL", "100"), ("OLD", "5")]).await;
        let (_service, api) = start(&backend, &catalogue).await;
        buy(&api, "ann", "OLD", ["3", "5"]).await;
        priced(&api, "5", PRICE_DEADLINE).await;
        catalogue.delist("OLD");
        priced(&api, "null", PRICE_DEADLINE).await;
        sell(&api, "ann", "OLD", ["3", "4"]).await;
        let again = order(&api, "buy", "ann", "OLD", ["1", "5"]).await;
        again.problem(422, "unknown_symbol");
    }
}

#[tokio::test]
async fn a_page_that_is_not_there_is_not_taken_for_the_catalogues_word() {
    for backend in Backend::both().await {
        // Any service answers 404 to /elsewhere/stocks: here trade itself does, without the catalogue's code.
        let (_other, other) = Trade::start(&Backend::both().await[0], &[]).await;
        let url = format!("{}/elsewhere", other.base_url());
        let (_service, api) = Trade::start(&backend, &[("CATALOGUE_URL", &url)]).await;
        let reply = order(&api, "buy", "ann", "AAPL", ["1", "1"]).await;
        reply.problem(503, "catalogue_unavailable");
    }
}
