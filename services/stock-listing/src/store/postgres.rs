//! The catalogue in PostgreSQL.

use async_trait::async_trait;
use market::{Sector, Symbol};
use service_kit::database::{Postgres, StoreError, expect_rows};
use sqlx::Transaction;
use sqlx::postgres::PgListener;

use super::row::{self, Row};
use super::{Change, Changed, Listener, Store};
use crate::stock::{Listed, Version};

/// Channel on which replicas tell each other of changes; the payload is the version.
const CHANNEL: &str = "catalogue";

pub(super) struct PostgresStore {
    postgres: Postgres,
}

/// Selects stocks, each number and time as text.
macro_rules! select_stocks {
    ($rest:literal) => {
        concat!(
            r#"
            select
                symbol,
                name,
                sector,
                current_price::text,
                previous_close::text,
                change_pct::text,
                volume::text,
                market_cap::text,
                to_char(updated_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as updated_at,
                version
            from stocks
            "#,
            $rest
        )
    };
}

impl PostgresStore {
    pub(super) fn new(postgres: Postgres) -> Self {
        Self { postgres }
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn changed_since(&self, since: Option<Version>) -> Result<Changed, StoreError> {
        // Both reads see the same moment.
        let mut transaction = self
            .postgres
            .pool()
            .begin_with("begin isolation level repeatable read, read only")
            .await?;
        let version = sqlx::query_scalar("select version from catalogue_version")
            .fetch_one(&mut *transaction)
            .await?;
        let rows: Vec<Row> = sqlx::query_as(select_stocks!(
            "
            where $1::bigint is null or version > $1
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
        let mut transaction = self.postgres.pool().begin().await?;
        let version = sqlx::query_scalar(
            "update catalogue_version set version = version + 1 returning version",
        )
        .fetch_one(&mut *transaction)
        .await?;
        Ok(Box::new(PostgresChange {
            transaction,
            version: Version(version),
        }))
    }

    async fn listen(&self) -> Result<Box<dyn Listener>, StoreError> {
        let mut listener = PgListener::connect_with(&self.postgres.pool()).await?;
        listener.listen(CHANNEL).await?;
        Ok(Box::new(PostgresListener(listener)))
    }
}

struct PostgresChange {
    transaction: Transaction<'static, sqlx::Postgres>,
    version: Version,
}

#[async_trait]
impl Change for PostgresChange {
    fn version(&self) -> Version {
        self.version
    }

    async fn find(&mut self, symbols: &[Symbol]) -> Result<Vec<Listed>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(select_stocks!("where symbol = any($1)"))
            .bind(symbols.iter().map(Symbol::as_str).collect::<Vec<_>>())
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
                *,
                $10
            from unnest(
                $1::text[],
                $2::text[],
                $3::text[],
                $4::numeric[],
                $5::numeric[],
                $6::numeric[],
                $7::bigint[],
                $8::numeric[],
                $9::timestamptz[]
            )
            ",
        )
        .bind(texts(stocks, |listed| listed.stock.symbol.to_string()))
        .bind(texts(stocks, |listed| listed.stock.name.to_string()))
        .bind(texts(stocks, |listed| {
            listed.stock.sector.as_ref().map(Sector::to_string)
        }))
        .bind(texts(stocks, |listed| {
            listed.stock.current_price.to_string()
        }))
        .bind(texts(stocks, |listed| listed.previous_close.to_string()))
        .bind(texts(stocks, |listed| listed.stock.change_pct.to_string()))
        .bind(texts(stocks, |listed| listed.stock.volume.to_string()))
        .bind(texts(stocks, |listed| {
            listed.stock.market_cap.map(|cap| cap.to_string())
        }))
        .bind(texts(stocks, |listed| listed.stock.updated_at.to_utc()))
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
                current_price = quoted.current_price,
                previous_close = quoted.previous_close,
                change_pct = quoted.change_pct,
                updated_at = quoted.updated_at,
                version = $6
            from unnest(
                $1::text[],
                $2::numeric[],
                $3::numeric[],
                $4::numeric[],
                $5::timestamptz[]
            ) as quoted (symbol, current_price, previous_close, change_pct, updated_at)
            where stocks.symbol = quoted.symbol
            ",
        )
        .bind(texts(stocks, |listed| listed.stock.symbol.to_string()))
        .bind(texts(stocks, |listed| {
            listed.stock.current_price.to_string()
        }))
        .bind(texts(stocks, |listed| listed.previous_close.to_string()))
        .bind(texts(stocks, |listed| listed.stock.change_pct.to_string()))
        .bind(texts(stocks, |listed| listed.stock.updated_at.to_utc()))
        .bind(self.version.0)
        .execute(&mut *self.transaction)
        .await?;
        expect_rows("stocks updated", result.rows_affected(), stocks.len())
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        sqlx::query("select pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(self.version.0.to_string())
            .execute(&mut *self.transaction)
            .await?;
        Ok(self.transaction.commit().await?)
    }
}

/// One column of a batch.
fn texts<T>(stocks: &[&Listed], column: impl Fn(&Listed) -> T) -> Vec<T> {
    stocks.iter().map(|listed| column(listed)).collect()
}

struct PostgresListener(PgListener);

#[async_trait]
impl Listener for PostgresListener {
    async fn changed(&mut self) -> Result<Version, StoreError> {
        let lost = || StoreError::Unavailable(sqlx::Error::PoolClosed);
        let notification = self.0.try_recv().await?.ok_or_else(lost)?;
        let version = notification.payload().parse();
        version
            .map(Version)
            .map_err(|_| StoreError::Corrupt(format!("a notification on {CHANNEL}")))
    }
}
