//! Executes the batches of one lane on PostgreSQL, over a connection of its own.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use market::UserId;
use service_kit::database::{Postgres, StoreError};
use sqlx::pool::PoolConnection;
use sqlx::{Executor as _, PgPool};

use super::transaction::PostgresTransaction;
use super::{read, write};
use crate::book::{Changes, Held, Holding};
use crate::store::{Transaction, Verdict, WriteError, Writer};

/// How often accounts are made for users without one; the second time they are all there.
const MAX_LOCK_ATTEMPTS: usize = 3;
/// Idle time after which the connection goes back to the pool, which asks whether it lives. Each return costs a round
/// trip, so it is not returned after each batch.
const KEPT_IDLE_TIME: Duration = Duration::from_secs(1);
/// Age past which plans are made anew. One that was made while PostgreSQL took a table for empty reads all of it, and until
/// PostgreSQL looks at its tables again, which takes it a minute, the table may have grown by a million rows.
const MAX_PLAN_AGE: Duration = Duration::from_secs(1);

pub(super) struct PostgresWriter {
    postgres: Postgres,
    kept: Option<Kept>,
}

struct Kept {
    connection: PoolConnection<sqlx::Postgres>,
    /// What it is of; closed once there are other credentials.
    pool: PgPool,
    used_at: Instant,
    /// When its oldest plan may have been made.
    planned_at: Instant,
}

impl Kept {
    /// Whether it was used just now, with credentials that are still in use.
    fn is_good(&self) -> bool {
        self.used_at.elapsed() < KEPT_IDLE_TIME && !self.pool.is_closed()
    }
}

impl PostgresWriter {
    pub(super) fn new(postgres: Postgres) -> Self {
        Self {
            postgres,
            kept: None,
        }
    }

    /// The connection that worked last, while that was just now. The caller keeps it again when it has worked.
    async fn connection(&mut self) -> Result<Kept, StoreError> {
        let kept = self.kept.take().filter(Kept::is_good);
        let (mut connection, pool) = match kept {
            Some(kept) if kept.planned_at.elapsed() < MAX_PLAN_AGE => return Ok(kept),
            Some(kept) => (kept.connection, kept.pool),
            None => {
                let pool = self.postgres.pool();
                (pool.acquire().await?, pool)
            }
        };
        let now = Instant::now();
        connection.execute("discard plans").await?;
        Ok(Kept {
            connection,
            pool,
            used_at: now,
            planned_at: now,
        })
    }

    fn keep(&mut self, mut kept: Kept) {
        kept.used_at = Instant::now();
        self.kept = Some(kept);
    }

    /// Commits by itself: an account made while others are locked could close a circle of waits.
    async fn make_accounts(&self, users: &[&str]) -> Result<(), StoreError> {
        sqlx::query(
            "
            insert into accounts (user_id)
            select user_id
            from unnest($1::text[]) as users (user_id)
            on conflict (user_id) do nothing
            ",
        )
        .bind(users)
        .execute(&self.postgres.pool())
        .await?;
        Ok(())
    }
}

#[async_trait]
impl Writer for PostgresWriter {
    async fn read(&mut self, holdings: &BTreeSet<Holding>) -> Result<Held, StoreError> {
        let mut kept = self.connection().await?;
        let held = read::read_held(&mut kept.connection, holdings).await?;
        self.keep(kept);
        Ok(held)
    }

    async fn write_if_current(&mut self, changes: &Changes) -> Result<Verdict, WriteError> {
        let mut kept = self.connection().await?;
        // One statement is a transaction by itself. An error that the server tells undid it; a lost connection tells nothing.
        let verdict = write::write(&mut kept.connection, changes)
            .await
            .map_err(|error| {
                if error.is_told() {
                    WriteError::Before(error)
                } else {
                    WriteError::AtCommit(error)
                }
            })?;
        self.keep(kept);
        Ok(verdict)
    }

    fn rest(&mut self) {
        self.kept = None;
    }

    async fn lock(&mut self, users: &BTreeSet<UserId>) -> Result<Box<dyn Transaction>, StoreError> {
        // Accounts are never deleted and always locked by user_id, so that no two batches, of any
        // replica, wait for each other.
        let users: Vec<&str> = users.iter().map(UserId::as_str).collect();
        for _ in 0..MAX_LOCK_ATTEMPTS {
            let mut transaction = self.postgres.pool().begin().await?;
            let locked = sqlx::query(
                "
                select 1
                from accounts
                where user_id = any($1)
                order by user_id
                for update
                ",
            )
            .bind(&users)
            .execute(&mut *transaction)
            .await?;
            if locked.rows_affected() == users.len() as u64 {
                return Ok(Box::new(PostgresTransaction(transaction)));
            }
            transaction.rollback().await?;
            self.make_accounts(&users).await?;
        }
        Err(StoreError::Corrupt(
            "accounts that were made are not there".to_owned(),
        ))
    }
}
