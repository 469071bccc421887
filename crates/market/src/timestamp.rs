//! Moments in time, to the microsecond that PostgreSQL keeps.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, SubsecRound, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::{Invalid, decimal};

/// A moment in UTC, in whole microseconds; RFC 3339 with `Z` on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// Reads an RFC 3339 time of any offset; past the ends of the calendar in UTC, the end counts.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = Invalid {
            rule: "an RFC 3339 time, such as 2026-01-31T09:30:00Z",
        };
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| invalid)?;
        Ok(time.to_utc().clamp(Self::first(), Self::last()).into())
    }

    /// The ends of the calendar: RFC 3339 has years of four digits. An offset can lead past them, where times would no
    /// longer sort as their texts do.
    fn first() -> DateTime<Utc> {
        NaiveDate::from_ymd_opt(0, 1, 1)
            .unwrap_or_default()
            .and_time(NaiveTime::MIN)
            .and_utc()
    }

    fn last() -> DateTime<Utc> {
        let last_micro = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap_or_default();
        NaiveDate::from_ymd_opt(9_999, 12, 31)
            .unwrap_or_default()
            .and_time(last_micro)
            .and_utc()
    }

    /// The moment `micros` microseconds after 1970-01-01T00:00:00Z; `None` outside the calendar.
    pub fn from_micros(micros: i64) -> Option<Self> {
        DateTime::from_timestamp_micros(micros).map(Self)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub fn micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// The moment as chrono has it.
    pub fn to_utc(self) -> DateTime<Utc> {
        self.0
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.trunc_subsecs(6))
    }
}

impl std::str::FromStr for Timestamp {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        decimal::schema(&serde_json::json!({
            "type": "string", "format": "date-time", "examples": ["2026-01-31T09:30:00.000000Z"]
        }))
        .into()
    }
}

impl ToSchema for Timestamp {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_utc_with_microseconds() {
        let time = Timestamp::parse("2026-01-31T10:30:00.1234567+01:00").unwrap();
        assert_eq!(time.to_string(), "2026-01-31T09:30:00.123456Z");
        assert_eq!(Timestamp::from_micros(time.micros()), Some(time));
    }

    #[test]
    fn an_offset_does_not_lead_past_the_ends_of_the_calendar() {
        for (text, end) in [
            ("9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.999999Z"),
            ("0000-01-01T00:00:00+23:59", "0000-01-01T00:00:00.000000Z"),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), end);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2026-01-31",
            "2026-02-30T00:00:00Z",
            "2026-01-31T09:30:00",
            "now",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }
}
