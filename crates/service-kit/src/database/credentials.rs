//! Waits for credentials, and moves to new ones: no restart, and no request that fails for it.
//!
//! New credentials get a pool of their own, which must have a connection before it takes the place of the old one. The old one
//! closes once nobody can be waiting in it; whoever has a connection of it keeps it until it is done.

use std::time::Duration;

use sqlx::PgPool;
use tracing::{info, warn};

use super::postgres::Postgres;
use super::{ACQUIRE_TIMEOUT, OpenError};
use crate::complaint::Complaint;
use crate::settings::{LOOK_PAUSE, SecretError};

/// How long the old pool stays open: as long as somebody may wait in it for a connection, and then some.
const RETIRE_AFTER: Duration = ACQUIRE_TIMEOUT.saturating_add(Duration::from_secs(1));
/// How long the old pool's connections are waited for; those that are still at work then close by themselves later.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// Why there are no credentials, or those in use stay in use.
#[derive(Debug, thiserror::Error)]
pub(super) enum MoveError {
    /// They are not there.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// They are no credentials.
    #[error(transparent)]
    Url(#[from] OpenError),
    /// The server does not take them.
    #[error("the new credentials give no connection: {0}")]
    Refused(#[source] sqlx::Error),
}

impl Postgres {
    /// Takes up credentials as they come; never ends.
    pub(super) async fn follow_credentials(&self) {
        if self.source().is_fixed() {
            return std::future::pending().await;
        }
        let mut complaint = Complaint::default();
        loop {
            match self.take_up().await {
                Ok(None) => complaint.end(),
                Ok(Some(old)) => {
                    complaint.end();
                    info!("moved to new database credentials");
                    tokio::time::sleep(RETIRE_AFTER).await;
                    let _ = tokio::time::timeout(CLOSE_TIMEOUT, old.close()).await;
                }
                Err(error) if complaint.is_due(&error.to_string()) => {
                    if self.has_credentials() {
                        warn!(%error, "keeping the database credentials in use");
                    } else {
                        warn!(%error, "waiting for secrets");
                    }
                }
                Err(_) => {}
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// What is waited for, before there are credentials.
    pub(super) fn missing_credentials(&self) -> Option<String> {
        if self.has_credentials() {
            return None;
        }
        self.source().read().err().map(|error| error.to_string())
    }

    /// Uses the credentials that are there now; yields the pool of those before, when they were others.
    async fn take_up(&self) -> Result<Option<PgPool>, MoveError> {
        let url = self.source().read()?;
        if self.uses(&url) {
            return Ok(None);
        }
        let pool = self.connect(&url)?;
        // The first ones have nothing to lose.
        if self.has_credentials()
            && let Err(error) = pool.acquire().await
        {
            pool.close().await;
            return Err(MoveError::Refused(error));
        }
        Ok(Some(self.use_from_now_on(url, pool)))
    }
}
