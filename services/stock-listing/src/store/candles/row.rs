//! A row of `candles` as both databases give it: prices and times as text.

use service_kit::database::{StoreError, column};
use sqlx::FromRow;

use crate::candle::Candle;
use crate::stock::Version;

#[derive(FromRow)]
pub(super) struct Row {
    start_at: String,
    opened_version: i64,
    closed_version: i64,
    open: String,
    high: String,
    low: String,
    close: String,
    count: i64,
}

impl TryFrom<Row> for Candle {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let count = u64::try_from(row.count);
        Ok(Self {
            start: column("candles.start_at", &row.start_at)?,
            open: column("candles.open", &row.open)?,
            high: column("candles.high", &row.high)?,
            low: column("candles.low", &row.low)?,
            close: column("candles.close", &row.close)?,
            count: count
                .map_err(|_| StoreError::Corrupt(format!("{} in candles.count", row.count)))?,
            opened: Version(row.opened_version),
            closed: Version(row.closed_version),
        })
    }
}

/// Reads rows back into candles.
pub(super) fn candles(rows: Vec<Row>) -> Result<Vec<Candle>, StoreError> {
    rows.into_iter().map(Candle::try_from).collect()
}

/// A count as both databases keep it.
pub(super) fn count(candle: &Candle) -> i64 {
    i64::try_from(candle.count).unwrap_or(i64::MAX)
}
