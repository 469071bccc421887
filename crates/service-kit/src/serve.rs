//! Serves a router until it is told to stop, then drains: no request that was accepted is lost.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::connection;
use crate::lifecycle::{Lifecycle, Phase};
use crate::rates::Peer;
use crate::settings::ServerSettings;

/// Time in which a stopping service still accepts, so that clients learn of it by an answer.
const LAME_DUCK: Duration = Duration::from_millis(250);
/// Connections that the kernel keeps until they are accepted, as far as it is set to: whoever comes when they are so many waits for
/// a second, and the 128 of the standard library are fewer than the clients of a stream that come back at once.
const BACKLOG: u32 = 4_096;
/// Pause after a failed accept, such as one for want of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

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
pub fn bind(settings: &ServerSettings) -> Result<TcpListener, ServeError> {
    let (address, port_name) = (settings.listen, settings.port_name.clone());
    listen(address).map_err(|error| ServeError::Bind {
        address,
        port_name,
        error,
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // The port is free as soon as nobody listens there, whatever connections have not quite ended.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
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
    let mut acceptor = Acceptor::new(router, settings.max_connections);
    tokio::select! {
        () = acceptor.accept_forever(&listener) => {}
        () = stop.asked() => {}
    }
    info!("stopping: finishing what is in flight");
    lifecycle.advance(Phase::Draining);
    let _ = tokio::time::timeout(LAME_DUCK, acceptor.accept_forever(&listener)).await;
    acceptor.accept_last(listener);

    let Acceptor {
        mut connections,
        closing,
        ..
    } = acceptor;
    closing.send_replace(true);
    let is_done = tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => true,
        () = tokio::time::sleep(settings.drain_timeout) => false,
        () = stop.asked_times(2) => false,
    };
    if is_done {
        Ok(())
    } else {
        Err(ServeError::CutOff(connections.len()))
    }
}

struct Acceptor {
    router: Router,
    permits: Arc<Semaphore>,
    /// Dropped with its tasks, so that a drain that is cut off leaves nothing behind.
    connections: JoinSet<()>,
    closing: watch::Sender<bool>,
}

impl Acceptor {
    fn new(router: Router, max_connections: usize) -> Self {
        let permits = Arc::new(Semaphore::new(max_connections));
        Self {
            router,
            permits,
            connections: JoinSet::new(),
            closing: watch::Sender::new(false),
        }
    }

    async fn accept_forever(&mut self, listener: &TcpListener) {
        loop {
            // Acquired first: past the limit, clients wait in the kernel's backlog.
            let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(_) = self.connections.join_next() => continue,
            };
            match accepted {
                Ok((stream, address)) => self.serve(stream, Peer(address.ip()), permit),
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }

    /// Takes what the kernel has accepted already, which closing the socket would reset, and closes it.
    fn accept_last(&mut self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else {
            return;
        };
        while let Ok((stream, address)) = listener.accept() {
            let permit = Arc::clone(&self.permits).try_acquire_owned().ok();
            let stream = stream
                .set_nonblocking(true)
                .and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                self.serve(stream, Peer(address.ip()), permit);
            }
        }
    }

    fn serve(
        &mut self,
        stream: TcpStream,
        peer: Peer,
        permit: Option<tokio::sync::OwnedSemaphorePermit>,
    ) {
        let (router, closing) = (self.router.clone(), self.closing.subscribe());
        let connection = connection::serve(stream, peer, router, closing);
        self.connections.spawn(async move {
            connection.await;
            drop(permit);
        });
    }
}
