//! The settings of the catalogue service.

use service_kit::settings::{CommonSettings, Reader};

use crate::retention::Retention;

/// Longest time that candles are kept, in days: a century.
const MAX_KEPT_DAYS: u32 = 36_500;

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What every service has.
    pub common: CommonSettings,
    /// Whether the ten stocks of db/init.sql are added at start.
    pub seeds_stocks: bool,
    /// How long the history of prices is kept.
    pub retention: Retention,
}

impl Settings {
    /// Reads them for a service of its own.
    pub fn read(reader: &mut Reader) -> Self {
        Self::read_with_port(reader, "PORT")
    }

    /// Reads them where another service lives in the same process, so that the port has its own name.
    pub fn read_with_port(reader: &mut Reader, port_name: &str) -> Self {
        let common = CommonSettings::read(reader, port_name, 8000);
        let is_embedded = common.database.url.is_none();
        let seeds: Option<bool> = reader.optional(
            "SEED_STOCKS",
            "`true` adds ten well-known stocks at start; unset: only to the embedded database",
        );
        let minute_days = reader.number(
            "MINUTE_CANDLES_KEPT_DAYS",
            30,
            1..=MAX_KEPT_DAYS,
            "days that candles of a minute are kept; those of 5 minutes are made of them",
        );
        let hour_days = reader.number(
            "HOUR_CANDLES_KEPT_DAYS",
            1_825,
            1..=MAX_KEPT_DAYS,
            "days that candles of an hour are kept; those of a day are made of them",
        );
        Self {
            common,
            seeds_stocks: seeds.unwrap_or(is_embedded),
            retention: Retention {
                minute_days,
                hour_days,
            },
        }
    }
}
