//! Executes the batches of the one lane on SQLite.

use std::collections::BTreeSet;

use async_trait::async_trait;
use market::UserId;
use serde_json::json;
use service_kit::database::{Sqlite, StoreError};

use super::transaction::SqliteTransaction;
use super::{read, rows, write};
use crate::book::{Changes, Held, Holding};
use crate::order::KeyName;
use crate::store::{Transaction, Verdict, WriteError, Writer};

pub(super) struct SqliteWriter {
    database: Sqlite,
}

impl SqliteWriter {
    pub(super) fn new(database: Sqlite) -> Self {
        Self { database }
    }

    /// The whole database is the lock.
    async fn begin(&self) -> Result<sqlx::Transaction<'static, sqlx::Sqlite>, StoreError> {
        Ok(self.database.writer.begin_with("begin immediate").await?)
    }
}

#[async_trait]
impl Writer for SqliteWriter {
    async fn read(&mut self, holdings: &BTreeSet<Holding>) -> Result<Held, StoreError> {
        let mut connection = self
            .database
            .readers
            .acquire()
            .await
            .map_err(StoreError::from)?;
        read::read_held(&mut connection, holdings).await
    }

    async fn write_if_current(&mut self, changes: &Changes) -> Result<Verdict, WriteError> {
        let mut transaction = self.begin().await?;
        if !read::are_current(&mut transaction, &changes.versions).await? {
            return Ok(Verdict::Overtaken);
        }
        let keys: Vec<KeyName> = changes
            .answers
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        if !keys.is_empty()
            && !read::read_answers(&mut transaction, &keys)
                .await?
                .is_empty()
        {
            return Ok(Verdict::KeyTaken);
        }
        write::write(&mut transaction, changes).await?;
        let committed = transaction.commit().await;
        committed.map_err(|error| WriteError::AtCommit(error.into()))?;
        Ok(Verdict::Written)
    }

    async fn lock(&mut self, users: &BTreeSet<UserId>) -> Result<Box<dyn Transaction>, StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "
            insert into accounts (user_id)
            select value
            from json_each(?1)
            where true
            on conflict (user_id) do nothing
            ",
        )
        .bind(rows(users.iter().map(|user_id| json!(user_id))))
        .execute(&mut *transaction)
        .await?;
        Ok(Box::new(SqliteTransaction(transaction)))
    }
}
