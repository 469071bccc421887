//! The catalogue in an embedded SQLite database.

use async_trait::async_trait;
use market::Symbol;
use serde_json::{Value, json};
use service_kit::database::{Sqlite, StoreError, expect_rows};
use sqlx::Transaction;

use super::row::{self, Row};
use super::{Change, Changed, Listener, Store};
use crate::stock::{Listed, Version};

pub(super) struct SqliteStore {
    database: Sqlite,
}

/// Selects stocks, each number as text.
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
                updated_at,
                version
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
    async fn changed_since(&self, since: Option<Version>) -> Result<Changed, StoreError> {
        // Both reads see the same moment.
        let mut transaction = self.database.readers.begin().await?;
        let version = sqlx::query_scalar("select version from catalogue_version")
            .fetch_one(&mut *transaction)
            .await?;
        let rows: Vec<Row> = sqlx::query_as(select_stocks!(
            "
            where ?1 is null or version > ?1
            order by symbol
            "
        ))
        .bind(since.map(|since| since.0))
        .fetch_all(&mut *transaction)
        .await?;
        transaction.rollback().await?;
        Ok(Changed {
            version: Version(version),
            stocks: row::listed(rows)?,
        })
    }

    async fn begin(&self) -> Result<Box<dyn Change>, StoreError> {
        let mut transaction = self.database.writer.begin_with("begin immediate").await?;
        let version = sqlx::query_scalar(
            "update catalogue_version set version = version + 1 returning version",
        )
        .fetch_one(&mut *transaction)
        .await?;
        Ok(Box::new(SqliteChange {
            transaction,
            version: Version(version),
        }))
    }

    async fn listen(&self) -> Result<Box<dyn Listener>, StoreError> {
        Ok(Box::new(NobodyElse))
    }
}

struct SqliteChange {
    transaction: Transaction<'static, sqlx::Sqlite>,
    version: Version,
}

#[async_trait]
impl Change for SqliteChange {
    fn version(&self) -> Version {
        self.version
    }

    async fn find(&mut self, symbols: &[Symbol]) -> Result<Vec<Listed>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(select_stocks!(
            "where symbol in (select value from json_each(?1))"
        ))
        .bind(json!(symbols).to_string())
        .fetch_all(&mut *self.transaction)
        .await?;
        row::listed(rows)
    }

    async fn insert(&mut self, stocks: &[&Listed]) -> Result<(), StoreError> {
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
                updated_at,
                version
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
                ?2
            from json_each(?1)
            ",
        )
        .bind(rows(
            stocks,
            |Listed {
                 stock,
                 previous_close,
                 ..
             }| {
                json!([
                    stock.symbol,
                    stock.name,
                    stock.sector,
                    stock.current_price.to_string(),
                    previous_close.to_string(),
                    stock.change_pct.to_string(),
                    stock.volume.to_string(),
                    stock.market_cap.map(|cap| cap.to_string()),
                    stock.updated_at,
                ])
            },
        ))
        .bind(self.version.0)
        .execute(&mut *self.transaction)
        .await?;
        expect_rows("stocks inserted", result.rows_affected(), stocks.len())
    }

    async fn update(&mut self, stocks: &[&Listed]) -> Result<(), StoreError> {
        let result = sqlx::query(
            "
            update stocks
            set
                current_price = quoted.value ->> 1,
                previous_close = quoted.value ->> 2,
                change_pct = quoted.value ->> 3,
                updated_at = quoted.value ->> 4,
                version = ?2
            from json_each(?1) as quoted
            where stocks.symbol = quoted.value ->> 0
            ",
        )
        .bind(rows(
            stocks,
            |Listed {
                 stock,
                 previous_close,
                 ..
             }| {
                json!([
                    stock.symbol,
                    stock.current_price.to_string(),
                    previous_close.to_string(),
                    stock.change_pct.to_string(),
                    stock.updated_at,
                ])
            },
        ))
        .bind(self.version.0)
        .execute(&mut *self.transaction)
        .await?;
        expect_rows("stocks updated", result.rows_affected(), stocks.len())
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }
}

/// A batch of rows as the JSON array that `json_each` takes apart.
fn rows(stocks: &[&Listed], row: impl Fn(&Listed) -> Value) -> String {
    Value::Array(stocks.iter().map(|listed| row(listed)).collect()).to_string()
}

/// One process alone has an embedded database.
struct NobodyElse;

#[async_trait]
impl Listener for NobodyElse {
    async fn changed(&mut self) -> Result<Version, StoreError> {
        std::future::pending().await
    }
}
