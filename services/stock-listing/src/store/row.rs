//! A row of `stocks` as both databases give it: numbers and times as text.

use catalogue_client::Stock;
use service_kit::database::{StoreError, column};
use sqlx::FromRow;

use crate::stock::{Listed, Version};

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
    version: i64,
}

impl TryFrom<Row> for Listed {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let sector = row.sector.map(|sector| column("stocks.sector", &sector));
        let market_cap = row
            .market_cap
            .map(|market_cap| column("stocks.market_cap", &market_cap));
        let stock = Stock {
            symbol: column("stocks.symbol", &row.symbol)?,
            name: column("stocks.name", &row.name)?,
            sector: sector.transpose()?,
            current_price: column("stocks.current_price", &row.current_price)?,
            change_pct: column("stocks.change_pct", &row.change_pct)?,
            volume: column("stocks.volume", &row.volume)?,
            market_cap: market_cap.transpose()?,
            updated_at: column("stocks.updated_at", &row.updated_at)?,
        };
        let previous_close = column("stocks.previous_close", &row.previous_close)?;
        Ok(Self {
            stock,
            previous_close,
            version: Version(row.version),
        })
    }
}

/// Reads rows back into stocks.
pub(super) fn listed(rows: Vec<Row>) -> Result<Vec<Listed>, StoreError> {
    rows.into_iter().map(Listed::try_from).collect()
}
