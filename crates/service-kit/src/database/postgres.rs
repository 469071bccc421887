//! A pool of connections to a PostgreSQL server.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgPool};
use tracing::warn;

use super::error::is_transient;
use super::{ACQUIRE_TIMEOUT, OpenError};

/// Idle time after which a connection is asked whether it lives before it is used; asking each time would cost every
/// transaction a round trip.
const TRUSTED_IDLE_TIME: Duration = Duration::from_secs(1);
/// Pause between two attempts to reach a database at start.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
/// What each session of PostgreSQL is set to.
///
/// A statement and a transaction that was left open have bounds. Every statement finds its rows by a key, so plans that
/// read whole tables are ruled out: a plan that is made while a table is empty is kept, and would go on reading all of it.
/// With that, the plan does not depend on the values, and is made once.
const SESSION: [(&str, &str); 6] = [
    ("statement_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("plan_cache_mode", "force_generic_plan"),
];

pub(super) fn open(url: &str, max_connections: u32, service: &str) -> Result<PgPool, OpenError> {
    let is_postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let options = PgConnectOptions::from_str(url)
        .ok()
        .filter(|_| is_postgres)
        .ok_or(OpenError::Url)?;
    let options = options
        .application_name(service)
        .disable_statement_logging()
        .options(SESSION);
    Ok(PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TRUSTED_IDLE_TIME {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options))
}

pub(super) async fn migrate(pool: &PgPool, migrator: Migrator) -> Result<(), OpenError> {
    loop {
        match migrator.run(pool).await {
            Ok(()) => return Ok(()),
            Err(MigrateError::Execute(error)) if is_transient(&error) => {
                warn!(%error, "waiting for the database");
                tokio::time::sleep(RECONNECT_PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
