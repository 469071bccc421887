//! `/stream`: prices as they change, in Server-Sent Events (WHATWG HTML, section 9.2).

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use market::{Invalid, Symbol};
use serde::Serialize;
use service_kit::auth::ReadAccess;
use service_kit::extract::{FromQuery, Parameters, Query};
use service_kit::lifecycle::{Lifecycle, Phase};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use utoipa::{IntoParams, ToSchema};

use crate::app;
use crate::live::Live;
use crate::stock::Version;
use crate::ticker::Frame;

/// Silence after which a comment shows that the connection lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Symbols that one stream may name.
const MAX_SYMBOLS: usize = 1_000;
/// How long a browser waits after a loss before it connects again, in milliseconds.
const PREAMBLE: &[u8] = b"retry: 1000\n\n";

/// Which prices to stream.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamQuery {
    /// Only these symbols, separated by commas; all when it is left out.
    #[param(value_type = Option<String>, pattern = "^[A-Za-z][A-Za-z0-9.\\-]{0,11}(,[A-Za-z][A-Za-z0-9.\\-]{0,11})*$")]
    symbols: Option<Symbols>,
}

/// A list of symbols, separated by commas.
struct Symbols(HashSet<Symbol>);

impl std::str::FromStr for Symbols {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let symbols: HashSet<Symbol> = text
            .split(',')
            .map(Symbol::parse)
            .collect::<Result<_, _>>()?;
        if symbols.len() > MAX_SYMBOLS {
            return Err(Invalid {
                rule: "at most 1000 symbols",
            });
        }
        Ok(Self(symbols))
    }
}

impl FromQuery for StreamQuery {
    fn from_query(parameters: &mut Parameters) -> Option<Self> {
        Some(Self {
            symbols: parameters.optional("symbols"),
        })
    }
}

/// An event of the stream.
#[derive(Serialize, ToSchema)]
struct PriceEvent {
    /// Always `price`.
    event: String,
    /// The stock's price: a `StockPrice` in JSON.
    #[schema(content_media_type = "application/json")]
    data: String,
    /// The catalogue's version, for `Last-Event-ID`.
    id: Option<String>,
}

/// Streams prices: first those that changed after `Last-Event-ID` (all without it), then each change.
///
/// A slow reader gets the latest state of what it missed. A comment every 15 s shows that the stream lives.
#[utoipa::path(get, path = "/stream", tag = "prices", security(("key" = ["read"])),
    params(StreamQuery, ("Last-Event-ID" = Option<String>, Header, description = "The last id that was received")),
    responses((status = 200, body = PriceEvent, content_type = "text/event-stream"))
)]
pub(super) async fn show(
    _: ReadAccess,
    State(app): State<Arc<app::State>>,
    Query(query): Query<StreamQuery>,
    request: HeaderMap,
) -> Response {
    let last_event_id = request
        .get("last-event-id")
        .and_then(|id| id.to_str().ok()?.parse().ok());
    let reader = Reader {
        // Before the first look at the snapshot, so that no frame falls between.
        frames: app.ticker.subscribe(),
        live: Arc::clone(&app.live),
        symbols: query.symbols.map(|symbols| symbols.0),
        sent: last_event_id.map(Version),
        is_behind: true,
        lifecycle: app.lifecycle.clone(),
    };
    let first = stream::iter([Ok::<Bytes, Infallible>(Bytes::from_static(PREAMBLE))]);
    let events = stream::unfold(reader, async |mut reader| {
        let events = reader.next().await?;
        Some((Ok(events), reader))
    });
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (
        headers,
        Body::from_stream(stream::StreamExt::chain(first, events)),
    )
        .into_response()
}

/// One client of the stream.
struct Reader {
    frames: broadcast::Receiver<Arc<Frame>>,
    live: Arc<Live>,
    symbols: Option<HashSet<Symbol>>,
    /// The version up to which it has everything.
    sent: Option<Version>,
    /// Whether it is to catch up from the snapshot.
    is_behind: bool,
    lifecycle: Lifecycle,
}

impl Reader {
    /// What to send next; nothing more once the service stops.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.is_behind {
                let events = self.catch_up();
                if !events.is_empty() {
                    return Some(events);
                }
            }
            let frame = tokio::select! {
                () = self.lifecycle.reached(Phase::Draining) => return None,
                frame = tokio::time::timeout(HEARTBEAT, self.frames.recv()) => frame,
            };
            match frame {
                Ok(Ok(frame)) if self.sent.is_none_or(|sent| frame.version > sent) => {
                    self.sent = Some(frame.version);
                    let events = match &self.symbols {
                        Some(symbols) => frame.only(|symbol| symbols.contains(symbol)),
                        None => frame.all.clone(),
                    };
                    if !events.is_empty() {
                        return Some(events);
                    }
                }
                Ok(Ok(_)) => {}
                Ok(Err(RecvError::Lagged(_))) => self.is_behind = true,
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) => return Some(Bytes::from_static(b":\n\n")),
            }
        }
    }

    fn catch_up(&mut self) -> Bytes {
        let snapshot = self.live.snapshot();
        let is_wanted = |symbol: &Symbol| {
            self.symbols
                .as_ref()
                .is_none_or(|symbols| symbols.contains(symbol))
        };
        // An id that was never given, such as one of another database, means that everything is news.
        let since = self.sent.filter(|sent| *sent <= snapshot.version());
        let frame = Frame::since(&snapshot, since, is_wanted);
        self.sent = Some(snapshot.version());
        self.is_behind = false;
        frame.all
    }
}
