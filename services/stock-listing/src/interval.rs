//! The intervals of candles: where they start, and which of them are kept. Pure: no I/O, no clock.

use market::{Invalid, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;

const MICROS_A_MINUTE: i64 = 60_000_000;

/// The length of a candle; intervals start at whole multiples of it in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) enum Interval {
    /// A minute.
    #[serde(rename = "1m")]
    Minute,
    /// Five minutes.
    #[serde(rename = "5m")]
    FiveMinutes,
    /// An hour.
    #[serde(rename = "1h")]
    Hour,
    /// A day.
    #[serde(rename = "1d")]
    Day,
}

/// The lengths in which candles are kept; longer ones are rolled up from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Grain {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

impl Interval {
    /// Reads `1m`, `5m`, `1h` or `1d`.
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "1m" => Ok(Self::Minute),
            "5m" => Ok(Self::FiveMinutes),
            "1h" => Ok(Self::Hour),
            "1d" => Ok(Self::Day),
            _ => Err(Invalid {
                rule: "1m, 5m, 1h or 1d",
            }),
        }
    }

    /// The wire form.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::FiveMinutes => "5m",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }

    /// What its candles are made of.
    pub(crate) fn grain(self) -> Grain {
        match self {
            Self::Minute | Self::FiveMinutes => Grain::Minute,
            Self::Hour | Self::Day => Grain::Hour,
        }
    }

    /// How many candles of its grain it can have.
    pub(crate) fn grains(self) -> u32 {
        match self {
            Self::Minute | Self::Hour => 1,
            Self::FiveMinutes => 5,
            Self::Day => 24,
        }
    }

    fn micros(self) -> i64 {
        self.grain().micros() * i64::from(self.grains())
    }

    /// The first start at or after `moment`; none when the calendar ends before it.
    pub(crate) fn first_start(self, moment: Timestamp) -> Option<Timestamp> {
        let into = moment.micros().rem_euclid(self.micros());
        let left = (self.micros() - into) % self.micros();
        let start = Timestamp::from_micros(moment.micros().checked_add(left)?)?;
        // Past the year 9999 there is no text that could be read again.
        start.to_string().parse().ok()
    }

    /// The start of the interval that `moment` is in.
    pub(crate) fn start(self, moment: Timestamp) -> Timestamp {
        start(moment, self.micros())
    }
}

impl std::str::FromStr for Interval {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl Grain {
    /// Each of them.
    pub(crate) const ALL: [Self; 2] = [Self::Minute, Self::Hour];

    /// Its length.
    pub(crate) fn minutes(self) -> i16 {
        match self {
            Self::Minute => 1,
            Self::Hour => 60,
        }
    }

    /// The start of the interval that `moment` is in.
    pub(crate) fn start(self, moment: Timestamp) -> Timestamp {
        start(moment, self.micros())
    }

    fn micros(self) -> i64 {
        i64::from(self.minutes()) * MICROS_A_MINUTE
    }
}

/// The start of the interval of so many microseconds that `moment` is in.
fn start(moment: Timestamp, micros: i64) -> Timestamp {
    let into = moment.micros().rem_euclid(micros);
    // The calendar starts with a whole interval of each length, so that no start is before it.
    Timestamp::from_micros(moment.micros() - into).unwrap_or(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn an_interval_starts_at_a_whole_multiple_of_its_length() {
        let moment = at("2026-01-05T10:37:59.999999Z");
        for (interval, start, next) in [
            (Interval::Minute, "05T10:37:00Z", "05T10:38:00Z"),
            (Interval::FiveMinutes, "05T10:35:00Z", "05T10:40:00Z"),
            (Interval::Hour, "05T10:00:00Z", "05T11:00:00Z"),
            (Interval::Day, "05T00:00:00Z", "06T00:00:00Z"),
        ] {
            let (start, next) = (
                at(&format!("2026-01-{start}")),
                at(&format!("2026-01-{next}")),
            );
            assert_eq!(interval.start(moment), start);
            assert_eq!(interval.first_start(moment), Some(next));
            assert_eq!(interval.first_start(next), Some(next));
            assert_eq!(Interval::parse(interval.as_str()), Ok(interval));
        }
    }

    #[test]
    fn an_interval_may_start_before_1970_and_at_the_ends_of_the_calendar() {
        for interval in ["1m", "5m", "1h", "1d"] {
            let interval = Interval::parse(interval).unwrap();
            for first in ["0000-01-01T00:00:00Z", "1969-12-31T00:00:00Z"] {
                let first = at(first);
                let inside = Timestamp::from_micros(first.micros() + 1).unwrap();
                assert_eq!(interval.start(inside), first);
                assert_eq!(interval.first_start(first), Some(first));
            }
            assert_eq!(
                interval.first_start(at("9999-12-31T23:59:59.999999Z")),
                None
            );
        }
    }
}
