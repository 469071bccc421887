//! A row of `stocks` as both databases give it: every column as text.

use catalogue_client::Stock;
use service_kit::database::StoreError;
use sqlx::FromRow;

use crate::stock::Listed;

#[derive(FromRow)]
pub(super) struct Row {
    symbol: String,
    name: String,
    sector: Option<String>,
    current_price: String,
    previous_close: String,
    change_pct: String,
    volume: String,
    market_cap: Option<String>,
    updated_at: String,
}

impl TryFrom<Row> for Listed {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let stock = Stock {
            symbol: column("symbol", &row.symbol)?,
            name: column("name", &row.name)?,
            sector: row
                .sector
                .map(|sector| column("sector", &sector))
                .transpose()?,
            current_price: column("current_price", &row.current_price)?,
            change_pct: column("change_pct", &row.change_pct)?,
            volume: column("volume", &row.volume)?,
            market_cap: row
                .market_cap
                .map(|market_cap| column("market_cap", &market_cap))
                .transpose()?,
            updated_at: column("updated_at", &row.updated_at)?,
        };
        Ok(Self {
            stock,
            previous_close: column("previous_close", &row.previous_close)?,
        })
    }
}

/// Reads a column's text back into its type.
fn column<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, StoreError> {
    text.parse()
        .map_err(|_| StoreError::Corrupt(format!("{name} {text:?} in stocks")))
}
