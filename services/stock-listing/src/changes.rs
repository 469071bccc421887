//! A batch of changes to the catalogue: each is decided on what the ones before it left. Pure: no I/O, no clock.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use catalogue_client::{NewStock, Stock};
use market::{Percent, Price, Symbol, Timestamp};

use crate::candle::Tick;
use crate::stock::{Listed, Quote, Version};

/// One thing to change.
#[derive(Clone, Debug)]
pub(crate) enum Line {
    /// A stock to add.
    Add(Box<NewStock>),
    /// A stock's new price.
    Quote {
        /// The stock.
        symbol: Symbol,
        /// Its price.
        price: Price,
        /// Its change in percent, where the feed knows it.
        change: Option<Percent>,
    },
}

/// Why a line changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// There is no such stock.
    #[error("{0} is not in the catalogue")]
    UnknownSymbol(Symbol),
    /// There is such a stock already.
    #[error("{0} is in the catalogue already")]
    SymbolExists(Symbol),
    /// The price is too far from the previous close.
    #[error(
        "the price of {0} moves more than 1000000 % from the previous close; give change_pct to set it all the same"
    )]
    ChangeTooLarge(Symbol),
}

/// The stocks that a batch touches, as its lines leave them.
pub(crate) struct Changes {
    version: Version,
    at: Timestamp,
    stocks: BTreeMap<Symbol, Listed>,
    added: BTreeSet<Symbol>,
    ticks: Vec<Tick>,
}

impl Line {
    /// The stock that it is about.
    pub(crate) fn symbol(&self) -> Symbol {
        match self {
            Self::Add(new) => new.symbol,
            Self::Quote { symbol, .. } => *symbol,
        }
    }
}

impl Changes {
    /// Changes that lead to `version`, made at one time to those of the stocks that there are.
    pub(crate) fn new(version: Version, at: Timestamp, found: Vec<Listed>) -> Self {
        let stocks = found
            .into_iter()
            .map(|listed| (listed.stock.symbol, listed))
            .collect();
        Self {
            version,
            at,
            stocks,
            added: BTreeSet::new(),
            ticks: Vec::new(),
        }
    }

    /// Makes a change.
    pub(crate) fn apply(&mut self, line: Line) -> Result<(), Refusal> {
        let (symbol, at, version) = (line.symbol(), self.at, self.version);
        let price = match (line, self.stocks.entry(symbol)) {
            (Line::Add(_), Entry::Occupied(_)) => return Err(Refusal::SymbolExists(symbol)),
            (Line::Quote { .. }, Entry::Vacant(_)) => return Err(Refusal::UnknownSymbol(symbol)),
            (Line::Add(new), Entry::Vacant(vacant)) => {
                let price = new.current_price;
                vacant.insert(Listed::new(*new, at, version));
                self.added.insert(symbol);
                price
            }
            (Line::Quote { price, change, .. }, Entry::Occupied(occupied)) => {
                let quoted = occupied
                    .into_mut()
                    .quote(Quote { price, change, at }, version);
                quoted.map_err(|_| Refusal::ChangeTooLarge(symbol))?;
                price
            }
        };
        self.ticks.push(Tick {
            symbol,
            price,
            at,
            version,
        });
        Ok(())
    }

    /// A stock as the changes so far leave it.
    pub(crate) fn stock(&self, symbol: Symbol) -> Option<&Stock> {
        self.stocks.get(&symbol).map(|listed| &listed.stock)
    }

    /// The stocks to add.
    pub(crate) fn added(&self) -> Vec<&Listed> {
        self.added
            .iter()
            .filter_map(|symbol| self.stocks.get(symbol))
            .collect()
    }

    /// The stocks with new prices.
    pub(crate) fn quoted(&self) -> Vec<&Listed> {
        let is_quoted = |listed: &&Listed| {
            listed.version == self.version && !self.added.contains(&listed.stock.symbol)
        };
        self.stocks.values().filter(is_quoted).collect()
    }

    /// The prices that were taken, in their order.
    pub(crate) fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    /// Every stock that changed.
    pub(crate) fn into_changed(self) -> Vec<Listed> {
        let version = self.version;
        let stocks = self.stocks.into_values();
        stocks.filter(|listed| listed.version == version).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(symbol: &str) -> Line {
        let json = format!(r#"{{"symbol":"{symbol}","name":"Acme","current_price":100}}"#);
        Line::Add(Box::new(serde_json::from_str(&json).unwrap()))
    }

    fn quote(symbol: &str, price: &str) -> Line {
        let (symbol, price) = (Symbol::parse(symbol).unwrap(), Price::parse(price).unwrap());
        Line::Quote {
            symbol,
            price,
            change: None,
        }
    }

    fn at() -> Timestamp {
        Timestamp::parse("2026-01-05T10:00:00Z").unwrap()
    }

    #[test]
    fn each_line_sees_what_the_ones_before_it_left() {
        let mut changes = Changes::new(Version(7), at(), Vec::new());
        let symbol = Symbol::parse("A").unwrap();
        assert_eq!(
            changes.apply(quote("A", "1")),
            Err(Refusal::UnknownSymbol(symbol))
        );
        changes.apply(add("A")).unwrap();
        assert_eq!(changes.apply(add("A")), Err(Refusal::SymbolExists(symbol)));
        changes.apply(quote("A", "101")).unwrap();
        changes.apply(quote("A", "102")).unwrap();
        let change_pct = changes.stock(symbol).unwrap().change_pct;
        assert_eq!(change_pct.to_string(), "2");
        assert_eq!((changes.added().len(), changes.quoted().len()), (1, 0));
        let prices = changes.ticks().iter().map(|tick| tick.price.to_string());
        assert!(prices.eq(["100", "101", "102"]));
        let stocks = changes.into_changed();
        assert_eq!(stocks.len(), 1);
        assert_eq!(
            (stocks[0].stock.symbol, stocks[0].version),
            (symbol, Version(7))
        );
    }

    #[test]
    fn a_refused_line_changes_nothing() {
        let mut first = Changes::new(Version(1), at(), Vec::new());
        first.apply(add("A")).unwrap();
        let mut known = first.into_changed().remove(0);
        known.previous_close = Price::parse("0.0001").unwrap();
        let mut changes = Changes::new(Version(2), at(), vec![known]);
        let refused = changes.apply(quote("A", "9999999999"));
        assert_eq!(
            refused,
            Err(Refusal::ChangeTooLarge(Symbol::parse("A").unwrap()))
        );
        assert!(changes.ticks().is_empty());
        assert!(changes.into_changed().is_empty());
    }
}
