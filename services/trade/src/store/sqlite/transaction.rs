//! A batch of orders in one transaction of SQLite.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use service_kit::database::StoreError;

use super::{read, write};
use crate::book::{Book, Changes, Holding};
use crate::order::KeyName;
use crate::store::Transaction;

pub(super) struct SqliteTransaction(pub(super) sqlx::Transaction<'static, sqlx::Sqlite>);

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn read(
        &mut self,
        holdings: &BTreeSet<Holding>,
        keys: &[KeyName],
    ) -> Result<Book, StoreError> {
        let held = read::read_held(&mut self.0, holdings).await?;
        let answers = if keys.is_empty() {
            HashMap::new()
        } else {
            read::read_answers(&mut self.0, keys).await?
        };
        Ok(Book::new(held, answers))
    }

    async fn write(&mut self, changes: &Changes) -> Result<(), StoreError> {
        write::write(&mut self.0, changes).await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        Ok(self.0.commit().await?)
    }
}
