//! A batch of orders in one transaction of PostgreSQL.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use service_kit::database::StoreError;
use sqlx::Postgres;

use super::{read, write};
use crate::book::{Book, Changes, Holding};
use crate::order::KeyName;
use crate::store::{Transaction, Verdict};

pub(super) struct PostgresTransaction(pub(super) sqlx::Transaction<'static, Postgres>);

#[async_trait]
impl Transaction for PostgresTransaction {
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
        match write::write(&mut self.0, changes).await? {
            Verdict::Written => Ok(()),
            verdict => Err(StoreError::Corrupt(format!(
                "{verdict:?} while the accounts were locked"
            ))),
        }
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        Ok(self.0.commit().await?)
    }
}
