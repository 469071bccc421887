//! Candles in an embedded SQLite database.

use async_trait::async_trait;
use market::Timestamp;
use serde_json::{Value, json};
use service_kit::database::{Sqlite, StoreError, expect_rows};

use super::row::{self, Row};
use super::{CandleStore, Filter};
use crate::candle::Candle;
use crate::forming::Part;
use crate::interval::Grain;

pub(super) struct SqliteCandles {
    database: Sqlite,
}

impl SqliteCandles {
    pub(super) fn new(database: Sqlite) -> Self {
        Self { database }
    }
}

#[async_trait]
impl CandleStore for SqliteCandles {
    async fn write(&self, parts: &[Part]) -> Result<(), StoreError> {
        // `where true` tells the conflict clause from a join (section 2.2 of SQLite's page on UPSERT).
        let result = sqlx::query(
            "
            insert into candles (
                symbol,
                minutes,
                start_at,
                opened_version,
                closed_version,
                open,
                high,
                low,
                close,
                count
            )
            select
                value ->> 0,
                value ->> 1,
                value ->> 2,
                value ->> 3,
                value ->> 4,
                value ->> 5,
                value ->> 6,
                value ->> 7,
                value ->> 8,
                value ->> 9
            from json_each(?1)
            where true
            on conflict (symbol, minutes, start_at, opened_version) do update
            set
                closed_version = excluded.closed_version,
                high = excluded.high,
                low = excluded.low,
                close = excluded.close,
                count = excluded.count
            where candles.count <= excluded.count
            ",
        )
        .bind(Value::Array(parts.iter().map(row).collect()).to_string())
        .execute(&self.database.writer)
        .await?;
        expect_rows("candles written", result.rows_affected(), parts.len())
    }

    async fn find(&self, filter: &Filter) -> Result<Vec<Candle>, StoreError> {
        // As text, any time of the calendar is after '' and before ':'.
        let rows: Vec<Row> = sqlx::query_as(
            "
            select
                start_at,
                opened_version,
                closed_version,
                open,
                high,
                low,
                close,
                count
            from candles
            where symbol = ?1
                and minutes = ?2
                and start_at >= (
                    select min(start_at)
                    from (
                        select distinct start_at
                        from candles
                        where symbol = ?1
                            and minutes = ?2
                            and start_at >= coalesce(?3, '')
                            and start_at < coalesce(?4, ':')
                        order by start_at desc
                        limit ?5
                    ) as newest
                )
                and start_at < coalesce(?4, ':')
            order by start_at, opened_version
            ",
        )
        .bind(filter.symbol.as_str())
        .bind(filter.grain.minutes())
        .bind(filter.from.map(|from| from.to_string()))
        .bind(filter.to.map(|to| to.to_string()))
        .bind(i64::from(filter.limit))
        .fetch_all(&self.database.readers)
        .await?;
        row::candles(rows)
    }

    async fn forget(&self, grain: Grain, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let result = sqlx::query(
            "
            delete from candles
            where (symbol, minutes, start_at, opened_version) in (
                select
                    symbol,
                    minutes,
                    start_at,
                    opened_version
                from candles
                where minutes = ?1
                    and start_at < ?2
                order by start_at
                limit ?3
            )
            ",
        )
        .bind(grain.minutes())
        .bind(before.to_string())
        .bind(i64::from(limit))
        .execute(&self.database.writer)
        .await?;
        Ok(result.rows_affected())
    }
}

/// A row of a batch, as the JSON array that `json_each` takes apart.
fn row(part: &Part) -> Value {
    let candle = &part.candle;
    json!([
        part.symbol,
        part.grain.minutes(),
        candle.start,
        candle.opened.0,
        candle.closed.0,
        candle.open.to_string(),
        candle.high.to_string(),
        candle.low.to_string(),
        candle.close.to_string(),
        row::count(candle),
    ])
}
