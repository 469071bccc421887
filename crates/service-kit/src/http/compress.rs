//! Compresses answers for the clients that ask for it; the others do not pay for the asking.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use pin_project_lite::pin_project;
use tower::{Layer, Service, ServiceExt as _};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, NotForContentType, Predicate as _, SizeAbove};

/// Smallest answer that is worth compressing, in bytes.
const COMPRESS_ABOVE_BYTES: u64 = 1_024;

/// Which answers may be compressed.
type Compressible = And<SizeAbove, NotForContentType>;

/// The layer that compresses.
#[derive(Clone)]
pub(super) struct CompressLayer {
    compressible: Compressible,
    compression: CompressionLayer<Compressible>,
}

impl CompressLayer {
    pub(super) fn new() -> Self {
        let compressible = SizeAbove::new(COMPRESS_ABOVE_BYTES).and(NotForContentType::SSE);
        Self {
            compressible: compressible.clone(),
            compression: CompressionLayer::new()
                .gzip(true)
                .compress_when(compressible),
        }
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
    type Future = Answer<S::Future, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.headers().contains_key(header::ACCEPT_ENCODING) {
            let compressing = self.layer.compression.layer(self.inner.clone());
            return Answer::Compressed {
                answer: Box::pin(
                    async move { Ok(compressing.oneshot(request).await?.into_response()) },
                ),
            };
        }
        Answer::Plain {
            answer: self.inner.call(request),
            compressible: self.layer.compressible.clone(),
        }
    }
}

pin_project! {
    /// What is answered, in the form that the client takes.
    #[project = AnswerProjection]
    pub(super) enum Answer<F, E> {
        Compressed {
            answer: Pin<Box<dyn Future<Output = Result<Response, E>> + Send>>,
        },
        Plain {
            #[pin]
            answer: F,
            compressible: Compressible,
        },
    }
}

impl<F, E> Future for Answer<F, E>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            AnswerProjection::Compressed { answer } => answer.as_mut().poll(context),
            AnswerProjection::Plain {
                answer,
                compressible,
            } => {
                let mut response = ready!(answer.poll(context))?;
                if compressible.should_compress(&response) {
                    // A cache must know that there is another form of it.
                    let accept_encoding = HeaderValue::from_static("accept-encoding");
                    response.headers_mut().append(header::VARY, accept_encoding);
                }
                Poll::Ready(Ok(response))
            }
        }
    }
}
