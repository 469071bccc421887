//! A stock and how its price moves. Pure: no I/O, no clock.

use catalogue_client::{NewStock, Stock};
use market::{Percent, Price, Timestamp};

/// The version of the catalogue: it grows by one with each change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Version(pub(crate) i64);

impl Version {
    /// The version that follows.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A stock with what the catalogue keeps to itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// What everyone may see.
    pub(crate) stock: Stock,
    /// Last price of the trading day before.
    pub(crate) previous_close: Price,
    /// The version of the catalogue that its last change led to.
    pub(crate) version: Version,
}

/// A new price from the market-data feed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quote {
    /// The price.
    pub(crate) price: Price,
    /// Its change, where the feed knows it.
    pub(crate) change: Option<Percent>,
    /// When it came.
    pub(crate) at: Timestamp,
}

/// The price is further from the previous close than a change in percent can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChangeTooLarge;

impl Listed {
    /// A stock that comes into the catalogue.
    pub(crate) fn new(new: NewStock, at: Timestamp, version: Version) -> Self {
        let previous_close = new
            .current_price
            .before(new.change_pct)
            .unwrap_or(new.current_price);
        let stock = Stock {
            symbol: new.symbol,
            name: new.name,
            sector: new.sector,
            current_price: new.current_price,
            change_pct: new.change_pct,
            volume: new.volume,
            market_cap: new.market_cap,
            updated_at: at,
        };
        Self {
            stock,
            previous_close,
            version,
        }
    }

    /// Takes a new price, or refuses it and changes nothing. The first quote of a day makes the last price before it the
    /// previous close; a day is one of UTC.
    pub(crate) fn quote(&mut self, quote: Quote, version: Version) -> Result<(), ChangeTooLarge> {
        let is_new_day =
            quote.at.to_utc().date_naive() > self.stock.updated_at.to_utc().date_naive();
        let previous_close = if is_new_day {
            self.stock.current_price
        } else {
            self.previous_close
        };
        let computed = || Percent::between(previous_close, quote.price);
        self.stock.change_pct = quote.change.or_else(computed).ok_or(ChangeTooLarge)?;
        self.stock.current_price = quote.price;
        self.stock.updated_at = quote.at;
        self.previous_close = previous_close;
        self.version = version;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(price: &str, change: &str) -> Listed {
        let json = format!(
            r#"{{"symbol":"ACME","name":"Acme","current_price":{price},"change_pct":{change}}}"#
        );
        Listed::new(
            serde_json::from_str(&json).unwrap(),
            Timestamp::parse("2026-01-05T10:00:00Z").unwrap(),
            Version(1),
        )
    }

    fn quoted(mut stock: Listed, quote: Quote) -> Listed {
        stock.quote(quote, Version(2)).unwrap();
        stock
    }

    fn quote(price: &str, change: Option<&str>, at: &str) -> Quote {
        let change = change.map(|change| Percent::parse(change).unwrap());
        Quote {
            price: Price::parse(price).unwrap(),
            change,
            at: Timestamp::parse(at).unwrap(),
        }
    }

    #[test]
    fn a_change_is_computed_from_the_previous_close() {
        let stock = quoted(
            listed("101", "1"),
            quote("102.5", None, "2026-01-05T11:00:00Z"),
        );
        assert_eq!(stock.previous_close.to_string(), "100");
        assert_eq!(stock.stock.change_pct.to_string(), "2.5");
    }

    #[test]
    fn a_change_that_the_feed_knows_is_taken() {
        let stock = quoted(
            listed("101", "1"),
            quote("102", Some("0.95"), "2026-01-05T11:00:00Z"),
        );
        assert_eq!(stock.stock.change_pct.to_string(), "0.95");
    }

    #[test]
    fn the_first_quote_of_a_day_closes_the_day_before() {
        let stock = quoted(
            listed("101", "1"),
            quote("50.5", None, "2026-01-06T00:00:00Z"),
        );
        assert_eq!(stock.previous_close.to_string(), "101");
        assert_eq!(stock.stock.change_pct.to_string(), "-50");
    }

    #[test]
    fn a_price_too_far_from_the_previous_close_is_refused() {
        let far = quote("9999999999", None, "2026-01-06T11:00:00Z");
        let mut stock = listed("0.0001", "0");
        assert_eq!(stock.quote(far, Version(2)), Err(ChangeTooLarge));
        assert_eq!(stock, listed("0.0001", "0"));
    }

    #[test]
    fn a_stock_that_lost_everything_has_its_price_as_previous_close() {
        assert_eq!(listed("5", "-100").previous_close.to_string(), "5");
    }
}
