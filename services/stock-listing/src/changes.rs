//! A batch of changes to the catalogue: each is decided on what the ones before it left. Pure: no I/O, no clock.

use std::collections::{BTreeMap, BTreeSet};

use catalogue_client::NewStock;
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
    quoted: BTreeSet<Symbol>,
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
            quoted: BTreeSet::new(),
            ticks: Vec::new(),
        }
    }

    /// Makes a change; the stock as it is then.
    pub(crate) fn apply(&mut self, line: Line) -> Result<Listed, Refusal> {
        let (symbol, at, version) = (line.symbol(), self.at, self.version);
        let listed = match (line, self.stocks.get(&symbol)) {
            (Line::Add(_), Some(_)) => return Err(Refusal::SymbolExists(symbol)),
            (Line::Quote { .. }, None) => return Err(Refusal::UnknownSymbol(symbol)),
            (Line::Add(new), None) => {
                self.added.insert(symbol);
                Listed::new(*new, at, version)
            }
            (Line::Quote { price, change, .. }, Some(listed)) => {
                let quoted = listed.clone().quoted(Quote { price, change, at }, version);
                let listed = quoted.map_err(|_| Refusal::ChangeTooLarge(symbol))?;
                if !self.added.contains(&symbol) {
                    self.quoted.insert(symbol);
                }
                listed
            }
        };
        self.ticks.push(Tick {
            symbol,
            price: listed.stock.current_price,
            at,
            version,
        });
        self.stocks.insert(symbol, listed.clone());
        Ok(listed)
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
        self.quoted
            .iter()
            .filter_map(|symbol| self.stocks.get(symbol))
            .collect()
    }

    /// The prices that were taken, in their order.
    pub(crate) fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    /// Every stock that changed.
    pub(crate) fn into_changed(self) -> Vec<Listed> {
        let Self {
            stocks,
            added,
            quoted,
            ..
        } = self;
        let has_changed = |symbol: &Symbol| added.contains(symbol) || quoted.contains(symbol);
        stocks
            .into_values()
            .filter(|listed| has_changed(&listed.stock.symbol))
            .collect()
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
        let last = changes.apply(quote("A", "102")).unwrap();
        assert_eq!(
            (last.stock.change_pct.to_string(), last.version),
            ("2".to_owned(), Version(7))
        );
        assert_eq!((changes.added(), changes.quoted().len()), (vec![&last], 0));
        let prices = changes.ticks().iter().map(|tick| tick.price.to_string());
        assert!(prices.eq(["100", "101", "102"]));
        assert_eq!(changes.into_changed(), [last]);
    }

    #[test]
    fn a_refused_line_changes_nothing() {
        let mut first = Changes::new(Version(1), at(), Vec::new());
        let mut known = first.apply(add("A")).unwrap();
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
