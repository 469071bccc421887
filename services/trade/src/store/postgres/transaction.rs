//! A batch of orders in one transaction of PostgreSQL.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use service_kit::database::StoreError;
use sqlx::{PgConnection, Postgres};

use super::write;
use crate::book::{Book, Changes, Holding, KeptAnswer};
use crate::order::KeyName;
use crate::position::Position;
use crate::store::Transaction;
use crate::store::row::{AnswerRow, PositionRow};

pub(super) struct PostgresTransaction(pub(super) sqlx::Transaction<'static, Postgres>);

#[async_trait]
impl Transaction for PostgresTransaction {
    async fn read(
        &mut self,
        holdings: &BTreeSet<Holding>,
        keys: &[KeyName],
    ) -> Result<Book, StoreError> {
        let positions = read_positions(&mut self.0, holdings).await?;
        let answers = if keys.is_empty() {
            HashMap::new()
        } else {
            read_answers(&mut self.0, keys).await?
        };
        Ok(Book::new(positions, answers))
    }

    async fn write(&mut self, changes: &Changes) -> Result<(), StoreError> {
        write::write(&mut self.0, changes).await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        Ok(self.0.commit().await?)
    }
}

async fn read_positions(
    connection: &mut PgConnection,
    holdings: &BTreeSet<Holding>,
) -> Result<BTreeMap<Holding, Position>, StoreError> {
    let (users, symbols): (Vec<&str>, Vec<&str>) = holdings
        .iter()
        .map(|(user_id, symbol)| (user_id.as_str(), symbol.as_str()))
        .unzip();
    let rows: Vec<PositionRow> = sqlx::query_as(
        "
        select
            user_id,
            symbol,
            quantity::text,
            cost_basis::text,
            realized_pnl::text
        from unnest($1::text[], $2::text[]) as wanted (user_id, symbol)
        join portfolio using (user_id, symbol)
        ",
    )
    .bind(users)
    .bind(symbols)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(PositionRow::read).collect()
}

async fn read_answers(
    connection: &mut PgConnection,
    keys: &[KeyName],
) -> Result<HashMap<KeyName, KeptAnswer>, StoreError> {
    let rows: Vec<AnswerRow> = sqlx::query_as(
        r#"
        select distinct
            user_id,
            side,
            key,
            fingerprint,
            status::integer,
            body,
            trade_id::text,
            to_char(answered_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as answered_at
        from unnest($1::text[], $2::text[], $3::text[]) as wanted (user_id, side, key)
        join idempotency_keys using (user_id, side, key)
        "#,
    )
    .bind(
        keys.iter()
            .map(|name| name.user_id.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        keys.iter()
            .map(|name| name.side.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        keys.iter()
            .map(|name| name.key.as_str())
            .collect::<Vec<_>>(),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(AnswerRow::read).collect()
}
