//! What has been heard of the catalogue: symbols, prices, and when. Pure: no I/O, no clock.
//!
//! The catalogue is read from its beginning, and then as it changes. A reading tells each stock once, but not what is gone
//! since the reading before; that shows in the number of stocks.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use market::{Price, Symbol};

/// Silence after which prices are not told any more, and longest time that a reading may take.
const STALE_AFTER: Duration = Duration::from_secs(5);
/// Stocks that are kept; others have no price, and are asked for one by one.
const MAX_STOCKS: usize = 1_000_000;

/// What is known.
#[derive(Debug, Default)]
pub(crate) struct Board {
    quotes: HashMap<Symbol, Quote>,
    heard_at: Option<Instant>,
    /// The number of the last reading.
    reading: u64,
    reading_since: Option<Instant>,
    /// Stocks that it has told so far.
    told: usize,
    /// The reading from which on prices are true; those before it were cut off for too long.
    true_since: u64,
    /// Stocks that the catalogue has, when it has said so.
    total: Option<usize>,
}

#[derive(Debug)]
struct Quote {
    /// None when it could not be read.
    price: Option<Price>,
    /// The reading that told it last.
    reading: u64,
}

impl Board {
    /// Begins to read the catalogue from its beginning.
    pub(crate) fn start_reading(&mut self, now: Instant) {
        self.reading += 1;
        self.reading_since = Some(now);
        self.told = 0;
        if self.is_stale(now) {
            self.true_since = self.reading;
        }
    }

    /// Takes what the catalogue says now; nothing is a sign of life as well.
    pub(crate) fn hear(&mut self, told: &[(Symbol, Option<Price>)], now: Instant) {
        self.heard_at = Some(now);
        let reading = self.reading;
        for &(symbol, price) in told {
            let is_full = self.quotes.len() >= MAX_STOCKS;
            if is_full && !self.quotes.contains_key(&symbol) {
                continue;
            }
            let before = self.quotes.insert(symbol, Quote { price, reading });
            if before.is_none_or(|before| before.reading < reading) {
                self.told += 1;
            }
        }
        self.forget_what_is_gone(now);
    }

    /// Takes how many stocks the catalogue has, when `known` were known before it was asked. Whether it has to be read again,
    /// since some are gone.
    pub(crate) fn compare(&mut self, known: usize, total: usize, now: Instant) -> bool {
        self.total = Some(total);
        self.forget_what_is_gone(now);
        known > total && self.told > total
    }

    /// The last price of a stock, while the catalogue is heard.
    pub(crate) fn price(&self, symbol: &Symbol, now: Instant) -> Option<Price> {
        let quote = self.quotes.get(symbol).filter(|_| !self.is_stale(now))?;
        quote.price.filter(|_| quote.reading >= self.true_since)
    }

    /// Whether a stock is in the catalogue, or was when it was last heard of.
    pub(crate) fn knows(&self, symbol: &Symbol) -> bool {
        self.quotes.contains_key(symbol)
    }

    /// How many stocks are known.
    pub(crate) fn len(&self) -> usize {
        self.quotes.len()
    }

    /// Whether the catalogue has not been heard for too long.
    pub(crate) fn is_stale(&self, now: Instant) -> bool {
        self.heard_at
            .is_none_or(|heard_at| now.saturating_duration_since(heard_at) >= STALE_AFTER)
    }

    /// Forgets what a reading did not tell, once it has told as many stocks as there are.
    fn forget_what_is_gone(&mut self, now: Instant) {
        let Some((total, since)) = self.total.zip(self.reading_since) else {
            return;
        };
        let is_read = self.told >= total || now.saturating_duration_since(since) >= STALE_AFTER;
        if is_read && self.told < self.quotes.len() && self.quotes.len() > total {
            let reading = self.reading;
            self.quotes.retain(|_, quote| quote.reading == reading);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn told(stocks: &[(&str, &str)]) -> Vec<(Symbol, Option<Price>)> {
        let stock = |(symbol, price): &(&str, &str)| {
            (Symbol::parse(symbol).unwrap(), Price::parse(price).ok())
        };
        stocks.iter().map(stock).collect()
    }

    fn price(board: &Board, symbol: &str, now: Instant) -> Option<String> {
        let price = board.price(&Symbol::parse(symbol).unwrap(), now);
        price.map(|price| price.to_string())
    }

    fn knows(board: &Board, symbol: &str) -> bool {
        board.knows(&Symbol::parse(symbol).unwrap())
    }

    /// A board that has read these stocks.
    fn board(stocks: &[(&str, &str)], now: Instant) -> Board {
        let mut board = Board::default();
        board.start_reading(now);
        board.hear(&told(stocks), now);
        board
    }

    #[test]
    fn a_price_is_told_until_the_catalogue_has_been_silent_for_five_seconds() {
        let start = Instant::now();
        let mut board = board(&[("A", "1"), ("B", "2")], start);
        board.hear(&told(&[("A", "1.5")]), start + SECOND);
        assert_eq!(
            price(&board, "A", start + 5 * SECOND).as_deref(),
            Some("1.5")
        );
        assert_eq!(price(&board, "B", start + 5 * SECOND).as_deref(), Some("2"));
        assert_eq!(price(&board, "C", start + 5 * SECOND), None);
        assert_eq!(price(&board, "A", start + 6 * SECOND), None);
        assert!(knows(&board, "A") && !knows(&board, "C"));
        board.hear(&[], start + 6 * SECOND);
        assert_eq!(
            price(&board, "A", start + 6 * SECOND).as_deref(),
            Some("1.5")
        );
    }

    #[test]
    fn after_a_long_silence_a_price_is_told_once_it_is_heard_again() {
        let start = Instant::now();
        let mut board = board(&[("A", "1"), ("B", "2")], start);
        let later = start + 9 * SECOND;
        board.start_reading(later);
        board.hear(&told(&[("A", "3")]), later);
        assert_eq!(price(&board, "A", later).as_deref(), Some("3"));
        assert_eq!(price(&board, "B", later), None);
        assert!(knows(&board, "B"));
        board.hear(&told(&[("B", "2")]), later);
        assert_eq!(price(&board, "B", later).as_deref(), Some("2"));
    }

    #[test]
    fn a_price_that_cannot_be_read_is_not_known_and_its_stock_is() {
        let now = Instant::now();
        let mut board = board(&[("A", "1")], now);
        board.hear(&told(&[("A", "none")]), now);
        assert_eq!(price(&board, "A", now), None);
        assert!(knows(&board, "A"));
    }

    #[test]
    fn a_stock_that_is_gone_is_forgotten_when_the_others_were_told_again_and_not_before() {
        let now = Instant::now();
        let mut board = board(&[("A", "1"), ("B", "2"), ("C", "3")], now);
        assert!(!board.compare(3, 3, now));
        assert!(board.compare(3, 2, now));
        board.start_reading(now);
        board.hear(&told(&[("A", "1")]), now);
        assert!(!board.compare(3, 2, now), "it is being read already");
        assert_eq!(price(&board, "B", now).as_deref(), Some("2"));
        board.hear(&told(&[("C", "3")]), now);
        assert!(!knows(&board, "B"));
        assert_eq!(price(&board, "C", now).as_deref(), Some("3"));
        assert!(!board.compare(2, 2, now));
    }

    #[test]
    fn a_stock_that_came_while_the_catalogue_was_counted_is_no_reason_to_read_it_again() {
        let now = Instant::now();
        let mut board = board(&[("A", "1")], now);
        let known = board.len();
        board.hear(&told(&[("B", "2")]), now);
        assert!(!board.compare(known, 1, now));
        assert!(knows(&board, "A") && knows(&board, "B"));
    }

    #[test]
    fn a_reading_that_never_tells_all_there_is_ends_too() {
        let now = Instant::now();
        let mut board = board(&[("A", "1"), ("B", "2"), ("C", "3")], now);
        board.start_reading(now);
        board.hear(&told(&[("A", "1")]), now);
        assert!(!board.compare(3, 2, now + 4 * SECOND));
        assert!(knows(&board, "B"));
        assert!(!board.compare(3, 2, now + 5 * SECOND));
        assert!(knows(&board, "A") && !knows(&board, "B"));
    }
}
