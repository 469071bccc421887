//! A market that moves: prices walk at random from those that the catalogue has, the same way for the same seed.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Result;
use catalogue_client::Stock;
use market::{Percent, Price, Symbol};
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::client::Client;

/// Largest step of a price, in hundredths of a per cent of it.
const MAX_STEP: i32 = 20;
/// How far a price may be from where it began, in per cent, before it is drawn back.
const LEASH: [&str; 2] = ["-15", "15"];
/// How hard it is drawn, in hundredths of a per cent a step.
const PULL: i32 = 8;
/// Of so many stocks, one moves in a step.
const ONE_IN: usize = 3;

/// The seed of a market, unless something else is said.
const SEED: u64 = 1;
/// Milliseconds between two of its steps.
const PAUSE: u64 = 500;

/// How the market moves.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Simulation {
    /// Number that decides all of it: the same one makes the same market
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// Milliseconds between two steps
    #[arg(long, default_value_t = PAUSE, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pause: u64,
}

/// A new price, as the feed takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct NewPrice {
    symbol: Symbol,
    price: Price,
}

/// The prices of the market, and how they go on.
struct Market {
    walks: Vec<Walk>,
    dice: fastrand::Rng,
}

struct Walk {
    symbol: Symbol,
    price: Price,
    /// Below the first and above the second it is drawn back.
    leash: [Option<Price>; 2],
}

impl Market {
    fn new(seed: u64, stocks: &[Stock]) -> Self {
        let mut market = Self {
            walks: Vec::new(),
            dice: fastrand::Rng::with_seed(seed),
        };
        market.meet(stocks);
        market
    }

    /// Takes up the stocks that are new.
    fn meet(&mut self, stocks: &[Stock]) {
        let known: HashSet<Symbol> = self.walks.iter().map(|walk| walk.symbol).collect();
        let new = stocks.iter().filter(|stock| !known.contains(&stock.symbol));
        self.walks.extend(new.map(|stock| Walk {
            symbol: stock.symbol,
            price: stock.current_price,
            leash: LEASH.map(|end| stock.current_price.after(Percent::parse(end).ok()?)),
        }));
    }

    /// One step of the market: the prices that have changed.
    fn step(&mut self) -> Vec<NewPrice> {
        let mut moved = Vec::with_capacity(self.walks.len() / ONE_IN + 1);
        for walk in &mut self.walks {
            if self.dice.usize(..ONE_IN) > 0 {
                continue;
            }
            let step = self.dice.i32(-MAX_STEP..=MAX_STEP) + walk.pull();
            let price = change(step).and_then(|change| walk.price.after(change));
            if let Some(price) = price.and_then(quoted) {
                walk.price = price;
                let symbol = walk.symbol;
                moved.push(NewPrice { symbol, price });
            }
        }
        moved
    }
}

impl Walk {
    fn pull(&self) -> i32 {
        match self.leash {
            [Some(low), _] if self.price < low => PULL,
            [_, Some(high)] if self.price > high => -PULL,
            _ => 0,
        }
    }
}

/// As markets quote it: in cents, but for what costs less than one unit of money.
fn quoted(price: Price) -> Option<Price> {
    let text = price.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    if whole == "0" {
        return Some(price);
    }
    let cents = &fraction[..fraction.len().min(2)];
    Price::parse(&format!("{whole}.{cents:0<2}")).ok()
}

/// So many hundredths of a per cent.
fn change(hundredths: i32) -> Option<Percent> {
    let sign = if hundredths < 0 { "-" } else { "" };
    let size = hundredths.unsigned_abs();
    Percent::parse(&format!("{sign}{}.{:02}", size / 100, size % 100)).ok()
}

impl Simulation {
    /// The one of `--demo`.
    pub(crate) fn of_demo() -> Self {
        Self {
            seed: SEED,
            pause: PAUSE,
        }
    }

    /// Moves the market until the process ends. A catalogue that is away, or that is empty, is asked again.
    pub(crate) async fn run(self, client: &Client) -> Result<()> {
        let stocks = client.stocks(None).await?;
        info!(seed = self.seed, stocks = stocks.len(), "the market moves");
        let mut market = Market::new(self.seed, &stocks);
        let mut steps = interval(Duration::from_millis(self.pause));
        steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = interval(Duration::from_secs(10));
        let mut has_warned = false;
        loop {
            let done = tokio::select! {
                _ = steps.tick() => match market.step() {
                    moved if moved.is_empty() => Ok(()),
                    moved => client.put_prices(&moved).await,
                },
                _ = looks.tick() => client.stocks(None).await.map(|stocks| market.meet(&stocks)),
            };
            match done {
                Ok(()) => has_warned = false,
                Err(error) if !std::mem::replace(&mut has_warned, true) => {
                    warn!("the market stands still: {error:#}");
                }
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stocks(prices: &[(&str, &str)]) -> Vec<Stock> {
        let stock = |(symbol, price): &(&str, &str)| {
            serde_json::json!({
                "symbol": symbol, "name": symbol, "sector": null, "current_price": price, "change_pct": 0,
                "volume": 0, "market_cap": null, "updated_at": "2030-01-01T00:00:00Z",
            })
        };
        prices
            .iter()
            .map(|it| serde_json::from_value(stock(it)).unwrap())
            .collect()
    }

    fn steps(seed: u64, count: usize) -> Vec<Vec<NewPrice>> {
        let mut market = Market::new(seed, &stocks(&[("A", "100"), ("B", "0.5"), ("C", "2000")]));
        (0..count).map(|_| market.step()).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_market_and_another_one_another() {
        assert_eq!(steps(7, 50), steps(7, 50));
        assert_ne!(steps(7, 50), steps(8, 50));
    }

    #[test]
    fn every_stock_moves_and_none_runs_away() {
        let moved: Vec<NewPrice> = steps(1, 20_000).into_iter().flatten().collect();
        for (symbol, low, high) in [
            ("A", "70", "130"),
            ("B", "0.35", "0.65"),
            ("C", "1400", "2600"),
        ] {
            let symbol = Symbol::parse(symbol).unwrap();
            let range = Price::parse(low).unwrap()..Price::parse(high).unwrap();
            let prices = moved.iter().filter(|it| it.symbol == symbol);
            assert!(prices.clone().count() > 5_000);
            let astray = prices.clone().find(|it| !range.contains(&it.price));
            assert_eq!(astray, None, "{symbol}");
        }
    }

    #[test]
    fn prices_are_in_cents_but_for_small_ones() {
        let as_quoted = |price: &str| quoted(Price::parse(price).unwrap()).unwrap().to_string();
        for (price, expected) in [
            ("189.5678", "189.56"),
            ("7", "7"),
            ("1.5", "1.5"),
            ("0.1234", "0.1234"),
        ] {
            assert_eq!(as_quoted(price), expected);
        }
    }

    #[test]
    fn a_stock_that_is_added_moves_too() {
        let mut market = Market::new(1, &stocks(&[("A", "100")]));
        market.meet(&stocks(&[("A", "50"), ("B", "5")]));
        let moved: Vec<NewPrice> = (0..50).flat_map(|_| market.step()).collect();
        let symbols: HashSet<String> = moved.iter().map(|it| it.symbol.to_string()).collect();
        assert_eq!(symbols.len(), 2);
        assert!(
            moved
                .iter()
                .all(|it| it.symbol.to_string() == "B" || it.price > Price::parse("80").unwrap())
        );
    }
}
