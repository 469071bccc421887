//! The rest of a body that no handler wanted.
//!
//! A connection that is closed on unread data is reset, and a reset can overtake the answer (RFC 9112 section 9.6). So
//! the rest of a body is read and thrown away, within bounds, before its answer goes out; past the bounds the client is
//! told that the connection ends.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use bytes::Bytes;
use http::{Version, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;

/// Bodies up to this size are finished by the connection itself.
const SMALL_BODY_BYTES: u64 = 64 * 1024;
/// Most that is thrown away for the sake of the answer.
const MAX_DISCARDED_BYTES: usize = 8 * 1024 * 1024;
/// Longest time that is taken for it.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);

/// A body that is still there after the handler.
pub(super) struct Unread {
    body: Shared,
    /// The client sends the body only when it is asked for.
    waits_to_be_asked: bool,
}

impl Unread {
    /// Keeps hold of the body of a request, when it is one that may be left unread.
    pub(super) fn hold(request: &mut Request) -> Option<Self> {
        let is_small = request
            .body()
            .size_hint()
            .upper()
            .is_some_and(|bytes| bytes <= SMALL_BODY_BYTES);
        if is_small || request.version() > Version::HTTP_11 {
            return None;
        }
        let waits_to_be_asked = request.headers().contains_key(header::EXPECT);
        let body = Shared(Arc::new(Mutex::new(std::mem::take(request.body_mut()))));
        *request.body_mut() = Body::new(body.clone());
        Some(Self {
            body,
            waits_to_be_asked,
        })
    }

    /// Throws the rest away; `false` when there is more than that, so that the connection must end.
    pub(super) async fn discard(mut self) -> bool {
        if self.body.is_end_stream() {
            return true;
        }
        if self.waits_to_be_asked {
            return false;
        }
        let discard = async {
            let mut discarded = 0;
            while let Some(Ok(frame)) = self.body.frame().await {
                discarded += frame.data_ref().map_or(0, Bytes::len);
                if discarded > MAX_DISCARDED_BYTES {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(DISCARD_TIMEOUT, discard)
            .await
            .unwrap_or(false)
    }
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Body>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.lock()).poll_frame(context)
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.lock().is_end_stream()
    }
}
