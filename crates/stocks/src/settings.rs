//! The settings of both services, each with a port of its own.

use service_kit::settings::Reader;

/// Everything that can be set.
pub(crate) struct Settings {
    /// Those of the catalogue.
    pub(crate) catalogue: stock_listing::Settings,
    /// Those of trading.
    pub(crate) trading: trade::Settings,
}

impl Settings {
    /// Reads them.
    pub(crate) fn read(reader: &mut Reader) -> Self {
        Self {
            catalogue: stock_listing::Settings::read_with_port(reader, "STOCK_LISTING_PORT"),
            trading: trade::Settings::read_with_port(reader, "TRADE_PORT"),
        }
    }
}
