//! Reads what a batch of orders needs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use market::UserId;
use serde_json::json;
use service_kit::database::{StoreError, column};
use sqlx::SqliteConnection;

use super::rows;
use crate::book::{Held, Holding, KeptAnswer, Version};
use crate::order::KeyName;
use crate::store::row::{AnswerRow, HeldRow};

pub(super) async fn read_held(
    connection: &mut SqliteConnection,
    holdings: &BTreeSet<Holding>,
) -> Result<Held, StoreError> {
    let read: Vec<HeldRow> = sqlx::query_as(
        "
        select
            wanted.value ->> 0 as user_id,
            accounts.version,
            wanted.value ->> 1 as symbol,
            portfolio.quantity,
            portfolio.cost_basis,
            portfolio.realized_pnl
        from json_each(?1) as wanted
        left join accounts
            on accounts.user_id = wanted.value ->> 0
        left join portfolio
            on portfolio.user_id = wanted.value ->> 0
            and portfolio.symbol = wanted.value ->> 1
        ",
    )
    .bind(rows(holdings.iter().map(|holding| json!(holding))))
    .fetch_all(connection)
    .await?;
    HeldRow::read(read)
}

/// Whether each account is at the version that is given for it.
pub(super) async fn are_current(
    connection: &mut SqliteConnection,
    versions: &BTreeMap<UserId, Version>,
) -> Result<bool, StoreError> {
    let read: Vec<(String, i64)> = sqlx::query_as(
        "
        select
            accounts.user_id,
            accounts.version
        from json_each(?1) as wanted
        join accounts
            on accounts.user_id = wanted.value
        ",
    )
    .bind(rows(versions.keys().map(|user_id| json!(user_id))))
    .fetch_all(connection)
    .await?;
    let mut found = BTreeMap::new();
    for (user_id, version) in read {
        found.insert(column::<UserId>("accounts.user_id", &user_id)?, version);
    }
    Ok(versions
        .iter()
        .all(|(user_id, version)| found.get(user_id).copied() == *version))
}

pub(super) async fn read_answers(
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
