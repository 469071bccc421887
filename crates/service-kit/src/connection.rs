//! One connection: serves its requests, and ends it without losing one.
//!
//! A connection that is closed while bytes of a request are on their way loses that request. So a stopping service
//! closes a connection only once nothing was read since the last answer, or nothing has come for a while.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower::Service;
use tracing::debug;

use crate::patience::PatientTimer;
use crate::rates::Peer;

/// Longest time for the head of a request to arrive, and for a kept connection to stay idle.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Requests that one HTTP/2 connection may have open.
const MAX_CONCURRENT_STREAMS: u32 = 256;
/// How long a stopping service waits for the first byte on a connection that was just made.
const FIRST_BYTE_GRACE: Duration = Duration::from_secs(1);
/// How long it waits for the next byte of a request that has begun to arrive.
const NEXT_BYTE_GRACE: Duration = Duration::from_secs(3);
/// How often it looks.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// Serves a connection until its client ends it, or until it has fallen silent after `closing`.
pub(crate) async fn serve(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    mut closing: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "cannot set TCP_NODELAY");
    }
    let traffic = Arc::new(Traffic::default());
    let stream = Watched {
        stream,
        traffic: Arc::clone(&traffic),
    };
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(PatientTimer::default())
        .header_read_timeout(HEADER_READ_TIMEOUT);
    builder
        .http2()
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS);
    let mut connection = pin!(
        builder
            .serve_connection(
                TokioIo::new(stream),
                TowerToHyperService::new(OfPeer { router, peer })
            )
            .into_owned()
    );

    let mut ended = tokio::select! {
        // First: what has arrived is read before the connection counts as silent.
        biased;
        ended = connection.as_mut() => Some(ended),
        () = async {
            // An error means that the server is gone, which is the end as well.
            let _ = closing.wait_for(|is_closing| *is_closing).await;
            traffic.silent().await;
        } => None,
    };
    if ended.is_none() {
        connection.as_mut().graceful_shutdown();
        ended = Some(connection.await);
    }
    if let Some(Err(error)) = ended {
        debug!(%error, "connection ended");
    }
}

/// What is served to a peer: its requests say where they come from.
#[derive(Clone)]
struct OfPeer {
    router: Router,
    peer: Peer,
}

impl Service<http::Request<Incoming>> for OfPeer {
    type Response = <Router as Service<http::Request<Incoming>>>::Response;
    type Error = <Router as Service<http::Request<Incoming>>>::Error;
    type Future = <Router as Service<http::Request<Incoming>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<http::Request<Incoming>>::poll_ready(&mut self.router, context)
    }

    fn call(&mut self, mut request: http::Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        self.router.call(request)
    }
}

/// What has gone over a connection.
#[derive(Default)]
struct Traffic {
    reads: AtomicU64,
    /// Whether anything was read since the last write.
    is_unanswered: AtomicBool,
}

impl Traffic {
    /// Waits until no request can be on its way any more.
    async fn silent(&self) {
        let (mut reads, mut since) = (self.reads.load(Ordering::Relaxed), Instant::now());
        loop {
            let grace = match (reads, self.is_unanswered.load(Ordering::Relaxed)) {
                (0, _) => FIRST_BYTE_GRACE,
                (_, true) => NEXT_BYTE_GRACE,
                (_, false) => Duration::ZERO,
            };
            if since.elapsed() >= grace {
                return;
            }
            tokio::time::sleep(LOOK_PAUSE).await;
            let now = self.reads.load(Ordering::Relaxed);
            if now != reads {
                (reads, since) = (now, Instant::now());
            }
        }
    }
}

/// A stream that counts its traffic.
struct Watched {
    stream: TcpStream,
    traffic: Arc<Traffic>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.traffic.reads.fetch_add(1, Ordering::Relaxed);
            self.traffic.is_unanswered.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl Watched {
    fn wrote(&self, polled: &Poll<io::Result<usize>>) {
        if matches!(polled, Poll::Ready(Ok(written)) if *written > 0) {
            self.traffic.is_unanswered.store(false, Ordering::Relaxed);
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.wrote(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
