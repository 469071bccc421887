//! Candles in PostgreSQL.

use async_trait::async_trait;
use market::Timestamp;
use service_kit::database::{Postgres, StoreError, expect_rows};

use super::row::{self, Row};
use super::{CandleStore, Filter};
use crate::candle::Candle;
use crate::forming::Part;
use crate::interval::Grain;

pub(super) struct PostgresCandles {
    postgres: Postgres,
}

impl PostgresCandles {
    pub(super) fn new(postgres: Postgres) -> Self {
        Self { postgres }
    }
}

#[async_trait]
impl CandleStore for PostgresCandles {
    async fn write(&self, parts: &[Part]) -> Result<(), StoreError> {
        // A part only grows. A statement that was given up, but is executed all the same, takes nothing back.
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
            select *
            from unnest(
                $1::text[],
                $2::smallint[],
                $3::timestamptz[],
                $4::bigint[],
                $5::bigint[],
                $6::numeric[],
                $7::numeric[],
                $8::numeric[],
                $9::numeric[],
                $10::bigint[]
            )
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
        .bind(column(parts, |part| part.symbol.to_string()))
        .bind(column(parts, |part| part.grain.minutes()))
        .bind(column(parts, |part| part.candle.start.to_utc()))
        .bind(column(parts, |part| part.candle.opened.0))
        .bind(column(parts, |part| part.candle.closed.0))
        .bind(column(parts, |part| part.candle.open.to_string()))
        .bind(column(parts, |part| part.candle.high.to_string()))
        .bind(column(parts, |part| part.candle.low.to_string()))
        .bind(column(parts, |part| part.candle.close.to_string()))
        .bind(column(parts, |part| row::count(&part.candle)))
        .execute(&self.postgres.pool())
        .await?;
        expect_rows("candles written", result.rows_affected(), parts.len())
    }

    async fn find(&self, filter: &Filter) -> Result<Vec<Candle>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            r#"
            select
                to_char(start_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as start_at,
                opened_version,
                closed_version,
                open::text,
                high::text,
                low::text,
                close::text,
                count
            from candles
            where symbol = $1
                and minutes = $2
                and start_at >= (
                    select min(start_at)
                    from (
                        select distinct start_at
                        from candles
                        where symbol = $1
                            and minutes = $2
                            and start_at >= coalesce($3::timestamptz, '-infinity')
                            and start_at < coalesce($4::timestamptz, 'infinity')
                        order by start_at desc
                        limit $5
                    ) as newest
                )
                and start_at < coalesce($4::timestamptz, 'infinity')
            order by candles.start_at, opened_version
            "#,
        )
        .bind(filter.symbol.as_str())
        .bind(filter.grain.minutes())
        .bind(filter.from.map(Timestamp::to_utc))
        .bind(filter.to.map(Timestamp::to_utc))
        .bind(i64::from(filter.limit))
        .fetch_all(&self.postgres.pool())
        .await?;
        row::candles(rows)
    }

    async fn forget(&self, grain: Grain, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let result = sqlx::query(
            "
            delete from candles
            where ctid in (
                select ctid
                from candles
                where minutes = $1
                    and start_at < $2
                order by start_at
                limit $3
                for update skip locked
            )
            ",
        )
        .bind(grain.minutes())
        .bind(before.to_utc())
        .bind(i64::from(limit))
        .execute(&self.postgres.pool())
        .await?;
        Ok(result.rows_affected())
    }
}

/// One column of a batch.
fn column<T>(parts: &[Part], column: impl Fn(&Part) -> T) -> Vec<T> {
    parts.iter().map(column).collect()
}
