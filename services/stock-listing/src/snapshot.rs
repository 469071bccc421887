//! The catalogue at one version, with each answer in bytes once it was asked for. Pure: no I/O, no clock.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use axum::body::Bytes;
use axum::http::HeaderValue;
use catalogue_client::StockPrice;
use market::{Sector, Symbol};
use serde::Serialize;

use crate::stock::{Listed, Version};

/// Pages that a snapshot keeps; what is asked for more rarely is put together each time.
const MAX_KEPT_PAGES: usize = 64;

/// The catalogue at one version.
#[derive(Default)]
pub(crate) struct Snapshot {
    version: Version,
    entries: Vec<Arc<Entry>>,
    pages: RwLock<HashMap<PageKey, Arc<Page>>>,
}

/// A stock and what is answered of it. It is encoded when it is first asked for: in a bulk of prices few are.
pub(crate) struct Entry {
    /// The stock.
    pub(crate) listed: Listed,
    json: OnceLock<Representation>,
    price_json: OnceLock<Representation>,
}

/// What is answered of something at one version (RFC 9110 section 3.2), as it goes out.
pub(crate) struct Representation {
    /// The body.
    pub(crate) json: Bytes,
    /// The entity tag of the version. It is weak, since the same body may go out compressed.
    pub(crate) tag: HeaderValue,
}

/// Which stocks to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct PageKey {
    /// Of this sector alone.
    pub(crate) sector: Option<Sector>,
    /// Those after this symbol.
    pub(crate) after: Option<Symbol>,
    /// How many to leave out first.
    pub(crate) skip: u32,
    /// How many at the most.
    pub(crate) limit: u32,
}

/// A page of stocks.
pub(crate) struct Page {
    /// A JSON array.
    pub(crate) stocks: Representation,
    /// How many stocks there are in all pages.
    pub(crate) total: HeaderValue,
    /// The last symbol, when there are more.
    pub(crate) last: Option<Symbol>,
}

impl Entry {
    fn new(listed: Listed) -> Self {
        Self {
            listed,
            json: OnceLock::new(),
            price_json: OnceLock::new(),
        }
    }

    /// The stock as JSON.
    pub(crate) fn json(&self) -> &Representation {
        self.json.get_or_init(|| self.represent(&self.listed.stock))
    }

    /// Its price alone as JSON.
    pub(crate) fn price_json(&self) -> &Representation {
        self.price_json
            .get_or_init(|| self.represent(&StockPrice::from(&self.listed.stock)))
    }

    /// The types of the catalogue have no value that JSON cannot say.
    fn represent(&self, value: &impl Serialize) -> Representation {
        let json = serde_json::to_vec(value).unwrap_or_default();
        Representation::new(self.listed.version, json)
    }
}

impl Representation {
    pub(crate) fn new(version: Version, json: impl Into<Bytes>) -> Self {
        // Digits and quotes are always a header's value; this one would match no version.
        let tag = HeaderValue::try_from(format!("W/\"{}\"", version.0));
        Self {
            json: json.into(),
            tag: tag.unwrap_or(HeaderValue::from_static("W/\"\"")),
        }
    }
}

impl Snapshot {
    /// The catalogue's version.
    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// The catalogue after these stocks changed.
    pub(crate) fn changed(&self, version: Version, stocks: Vec<Listed>) -> Self {
        let mut entries = self.entries.clone();
        for listed in stocks {
            let place = entries
                .binary_search_by_key(&listed.stock.symbol, |entry| entry.listed.stock.symbol);
            let entry = Arc::new(Entry::new(listed));
            match place {
                Ok(index) => entries[index] = entry,
                Err(index) => entries.insert(index, entry),
            }
        }
        Self {
            version,
            entries,
            pages: RwLock::default(),
        }
    }

    /// One stock.
    pub(crate) fn find(&self, symbol: Symbol) -> Option<&Entry> {
        let place = self
            .entries
            .binary_search_by_key(&symbol, |entry| entry.listed.stock.symbol);
        place.ok().map(|index| &*self.entries[index])
    }

    /// The stocks that a change to `version` starts from, as far as they are known here, and the symbols of the others: all of
    /// them when a change before it has not been heard of.
    pub(crate) fn before(
        &self,
        version: Version,
        symbols: impl IntoIterator<Item = Symbol>,
    ) -> (Vec<Listed>, Vec<Symbol>) {
        let is_latest = self.version.next() == version;
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for symbol in symbols {
            match self.find(symbol).filter(|_| is_latest) {
                Some(entry) => known.push(entry.listed.clone()),
                None => unknown.push(symbol),
            }
        }
        (known, unknown)
    }

    /// The stocks that changed after `since`, in the order of their changes.
    pub(crate) fn since(&self, since: Option<Version>) -> Vec<&Entry> {
        let is_later = |entry: &&Entry| since.is_none_or(|since| entry.listed.version > since);
        let mut later: Vec<&Entry> = self
            .entries
            .iter()
            .map(|entry| &**entry)
            .filter(is_later)
            .collect();
        later.sort_by_key(|entry| entry.listed.version);
        later
    }

    /// A page of stocks by symbol.
    pub(crate) fn page(&self, key: &PageKey) -> Arc<Page> {
        let kept = self
            .pages
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned();
        kept.unwrap_or_else(|| {
            let page = Arc::new(self.put_together(key));
            let mut pages = self.pages.write().unwrap_or_else(PoisonError::into_inner);
            if pages.len() < MAX_KEPT_PAGES {
                pages.insert(key.clone(), Arc::clone(&page));
            }
            page
        })
    }

    fn put_together(&self, key: &PageKey) -> Page {
        let is_of_sector =
            |entry: &&Arc<Entry>| key.sector.is_none() || entry.listed.stock.sector == key.sector;
        let total = self.entries.iter().filter(is_of_sector).count();
        let start = key.after.map_or(0, |after| {
            self.entries
                .partition_point(|entry| entry.listed.stock.symbol <= after)
        });
        let mut rest = self.entries[start..]
            .iter()
            .filter(is_of_sector)
            .skip(key.skip as usize);
        let mut json = vec![b'['];
        let mut last = None;
        for entry in rest.by_ref().take(key.limit as usize) {
            if last.is_some() {
                json.push(b',');
            }
            json.extend_from_slice(&entry.json().json);
            last = Some(entry.listed.stock.symbol);
        }
        json.push(b']');
        let has_more = rest.next().is_some();
        Page {
            stocks: Representation::new(self.version, json),
            total: total.into(),
            last: last.filter(|_| has_more),
        }
    }
}

#[cfg(test)]
mod tests {
    use market::Timestamp;

    use super::*;

    fn listed(symbol: &str, sector: &str, version: i64) -> Listed {
        let json = format!(
            r#"{{"symbol":"{symbol}","name":"Acme","sector":"{sector}","current_price":{version}}}"#
        );
        let at = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
        Listed::new(serde_json::from_str(&json).unwrap(), at, Version(version))
    }

    fn catalogue() -> Snapshot {
        let stocks = vec![
            listed("B", "x", 1),
            listed("A", "x", 2),
            listed("D", "y", 3),
            listed("C", "x", 4),
        ];
        Snapshot::default().changed(Version(4), stocks)
    }

    fn symbols(page: &Page) -> Vec<String> {
        let stocks: Vec<catalogue_client::Stock> =
            serde_json::from_slice(&page.stocks.json).unwrap();
        stocks
            .iter()
            .map(|stock| stock.symbol.to_string())
            .collect()
    }

    #[test]
    fn a_page_is_ordered_filtered_and_knows_whether_there_is_more() {
        let snapshot = catalogue();
        let page = |sector: Option<&str>, after: Option<&str>, skip, limit| {
            let sector = sector.map(|sector| Sector::parse(sector).unwrap());
            let after = after.map(|after| Symbol::parse(after).unwrap());
            let page = snapshot.page(&PageKey {
                sector,
                after,
                skip,
                limit,
            });
            (
                symbols(&page),
                page.total.to_str().unwrap().parse::<usize>().unwrap(),
                page.last.map(|last| last.to_string()),
            )
        };
        let names = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        assert_eq!(
            page(None, None, 0, 4),
            (names(&["A", "B", "C", "D"]), 4, None)
        );
        assert_eq!(
            page(None, None, 1, 2),
            (names(&["B", "C"]), 4, Some("C".to_owned()))
        );
        assert_eq!(
            page(None, Some("B"), 0, 1),
            (names(&["C"]), 4, Some("C".to_owned()))
        );
        assert_eq!(
            page(Some("x"), None, 0, 2),
            (names(&["A", "B"]), 3, Some("B".to_owned()))
        );
        assert_eq!(page(Some("x"), None, 9, 2), (names(&[]), 3, None));
        assert_eq!(page(Some("none"), None, 0, 2), (names(&[]), 0, None));
    }

    #[test]
    fn a_change_leaves_the_snapshot_before_it_as_it_was() {
        let before = catalogue();
        let key = PageKey {
            limit: 9,
            ..PageKey::default()
        };
        let page = before.page(&key);
        let after = before.changed(Version(5), vec![listed("A", "x", 5), listed("AA", "y", 5)]);
        assert_eq!(before.page(&key).stocks.json, page.stocks.json);
        assert_eq!(symbols(&after.page(&key)), ["A", "AA", "B", "C", "D"]);
        let changed: Vec<String> = after
            .since(Some(Version(3)))
            .iter()
            .map(|entry| entry.listed.stock.symbol.to_string())
            .collect();
        assert_eq!(changed, ["C", "A", "AA"]);
    }

    #[test]
    fn a_change_starts_from_what_is_known_unless_one_before_it_was_missed() {
        let snapshot = catalogue();
        let symbols = ["A", "C", "NEW"].map(|symbol| Symbol::parse(symbol).unwrap());
        for (version, known) in [(5, 2), (6, 0), (4, 0)] {
            let (found, unknown) = snapshot.before(Version(version), symbols);
            let found = found.iter().map(|listed| listed.stock.symbol);
            assert!(found.eq(symbols[..known].iter().copied()));
            assert_eq!(unknown, symbols[known..]);
        }
    }
}
