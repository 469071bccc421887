//! A service that is put together and ready to run.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::auth::Access;
use crate::database::{Database, OpenError};
use crate::lifecycle::{Lifecycle, Phase};
use crate::serve::{self, ServeError, Stop};
use crate::settings::ServerSettings;

/// How long a stopping service waits for work that no request waits for any more.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);

type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Why a service ends with a failure.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Its database cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its socket cannot be had, or its drain was cut off.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// A service with its socket taken.
pub struct App {
    /// Its name.
    pub name: &'static str,
    /// Its phase.
    pub lifecycle: Lifecycle,
    /// Where it listens and how much it takes on.
    pub settings: ServerSettings,
    /// The socket.
    pub listener: TcpListener,
    /// Everything that it answers.
    pub router: Router,
    /// Who decides who may call.
    pub access: Arc<Access>,
    /// What it closes last.
    pub database: Database,
    /// Must succeed before requests are served: bringing the schema up to date.
    pub preparation: Task<Result<(), OpenError>>,
    /// Runs for as long as the service does.
    pub background: Vec<Task<()>>,
    /// Ends by itself once the router is gone: work that must not be left half done.
    pub workers: JoinSet<()>,
}

impl App {
    /// The address that it listens on.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until a stop is asked for and what is in flight is finished.
    pub async fn run(self, stop: &Stop) -> Result<(), AppError> {
        if let Ok(address) = self.address() {
            info!(service = self.name, %address, "listening");
        }
        let mut background = JoinSet::new();
        for task in self.background {
            background.spawn(task);
        }
        background.spawn(self.database.clone().follow_credentials());
        if self.access.is_open() && !self.settings.listen.ip().is_loopback() {
            warn!(
                service = self.name,
                "everybody who reaches this address may trade for anybody: AUTH=open"
            );
        }
        let access = Arc::clone(&self.access);
        background.spawn(async move { access.follow().await });
        let prepare = async {
            if let Err(error) = self.preparation.await {
                return error;
            }
            self.lifecycle.advance(Phase::Ready);
            info!(service = self.name, "ready");
            std::future::pending().await
        };
        let served = tokio::select! {
            served = serve::serve(self.listener, self.router, &self.lifecycle, &self.settings, stop) => served,
            failure = prepare => return Err(failure.into()),
        };
        // Cut off, the rest has had its time: what is still at work cannot be waited for.
        served?;
        background.abort_all();
        if tokio::time::timeout(FINISH_TIMEOUT, self.workers.join_all())
            .await
            .is_err()
        {
            warn!(service = self.name, "some work was left undone");
        }
        self.database.close().await;
        info!(service = self.name, "stopped");
        Ok(())
    }
}
