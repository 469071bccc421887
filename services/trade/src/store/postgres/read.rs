//! Reads what a batch of orders needs.

use std::collections::{BTreeSet, HashMap};

use service_kit::database::StoreError;
use sqlx::PgConnection;

use crate::book::{Held, Holding, KeptAnswer};
use crate::order::KeyName;
use crate::store::row::{AnswerRow, HeldRow};

pub(super) async fn read_held(
    connection: &mut PgConnection,
    holdings: &BTreeSet<Holding>,
) -> Result<Held, StoreError> {
    let (users, symbols): (Vec<&str>, Vec<&str>) = holdings
        .iter()
        .map(|(user_id, symbol)| (user_id.as_str(), symbol.as_str()))
        .unzip();
    let rows: Vec<HeldRow> = sqlx::query_as(
        "
        select
            user_id,
            accounts.version,
            symbol,
            portfolio.quantity::text,
            portfolio.cost_basis::text,
            portfolio.realized_pnl::text
        from unnest($1::text[], $2::text[]) as wanted (user_id, symbol)
        left join accounts using (user_id)
        left join portfolio using (user_id, symbol)
        ",
    )
    .bind(users)
    .bind(symbols)
    .fetch_all(connection)
    .await?;
    HeldRow::read(rows)
}

pub(super) async fn read_answers(
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
