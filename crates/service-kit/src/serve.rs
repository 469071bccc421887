//! Serves a router until it is told to stop, then drains: no request that was accepted is lost.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tracing::{debug, info, warn};

use crate::lifecycle::{Lifecycle, Phase};
use crate::settings::ServerSettings;

/// Time in which a stopping service still accepts, so that clients learn of it by an answer.
const LAME_DUCK: Duration = Duration::from_millis(250);
/// Longest time for the head of a request to arrive, and for a kept connection to stay idle.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after a failed accept, such as one for want of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);
/// Requests that one HTTP/2 connection may have open.
const MAX_CONCURRENT_STREAMS: u32 = 256;

/// Why serving ended early.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The socket cannot be had.
    #[error("cannot listen on {address}: {error} ({port_name} sets another port)")]
    Bind {
        /// Where it was to listen.
        address: SocketAddr,
        /// The variable that sets the port.
        port_name: String,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// The drain was ended before the last connection was done.
    #[error("stopped with {0} connections still open")]
    CutOff(usize),
}

/// Takes the socket that `settings` name.
pub async fn bind(settings: &ServerSettings) -> Result<TcpListener, ServeError> {
    let (address, port_name) = (settings.listen, settings.port_name.clone());
    TcpListener::bind(address)
        .await
        .map_err(|error| ServeError::Bind {
            address,
            port_name,
            error,
        })
}

/// Asks a service to stop: once to drain, twice to end at once.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<u32>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Stop {
    /// Stops when the process gets SIGTERM or SIGINT.
    pub fn on_signals() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        let stop = Self::default();
        let sender = stop.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                sender.ask();
            }
        });
        Ok(stop)
    }

    /// Asks to stop, or, the second time, to stop at once.
    pub fn ask(&self) {
        self.0.send_modify(|asked| *asked = asked.saturating_add(1));
    }

    /// Waits until a stop was asked for.
    pub async fn asked(&self) {
        self.asked_times(1).await;
    }

    async fn asked_times(&self, times: u32) {
        let mut receiver = self.0.subscribe();
        // The sender lives in self, so that the wait can only end by the count.
        let _ = receiver.wait_for(|asked| *asked >= times).await;
    }
}

/// Serves until `stop` is asked for, then finishes what is in flight.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    lifecycle: &Lifecycle,
    settings: &ServerSettings,
    stop: &Stop,
) -> Result<(), ServeError> {
    let acceptor = Acceptor::new(router, settings.max_connections);
    tokio::select! {
        () = acceptor.accept_forever(&listener) => {}
        () = stop.asked() => {}
    }
    info!("stopping: finishing what is in flight");
    lifecycle.advance(Phase::Draining);
    let _ = tokio::time::timeout(LAME_DUCK, acceptor.accept_forever(&listener)).await;
    acceptor.accept_waiting(&listener).await;
    drop(listener);

    let drained = acceptor.connections.shutdown();
    let open = acceptor.permits;
    tokio::select! {
        () = drained => Ok(()),
        () = tokio::time::sleep(settings.drain_timeout) => Err(cut_off(&open, settings)),
        () = stop.asked_times(2) => Err(cut_off(&open, settings)),
    }
}

fn cut_off(permits: &Semaphore, settings: &ServerSettings) -> ServeError {
    ServeError::CutOff(
        settings
            .max_connections
            .saturating_sub(permits.available_permits()),
    )
}

struct Acceptor {
    router: Router,
    connections: GracefulShutdown,
    permits: Arc<Semaphore>,
}

impl Acceptor {
    fn new(router: Router, max_connections: usize) -> Self {
        Self {
            router,
            connections: GracefulShutdown::new(),
            permits: Arc::new(Semaphore::new(max_connections)),
        }
    }

    async fn accept_forever(&self, listener: &TcpListener) {
        loop {
            self.accept_one(listener).await;
        }
    }

    /// Takes what the kernel has accepted already: closing the socket would reset those.
    async fn accept_waiting(&self, listener: &TcpListener) {
        while let Ok(()) = tokio::time::timeout(Duration::ZERO, self.accept_one(listener)).await {}
    }

    async fn accept_one(&self, listener: &TcpListener) {
        // Acquired first: past the limit, clients wait in the kernel's backlog.
        let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_RETRY).await;
                return;
            }
        };
        let connection = serve_connection(stream, self.router.clone(), self.connections.watcher());
        tokio::spawn(async move {
            connection.await;
            drop(permit);
        });
    }
}

fn serve_connection(
    stream: TcpStream,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) -> impl Future<Output = ()> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS);
    async move {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "cannot set TCP_NODELAY");
        }
        let service = TowerToHyperService::new(router);
        let connection = builder
            .serve_connection_with_upgrades(TokioIo::new(stream), service)
            .into_owned();
        let connection = pin!(watcher.watch(connection));
        if let Err(error) = connection.await {
            debug!(%error, "connection ended");
        }
    }
}
