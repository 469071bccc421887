//! Candles: what the prices of an interval come to. Pure: no I/O, no clock.
//!
//! A candle may be made of parts, for every replica folds the prices that it took itself. The versions of the catalogue that
//! the prices led to say which part is the older one, so that parts merge to the same candle in any order.

use std::collections::BTreeMap;

use market::{Price, Symbol, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::interval::{Grain, Interval};
use crate::stock::Version;

/// A price as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    /// The stock.
    pub(crate) symbol: Symbol,
    /// Its price.
    pub(crate) price: Price,
    /// When it came; all prices that led to one version came at the same time.
    pub(crate) at: Timestamp,
    /// The version of the catalogue that it led to.
    pub(crate) version: Version,
}

/// The prices of a stock in one interval, or a part of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Candle {
    /// Start of the interval.
    #[serde(rename = "t")]
    pub(crate) start: Timestamp,
    /// First price.
    #[serde(rename = "o")]
    pub(crate) open: Price,
    /// Highest price.
    #[serde(rename = "h")]
    pub(crate) high: Price,
    /// Lowest price.
    #[serde(rename = "l")]
    pub(crate) low: Price,
    /// Last price.
    #[serde(rename = "c")]
    pub(crate) close: Price,
    /// How many prices came.
    #[serde(rename = "v")]
    #[schema(minimum = 1)]
    pub(crate) count: u64,
    /// The version that the first price led to. Parts of one candle differ in it, for a version is of one replica's change.
    #[serde(skip)]
    pub(crate) opened: Version,
    /// The version that the last price led to.
    #[serde(skip)]
    pub(crate) closed: Version,
}

impl Candle {
    /// The candle of one price.
    pub(crate) fn new(grain: Grain, tick: &Tick) -> Self {
        Self {
            start: grain.start(tick.at),
            open: tick.price,
            high: tick.price,
            low: tick.price,
            close: tick.price,
            count: 1,
            opened: tick.version,
            closed: tick.version,
        }
    }

    /// Both in one. The versions tell which is the older; of prices that led to one version, this one's.
    pub(crate) fn merge(self, other: Self) -> Self {
        let first = if other.opened < self.opened {
            other
        } else {
            self
        };
        let last = if other.closed < self.closed {
            self
        } else {
            other
        };
        Self {
            start: self.start,
            open: first.open,
            high: self.high.max(other.high),
            low: self.low.min(other.low),
            close: last.close,
            count: self.count.saturating_add(other.count),
            opened: first.opened,
            closed: last.closed,
        }
    }
}

/// Candles of an interval, by their start, from those of its grain or parts of them.
pub(crate) fn roll_up(
    interval: Interval,
    candles: impl IntoIterator<Item = Candle>,
) -> Vec<Candle> {
    let mut merged: BTreeMap<Timestamp, Candle> = BTreeMap::new();
    for candle in candles {
        let start = interval.start(candle.start);
        let candle = Candle { start, ..candle };
        merged
            .entry(start)
            .and_modify(|earlier| *earlier = earlier.merge(candle))
            .or_insert(candle);
    }
    merged.into_values().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn minute(price: &str, time: &str, version: i64) -> Candle {
        let tick = Tick {
            symbol: Symbol::parse("ACME").unwrap(),
            price: Price::parse(price).unwrap(),
            at: at(&format!("2026-01-05T{time}Z")),
            version: Version(version),
        };
        Candle::new(Grain::Minute, &tick)
    }

    /// `open high low close count` of each.
    fn figures(candles: &[Candle]) -> Vec<String> {
        let figures = candles.iter().map(|candle| {
            let Candle {
                open,
                high,
                low,
                close,
                count,
                ..
            } = candle;
            format!("{open} {high} {low} {close} {count}")
        });
        figures.collect()
    }

    #[test]
    fn a_candle_has_the_first_the_highest_the_lowest_and_the_last_price() {
        let one = minute("100", "10:00:00", 1);
        assert_eq!(figures(&[one]), ["100 100 100 100 1"]);
        let three = one
            .merge(minute("0.0001", "10:00:59.999999", 2))
            .merge(minute("100.5", "10:00:59.999999", 2));
        assert_eq!(figures(&[three]), ["100 100.5 0.0001 100.5 3"]);
        assert_eq!((three.opened, three.closed), (Version(1), Version(2)));
    }

    #[test]
    fn longer_candles_are_rolled_up_from_shorter_ones() {
        let minutes = [
            minute("1", "10:04:59", 1),
            minute("2", "10:05:00", 2),
            minute("9", "10:09:59", 3),
            minute("4", "10:20:00", 4),
        ];
        assert_eq!(roll_up(Interval::Minute, minutes), minutes);
        let rolled_up = roll_up(Interval::FiveMinutes, minutes);
        assert_eq!(figures(&rolled_up), ["1 1 1 1 1", "2 9 2 9 2", "4 4 4 4 1"]);
        let starts = rolled_up.iter().map(|candle| candle.start);
        assert!(
            starts
                .eq(["10:00", "10:05", "10:20"].map(|time| at(&format!("2026-01-05T{time}:00Z"))))
        );
    }

    /// Prices in their order, each with the replica that took it.
    fn ticks() -> impl Strategy<Value = Vec<(u8, Tick)>> {
        let price = 1..100_000_000_000_000_i128;
        let tick = (0..3_u8, any::<bool>(), price, 0..90_000_000_i64);
        prop::collection::vec(tick, 1..60).prop_map(|ticks| {
            let mut replica = 0;
            let mut version = Version(0);
            let mut micros = at("2026-01-05T10:00:00Z").micros();
            let tick = |(by, is_next, units, pause)| {
                // What came with the price before led to the same version.
                if is_next {
                    (replica, version, micros) = (by, version.next(), micros + pause);
                }
                let tick = Tick {
                    symbol: Symbol::parse("ACME").unwrap(),
                    price: Price::from_units(units).unwrap(),
                    at: Timestamp::from_micros(micros).unwrap(),
                    version,
                };
                (replica, tick)
            };
            ticks.into_iter().map(tick).collect()
        })
    }

    proptest! {
        #[test]
        fn parts_merge_in_any_order_to_what_the_prices_come_to_in_theirs(
            ticks in ticks(),
            restarts in prop::collection::vec(any::<bool>(), 60),
            turn in any::<prop::sample::Index>(),
        ) {
            for interval in [Interval::Minute, Interval::FiveMinutes, Interval::Hour, Interval::Day] {
                let grain = interval.grain();
                let whole = roll_up(interval, ticks.iter().map(|(_, tick)| Candle::new(grain, tick)));
                let mut parts: BTreeMap<_, Candle> = BTreeMap::new();
                let mut run = 0;
                let mut version = Version(0);
                for ((replica, tick), restart) in ticks.iter().zip(&restarts) {
                    // A replica that starts again has a part of its own; it does not do so within a change.
                    run += u32::from(*restart && tick.version > version);
                    version = tick.version;
                    let candle = Candle::new(grain, tick);
                    parts
                        .entry((replica, run, candle.start))
                        .and_modify(|part| *part = part.merge(candle))
                        .or_insert(candle);
                }
                let mut parts: Vec<_> = parts.into_values().collect();
                let turn = turn.index(parts.len());
                parts.rotate_left(turn);
                prop_assert_eq!(roll_up(interval, parts), whole);
            }
        }
    }
}
