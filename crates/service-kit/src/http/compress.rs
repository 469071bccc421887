//! Compresses answers for the clients that ask for it; the others do not pay for the asking.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header;
use tower::{Layer, Service, ServiceExt as _};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, NotForContentType, Predicate as _, SizeAbove};

/// Smallest answer that is worth compressing, in bytes.
const COMPRESS_ABOVE_BYTES: u64 = 1_024;

/// The layer that compresses.
#[derive(Clone)]
pub(super) struct CompressLayer(CompressionLayer<And<SizeAbove, NotForContentType>>);

impl CompressLayer {
    pub(super) fn new() -> Self {
        let compressible = SizeAbove::new(COMPRESS_ABOVE_BYTES).and(NotForContentType::SSE);
        Self(
            CompressionLayer::new()
                .gzip(true)
                .compress_when(compressible),
        )
    }
}

impl<S> Layer<S> for CompressLayer {
    type Service = Compress<S>;

    fn layer(&self, inner: S) -> Compress<S> {
        Compress {
            inner,
            layer: self.clone(),
        }
    }
}

#[derive(Clone)]
pub(super) struct Compress<S> {
    inner: S,
    layer: CompressLayer,
}

impl<S> Service<Request> for Compress<S>
where
    S: Service<Request, Response = Response, Future: Send + 'static> + Clone + Send + 'static,
    S::Error: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if !request.headers().contains_key(header::ACCEPT_ENCODING) {
            return Box::pin(self.inner.call(request));
        }
        let compressing = self.layer.0.layer(self.inner.clone());
        Box::pin(async move { Ok(compressing.oneshot(request).await?.into_response()) })
    }
}
