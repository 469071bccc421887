//! The candles that are forming: each price of this process is in them until the store has it. Pure: no I/O, no clock.
//!
//! What this process has of a candle is one part, which it writes again and again as it grows, each time whole. So a write
//! whose outcome is unknown can be repeated, and whoever finds a part both here and in the store takes the fuller one.

use std::collections::{BTreeMap, HashMap, btree_map, hash_map};

use market::{Symbol, Timestamp};

use crate::candle::{Candle, Tick};
use crate::interval::Grain;
use crate::stock::Version;

/// Parts of ended intervals that may wait to be written. They wait only while the store takes prices and no candles, for
/// without prices there are none.
const MAX_ENDED: usize = 250_000;

/// A part of a candle, which is this process's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The stock.
    pub(crate) symbol: Symbol,
    /// The candle's length.
    pub(crate) grain: Grain,
    /// Its prices so far.
    pub(crate) candle: Candle,
}

/// Parts that grow, and those that must still be written.
#[derive(Default)]
pub(crate) struct Forming {
    /// The last part of each stock, of each grain.
    growing: HashMap<Symbol, [Growing; Grain::ALL.len()]>,
    /// Those before it, by their start, so that the oldest are dropped first.
    ended: BTreeMap<Key, Part>,
}

struct Growing {
    part: Part,
    /// How many of its prices the store has.
    written: u64,
}

/// What tells parts apart: where a candle starts, whose it is, and what opened the part.
type Key = (Timestamp, Symbol, Grain, Version);

impl Growing {
    fn new(grain: Grain, tick: &Tick) -> Self {
        let part = Part {
            symbol: tick.symbol,
            grain,
            candle: Candle::new(grain, tick),
        };
        Self { part, written: 0 }
    }

    fn is_unwritten(&self) -> bool {
        self.written < self.part.candle.count
    }
}

impl Part {
    fn key(&self) -> Key {
        (
            self.candle.start,
            self.symbol,
            self.grain,
            self.candle.opened,
        )
    }
}

impl Forming {
    /// Takes prices in their order; how many parts had to be dropped.
    pub(crate) fn take(&mut self, ticks: &[Tick]) -> usize {
        for tick in ticks {
            self.take_one(tick);
        }
        let dropped = self.ended.len().saturating_sub(MAX_ENDED);
        for _ in 0..dropped {
            self.ended.pop_first();
        }
        dropped
    }

    /// A price of another interval ends the part before it, be it of an earlier one because the clock was set back.
    fn take_one(&mut self, tick: &Tick) {
        let fresh = Grain::ALL.map(|grain| Growing::new(grain, tick));
        let known = match self.growing.entry(tick.symbol) {
            hash_map::Entry::Vacant(vacant) => {
                vacant.insert(fresh);
                return;
            }
            hash_map::Entry::Occupied(occupied) => occupied.into_mut(),
        };
        for (growing, fresh) in known.iter_mut().zip(fresh) {
            let candle = &mut growing.part.candle;
            if candle.start == fresh.part.candle.start {
                *candle = candle.merge(fresh.part.candle);
                continue;
            }
            let before = std::mem::replace(growing, fresh);
            if before.is_unwritten() {
                self.ended.insert(before.part.key(), before.part);
            }
        }
    }

    /// The parts that the store does not have as they are now.
    pub(crate) fn unwritten(&self) -> Vec<Part> {
        let growing = self
            .growing
            .values()
            .flatten()
            .filter(|growing| growing.is_unwritten());
        let ended = self.ended.values().copied();
        ended.chain(growing.map(|growing| growing.part)).collect()
    }

    /// Takes note that the store has these parts as they are here.
    pub(crate) fn written(&mut self, parts: &[Part]) {
        for part in parts {
            // It may have grown and ended since it was handed out.
            if let btree_map::Entry::Occupied(ended) = self.ended.entry(part.key())
                && ended.get() == part
            {
                ended.remove();
            }
            let growing = self.growing.get_mut(&part.symbol).into_iter().flatten();
            for growing in growing.filter(|growing| growing.part.key() == part.key()) {
                growing.written = part.candle.count;
            }
        }
    }

    /// What there is of a stock's candles, which the store may not have yet.
    pub(crate) fn of(&self, symbol: Symbol, grain: Grain) -> Vec<Candle> {
        let growing = self.growing.get(&symbol).into_iter().flatten();
        let parts = growing.map(|growing| &growing.part);
        parts
            .chain(self.ended.values())
            .filter(|part| (part.symbol, part.grain) == (symbol, grain))
            .map(|part| part.candle)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use market::Price;

    use super::*;

    fn tick(price: &str, time: &str, version: i64) -> Tick {
        Tick {
            symbol: Symbol::parse("ACME").unwrap(),
            price: Price::parse(price).unwrap(),
            at: Timestamp::parse(&format!("2026-01-05T{time}Z")).unwrap(),
            version: Version(version),
        }
    }

    /// What is unwritten, as `minutes@start:count`, in order.
    fn unwritten(forming: &Forming) -> Vec<String> {
        let parts = forming.unwritten();
        let mut texts: Vec<_> = parts
            .iter()
            .map(|Part { grain, candle, .. }| {
                let start = candle.start.to_string();
                format!("{}@{}:{}", grain.minutes(), &start[11..16], candle.count)
            })
            .collect();
        texts.sort();
        texts
    }

    #[test]
    fn a_part_is_written_whole_each_time_that_it_has_grown() {
        let mut forming = Forming::default();
        forming.take(&[tick("1", "10:00:01", 1), tick("2", "10:00:01", 1)]);
        assert_eq!(unwritten(&forming), ["1@10:00:2", "60@10:00:2"]);
        forming.written(&forming.unwritten());
        assert_eq!(unwritten(&forming), [""; 0]);
        forming.take(&[tick("3", "10:00:02", 2)]);
        assert_eq!(unwritten(&forming), ["1@10:00:3", "60@10:00:3"]);
    }

    #[test]
    fn what_grows_or_ends_while_it_is_being_written_is_written_again() {
        let mut forming = Forming::default();
        forming.take(&[tick("1", "10:00:01", 1)]);
        let under_way = forming.unwritten();
        forming.take(&[tick("2", "10:00:59", 2), tick("3", "10:01:00", 3)]);
        forming.written(&under_way);
        assert_eq!(
            unwritten(&forming),
            ["1@10:00:2", "1@10:01:1", "60@10:00:3"]
        );
        forming.written(&forming.unwritten());
        forming.take(&[tick("4", "11:00:00", 4)]);
        assert_eq!(unwritten(&forming), ["1@11:00:1", "60@11:00:1"]);
    }

    #[test]
    fn a_clock_that_is_set_back_starts_another_part_of_the_same_candle() {
        let mut forming = Forming::default();
        for (time, version) in [("10:01:00", 1), ("10:00:59", 2), ("10:01:00", 3)] {
            forming.take(&[tick("1", time, version)]);
        }
        let expected = ["1@10:00:1", "1@10:01:1", "1@10:01:1", "60@10:00:3"];
        assert_eq!(unwritten(&forming), expected);
        let acme = Symbol::parse("ACME").unwrap();
        assert_eq!(forming.of(acme, Grain::Minute).len(), 3);
        assert_eq!(forming.of(Symbol::parse("B").unwrap(), Grain::Minute), []);
    }

    #[test]
    fn past_the_limit_the_oldest_are_dropped() {
        let mut forming = Forming::default();
        let last = i64::try_from(MAX_ENDED).unwrap() + 1;
        let ticks: Vec<Tick> = (0..=last)
            .map(|minute| {
                let first = tick("1", "00:00:00", minute);
                let micros = first.at.micros() + minute * 60_000_000;
                let at = Timestamp::from_micros(micros).unwrap();
                Tick { at, ..first }
            })
            .collect();
        let hours = ticks.len() / 60;
        assert_eq!(forming.take(&ticks), hours + 1);
        assert_eq!(forming.ended.len(), MAX_ENDED);
        assert!(!unwritten(&forming).is_empty());
    }
}
