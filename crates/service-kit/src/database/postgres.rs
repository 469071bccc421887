//! A PostgreSQL server and the pool of connections to it, which changes with the credentials.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgPool};
use tokio::sync::watch;
use tracing::warn;

use super::error::{is_refusal, is_transient};
use super::{ACQUIRE_TIMEOUT, OpenError};
use crate::settings::SecretSource;

/// Idle time after which a connection is asked whether it lives before it is used; asking each time would cost every
/// transaction a round trip.
const TRUSTED_IDLE_TIME: Duration = Duration::from_secs(1);
/// Pause between two attempts to reach a database at start.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
/// Password in examples, which must never be one in use.
const PLACEHOLDER: &str = "CHANGE_ME";
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

/// A PostgreSQL server, reached with the credentials of the moment.
#[derive(Clone)]
pub struct Postgres(Arc<Shared>);

struct Shared {
    source: SecretSource,
    max_connections: u32,
    service: String,
    used: watch::Sender<Used>,
}

/// What is in use.
struct Used {
    /// Nothing until there are credentials.
    url: Option<SecretString>,
    pool: PgPool,
}

impl Postgres {
    /// The server of the URL that `source` has now, or will have.
    pub(super) fn open(
        source: SecretSource,
        max_connections: u32,
        service: &str,
    ) -> Result<Self, OpenError> {
        let (used, _) = watch::channel(Used {
            url: None,
            pool: nowhere(),
        });
        let postgres = Self(Arc::new(Shared {
            source,
            max_connections,
            service: service.to_owned(),
            used,
        }));
        if let Ok(url) = postgres.source().read() {
            let pool = postgres.connect(&url)?;
            postgres.use_from_now_on(url, pool);
        }
        Ok(postgres)
    }

    /// The pool of the moment. To be asked for each time: after a change of credentials it is another one, and the old one
    /// closes. Before there are any it is closed as well.
    pub fn pool(&self) -> PgPool {
        self.0.used.borrow().pool.clone()
    }

    /// Where its URL comes from.
    pub(super) fn source(&self) -> &SecretSource {
        &self.0.source
    }

    /// Whether this is the URL in use.
    pub(super) fn uses(&self, url: &SecretString) -> bool {
        let used = self.0.used.borrow();
        let used = used.url.as_ref();
        used.is_some_and(|used| used.expose_secret() == url.expose_secret())
    }

    /// Whether there have been credentials yet.
    pub(super) fn has_credentials(&self) -> bool {
        self.0.used.borrow().url.is_some()
    }

    /// A pool for this URL, which connects when it is asked to.
    pub(super) fn connect(&self, url: &SecretString) -> Result<PgPool, OpenError> {
        let options = options(url.expose_secret())?.application_name(&self.0.service);
        Ok(PgPoolOptions::new()
            .max_connections(self.0.max_connections)
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

    /// Takes this pool into use; yields the one before.
    pub(super) fn use_from_now_on(&self, url: SecretString, pool: PgPool) -> PgPool {
        let url = Some(url);
        self.0.used.send_replace(Used { url, pool }).pool
    }

    /// Brings the schema up to date, as soon as there are credentials and a server that takes them.
    pub(super) async fn migrate(&self, migrator: Migrator) -> Result<(), OpenError> {
        let mut used = self.0.used.subscribe();
        // The sender lives in self, so that the wait can only end by the credentials.
        let _ = used.wait_for(|used| used.url.is_some()).await;
        loop {
            match migrator.run(&self.pool()).await {
                Ok(()) => return Ok(()),
                Err(MigrateError::Execute(error)) if self.may_pass(&error) => {
                    warn!(%error, "waiting for the database");
                    tokio::time::sleep(RECONNECT_PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Credentials that are refused may be replaced, where they can be.
    fn may_pass(&self, error: &sqlx::Error) -> bool {
        is_transient(error) || (is_refusal(error) && !self.source().is_fixed())
    }
}

/// A pool that is closed: whoever asks it hears that the database is not available.
fn nowhere() -> PgPool {
    let pool = PgPoolOptions::new().connect_lazy_with(PgConnectOptions::new_without_pgpass());
    // It is closed from the call on; the future would only wait for connections, of which it has none.
    drop(pool.close());
    pool
}

fn options(url: &str) -> Result<PgConnectOptions, OpenError> {
    if url.to_ascii_uppercase().contains(PLACEHOLDER) {
        return Err(OpenError::Placeholder);
    }
    let is_postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let options = PgConnectOptions::from_str(url)
        .ok()
        .filter(|_| is_postgres)
        .ok_or(OpenError::Url)?;
    Ok(options.disable_statement_logging().options(SESSION))
}
