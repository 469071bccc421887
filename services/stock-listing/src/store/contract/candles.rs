//! What every store of candles must do; each test runs on both databases.

use market::{Price, Symbol, Timestamp};
use service_kit::database::StoreError;

use super::{Opened, on_postgres, on_sqlite};
use crate::candle::Candle;
use crate::forming::Part;
use crate::interval::Grain;
use crate::stock::Version;
use crate::store::candles::{CandleStore, Filter, open};

contracts!(
    what_is_written_is_found_to_the_last_digit,
    a_part_is_written_in_the_place_of_what_was_written_of_it_before,
    the_newest_candles_are_found_with_all_their_parts,
    only_candles_of_the_time_that_is_asked_for_are_found,
    the_oldest_are_forgotten_so_many_at_a_time,
    a_part_that_breaks_an_invariant_is_refused,
);

fn minute(number: i64) -> Timestamp {
    let first = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
    Timestamp::from_micros(first.micros() + number * 60_000_000).unwrap()
}

fn part(symbol: &str, grain: Grain, number: i64, opened: i64) -> Part {
    let price = |text| Price::parse(text).unwrap();
    Part {
        symbol: Symbol::parse(symbol).unwrap(),
        grain,
        candle: Candle {
            start: minute(number),
            open: price("100.0001"),
            high: price("9999999999.9999"),
            low: price("0.0001"),
            close: price("99.5"),
            count: 3,
            opened: Version(opened),
            closed: Version(opened + 1),
        },
    }
}

fn filter(limit: u32) -> Filter {
    Filter {
        symbol: Symbol::parse("A").unwrap(),
        grain: Grain::Minute,
        from: None,
        to: None,
        limit,
    }
}

fn candles_of(parts: &[Part]) -> Vec<Candle> {
    parts.iter().map(|part| part.candle).collect()
}

/// The minutes and opening versions that are found.
async fn found(store: &dyn CandleStore, filter: Filter) -> Vec<(i64, i64)> {
    let found = store.find(&filter).await.unwrap();
    let numbers = found.iter().map(|candle| {
        let micros = candle.start.micros() - minute(0).micros();
        (micros / 60_000_000, candle.opened.0)
    });
    numbers.collect()
}

async fn what_is_written_is_found_to_the_last_digit(opened: Opened) {
    let store = open(&opened.database);
    let parts = [
        part("A", Grain::Minute, 0, 1),
        part("A", Grain::Minute, 1, 2),
        part("A", Grain::Hour, 0, 1),
        part("B", Grain::Minute, 0, 1),
    ];
    store.write(&parts).await.unwrap();
    store.write(&[]).await.unwrap();
    let found = store.find(&filter(10)).await.unwrap();
    assert_eq!(found, candles_of(&parts[..2]));
    let hours = Filter {
        grain: Grain::Hour,
        ..filter(10)
    };
    assert_eq!(store.find(&hours).await.unwrap(), [parts[2].candle]);
}

async fn a_part_is_written_in_the_place_of_what_was_written_of_it_before(opened: Opened) {
    let store = open(&opened.database);
    let before = part("A", Grain::Minute, 0, 1);
    let other = part("A", Grain::Minute, 0, 7);
    store.write(&[before, other]).await.unwrap();
    let mut grown = before;
    grown.candle.close = Price::parse("100").unwrap();
    grown.candle.closed = Version(9);
    grown.candle.count = 4;
    for _ in 0..2 {
        store.write(&[grown]).await.unwrap();
        let found = store.find(&filter(1)).await.unwrap();
        assert_eq!(found, [grown.candle, other.candle]);
    }
    // What was given up, and comes late.
    assert!(store.write(&[before]).await.is_err());
    let found = store.find(&filter(1)).await.unwrap();
    assert_eq!(found, [grown.candle, other.candle]);
}

async fn the_newest_candles_are_found_with_all_their_parts(opened: Opened) {
    let store = open(&opened.database);
    let parts = [(0, 1), (3, 2), (3, 5), (7, 9), (7, 8), (7, 12)]
        .map(|(number, opened)| part("A", Grain::Minute, number, opened));
    store.write(&parts).await.unwrap();
    let all = [(0, 1), (3, 2), (3, 5), (7, 8), (7, 9), (7, 12)];
    for (limit, first) in [(1, 3), (2, 1), (3, 0), (9, 0)] {
        assert_eq!(found(&*store, filter(limit)).await, all[first..]);
    }
}

async fn only_candles_of_the_time_that_is_asked_for_are_found(opened: Opened) {
    let store = open(&opened.database);
    let parts = [0, 1, 2, 3].map(|number| part("A", Grain::Minute, number, number));
    store.write(&parts).await.unwrap();
    let calendar = ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"];
    let [first, last] = calendar.map(|end| Timestamp::parse(end).unwrap());
    let later = Timestamp::from_micros(minute(1).micros() + 1).unwrap();
    for (from, to, expected) in [
        (Some(minute(1)), Some(minute(3)), vec![1, 2]),
        (Some(later), None, vec![2, 3]),
        (None, Some(later), vec![0, 1]),
        (Some(minute(3)), Some(minute(1)), vec![]),
        (Some(first), Some(last), vec![0, 1, 2, 3]),
    ] {
        let filter = Filter {
            from,
            to,
            ..filter(9)
        };
        let numbers = found(&*store, filter).await;
        assert!(numbers.iter().map(|(number, _)| number).eq(&expected));
        assert!(parts[..].iter().all(|part| {
            filter.covers(&part.candle)
                == expected
                    .iter()
                    .any(|number| part.candle.start == minute(*number))
        }));
        let newest = found(&*store, Filter { limit: 1, ..filter }).await;
        assert!(newest.iter().eq(numbers.last()));
    }
}

async fn the_oldest_are_forgotten_so_many_at_a_time(opened: Opened) {
    let store = open(&opened.database);
    let parts = [0, 1, 2, 3].map(|number| part("A", Grain::Minute, number, number));
    store.write(&parts).await.unwrap();
    store.write(&[part("A", Grain::Hour, 0, 0)]).await.unwrap();
    let forget = async |limit| store.forget(Grain::Minute, minute(3), limit).await.unwrap();
    assert_eq!(forget(0).await, 0);
    assert_eq!(forget(2).await, 2);
    assert_eq!(found(&*store, filter(9)).await, [(2, 2), (3, 3)]);
    assert_eq!(forget(2).await, 1);
    assert_eq!(forget(2).await, 0);
    assert_eq!(found(&*store, filter(9)).await, [(3, 3)]);
    let hours = Filter {
        grain: Grain::Hour,
        ..filter(9)
    };
    assert_eq!(found(&*store, hours).await, [(0, 0)]);
}

async fn a_part_that_breaks_an_invariant_is_refused(opened: Opened) {
    let store = open(&opened.database);
    let sound = part("A", Grain::Minute, 0, 1);
    let mut empty = sound;
    empty.candle.count = 0;
    let mut backwards = sound;
    backwards.candle.closed = Version(0);
    for broken in [empty, backwards] {
        let refused = store.write(&[sound, broken]).await;
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{broken:?}");
        assert_eq!(found(&*store, filter(9)).await, []);
    }
}
