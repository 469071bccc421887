//! A batch of orders in one transaction of SQLite.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use serde_json::json;
use service_kit::database::StoreError;
use sqlx::SqliteConnection;

use super::{rows, write};
use crate::book::{Book, Changes, Holding, KeptAnswer};
use crate::order::KeyName;
use crate::position::Position;
use crate::store::Transaction;
use crate::store::row::{AnswerRow, PositionRow};

pub(super) struct SqliteTransaction(pub(super) sqlx::Transaction<'static, sqlx::Sqlite>);

#[async_trait]
impl Transaction for SqliteTransaction {
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
        write::insert_trades(&mut self.0, &changes.trades).await?;
        write::write_positions(&mut self.0, changes).await?;
        write::add_closed_pnl(&mut self.0, &changes.closed_pnl).await?;
        write::insert_answers(&mut self.0, &changes.answers).await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        Ok(self.0.commit().await?)
    }
}

async fn read_positions(
    connection: &mut SqliteConnection,
    holdings: &BTreeSet<Holding>,
) -> Result<BTreeMap<Holding, Position>, StoreError> {
    let read: Vec<PositionRow> = sqlx::query_as(
        "
        select
            portfolio.user_id,
            portfolio.symbol,
            portfolio.quantity,
            portfolio.cost_basis,
            portfolio.realized_pnl
        from json_each(?1) as wanted
        join portfolio
            on portfolio.user_id = wanted.value ->> 0
            and portfolio.symbol = wanted.value ->> 1
        ",
    )
    .bind(rows(holdings.iter().map(|holding| json!(holding))))
    .fetch_all(connection)
    .await?;
    read.into_iter().map(PositionRow::read).collect()
}

async fn read_answers(
    connection: &mut SqliteConnection,
    keys: &[KeyName],
) -> Result<HashMap<KeyName, KeptAnswer>, StoreError> {
    let wanted = keys
        .iter()
        .map(|name| json!([name.user_id, name.side, name.key.as_str()]));
    let read: Vec<AnswerRow> = sqlx::query_as(
        "
        select distinct
            kept.user_id,
            kept.side,
            kept.key,
            kept.fingerprint,
            kept.status,
            kept.body,
            kept.trade_id,
            kept.answered_at
        from json_each(?1) as wanted
        join idempotency_keys as kept
            on kept.user_id = wanted.value ->> 0
            and kept.side = wanted.value ->> 1
            and kept.key = wanted.value ->> 2
        ",
    )
    .bind(rows(wanted))
    .fetch_all(connection)
    .await?;
    read.into_iter().map(AnswerRow::read).collect()
}
