//! The catalogue in an embedded SQLite database.

use async_trait::async_trait;
use market::{Sector, Symbol};
use service_kit::database::{Sqlite, StoreError};

use super::row::Row;
use super::{Page, Quoted, Store};
use crate::stock::{Listed, Quote};

pub(super) struct SqliteStore {
    database: Sqlite,
}

/// Selects stocks, each column as text.
macro_rules! select_stocks {
    ($rest:literal) => {
        concat!(
            "
            select
                symbol,
                name,
                sector,
                current_price,
                previous_close,
                change_pct,
                cast(volume as text) as volume,
                market_cap,
                updated_at
            from stocks
            ",
            $rest
        )
    };
}

impl SqliteStore {
    pub(super) fn new(database: Sqlite) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn list(&self, page: &Page) -> Result<Vec<Listed>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(select_stocks!(
            "
            where (?1 is null or sector = ?1)
                and (?2 is null or symbol > ?2)
            order by symbol
            limit ?3
            offset ?4
            "
        ))
        .bind(page.sector.as_ref().map(Sector::as_str))
        .bind(page.after.as_ref().map(Symbol::as_str))
        .bind(i64::from(page.limit))
        .bind(i64::from(page.skip))
        .fetch_all(&self.database.readers)
        .await?;
        rows.into_iter().map(Listed::try_from).collect()
    }

    async fn count(&self, sector: Option<&Sector>) -> Result<u64, StoreError> {
        let count: i64 =
            sqlx::query_scalar("select count(*) from stocks where ?1 is null or sector = ?1")
                .bind(sector.map(Sector::as_str))
                .fetch_one(&self.database.readers)
                .await?;
        Ok(count.unsigned_abs())
    }

    async fn find(&self, symbol: &Symbol) -> Result<Option<Listed>, StoreError> {
        let row: Option<Row> = sqlx::query_as(select_stocks!(
            "
            where symbol = ?1
            "
        ))
        .bind(symbol.as_str())
        .fetch_optional(&self.database.readers)
        .await?;
        row.map(Listed::try_from).transpose()
    }

    async fn insert(&self, listed: &Listed) -> Result<bool, StoreError> {
        let stock = &listed.stock;
        let result = sqlx::query(
            "
            insert into stocks (
                symbol,
                name,
                sector,
                current_price,
                previous_close,
                change_pct,
                volume,
                market_cap,
                updated_at
            )
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            on conflict (symbol) do nothing
            ",
        )
        .bind(stock.symbol.as_str())
        .bind(stock.name.as_str())
        .bind(stock.sector.as_ref().map(Sector::as_str))
        .bind(stock.current_price.to_string())
        .bind(listed.previous_close.to_string())
        .bind(stock.change_pct.to_string())
        .bind(stock.volume.to_string())
        .bind(stock.market_cap.map(|market_cap| market_cap.to_string()))
        .bind(stock.updated_at.to_string())
        .execute(&self.database.writer)
        .await?;
        Ok(result.rows_affected() == 1)
    }

    async fn quote(&self, symbol: &Symbol, quote: Quote) -> Result<Quoted, StoreError> {
        let mut transaction = self.database.writer.begin_with("begin immediate").await?;
        let row: Option<Row> = sqlx::query_as(select_stocks!(
            "
            where symbol = ?1
            "
        ))
        .bind(symbol.as_str())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = row else {
            return Ok(Quoted::Unknown);
        };
        let listed = match Listed::try_from(row)?.quoted(quote) {
            Ok(listed) => listed,
            Err(refusal) => return Ok(Quoted::Refused(refusal)),
        };
        let result = sqlx::query(
            "
            update stocks
            set
                current_price = ?2,
                previous_close = ?3,
                change_pct = ?4,
                updated_at = ?5
            where symbol = ?1
            ",
        )
        .bind(symbol.as_str())
        .bind(listed.stock.current_price.to_string())
        .bind(listed.previous_close.to_string())
        .bind(listed.stock.change_pct.to_string())
        .bind(listed.stock.updated_at.to_string())
        .execute(&mut *transaction)
        .await?;
        if result.rows_affected() != 1 {
            return Err(StoreError::Corrupt(format!(
                "{symbol} vanished under its lock"
            )));
        }
        transaction.commit().await?;
        Ok(Quoted::Changed(Box::new(listed)))
    }
}
