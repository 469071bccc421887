//! The settings of the catalogue service.

use service_kit::settings::{CommonSettings, Reader};

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What every service has.
    pub common: CommonSettings,
    /// Whether the ten stocks of db/init.sql are added at start.
    pub seeds_stocks: bool,
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
        Self {
            common,
            seeds_stocks: seeds.unwrap_or(is_embedded),
        }
    }
}
