//! The catalogue's stream of prices: first what it tells at once, then each change.

use std::time::Duration;

use market::{Price, Symbol};
use reqwest::header::{self, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::warn;

use crate::events::{Event, Events};

/// Silence after which the stream is opened anew, from where it was. The catalogue's own heartbeat, every 15 s, would show a
/// dead connection too late: a price that nobody has confirmed for 5 s is not told. To ask for what is new since the last event
/// confirms them all, whatever stands between here and the catalogue.
const SILENCE: Duration = Duration::from_secs(2);

const EVENT_STREAM: &str = "text/event-stream";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// An open stream.
pub(crate) struct PriceStream {
    response: Response,
    events: Events,
    silent_at: Instant,
    has_spoken: bool,
    has_warned: bool,
}

/// What the catalogue says of some stocks; no price where it could not be read.
pub(crate) type Told = Vec<(Symbol, Option<Price>)>;

/// Why the stream is not read any further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    #[error("the catalogue cannot be reached: {0}")]
    Http(#[from] reqwest::Error),
    #[error("the catalogue answers {0}")]
    Status(StatusCode),
    #[error("the catalogue answers with what is no stream of events")]
    NoStream,
    #[error("the catalogue does not answer")]
    NoAnswer,
    #[error("the catalogue has ended its stream")]
    Ended,
    /// Nothing is wrong, as far as is known.
    #[error("the catalogue has nothing to say")]
    Silent,
    /// What is known does not go on from here.
    #[error("the catalogue is to be read from its beginning")]
    Outdated,
}

impl PriceStream {
    /// Opens it by this request, after the event of this id, or from its beginning.
    pub(crate) async fn open(
        request: RequestBuilder,
        last_id: Option<&HeaderValue>,
    ) -> Result<Self, Lost> {
        let mut request = request.header(header::ACCEPT, EVENT_STREAM);
        if let Some(last_id) = last_id {
            request = request.header(LAST_EVENT_ID, last_id);
        }
        let answered = timeout(SILENCE, request.send()).await;
        let response = answered.map_err(|_| Lost::NoAnswer)??;
        if response.status() != StatusCode::OK {
            return Err(Lost::Status(response.status()));
        }
        let kind = response.headers().get(header::CONTENT_TYPE);
        if !kind.is_some_and(|kind| kind.as_bytes().starts_with(EVENT_STREAM.as_bytes())) {
            return Err(Lost::NoStream);
        }
        Ok(Self {
            response,
            events: Events::default(),
            silent_at: Instant::now() + SILENCE,
            has_spoken: false,
            has_warned: false,
        })
    }

    /// Waits for a sign of life, and yields what came with it.
    pub(crate) async fn next(&mut self) -> Result<Told, Lost> {
        let mut told = Told::new();
        let mut unread = 0;
        loop {
            let piece = timeout_at(self.silent_at, self.response.chunk()).await;
            let piece = piece.map_err(|_| self.silent())??.ok_or(Lost::Ended)?;
            let is_alive = self.events.take(&piece, |event| match quote_of(&event) {
                Some(Ok(quote)) => told.push((quote.symbol, quote.price())),
                Some(Err(_)) => unread += 1,
                None => {}
            });
            if !is_alive {
                continue;
            }
            self.silent_at = Instant::now() + SILENCE;
            self.has_spoken = true;
            if unread > 0 && !std::mem::replace(&mut self.has_warned, true) {
                warn!(unread, "the catalogue tells prices that cannot be read");
            }
            return Ok(told);
        }
    }

    fn silent(&self) -> Lost {
        if self.has_spoken {
            Lost::Silent
        } else {
            Lost::NoAnswer
        }
    }

    /// The id of the last event, to go on after.
    pub(crate) fn last_id(&self) -> Option<HeaderValue> {
        let id = Some(self.events.last_id()).filter(|id| !id.is_empty())?;
        HeaderValue::from_bytes(id).ok()
    }
}

/// What is read of a `StockPrice`.
#[derive(Deserialize)]
struct Quote<'a> {
    symbol: Symbol,
    #[serde(borrow)]
    current_price: Option<&'a RawValue>,
}

impl Quote<'_> {
    fn price(&self) -> Option<Price> {
        serde_json::from_str(self.current_price?.get()).ok()
    }
}

/// None of an event of another kind.
fn quote_of<'a>(event: &Event<'a>) -> Option<serde_json::Result<Quote<'a>>> {
    (event.kind == b"price").then(|| serde_json::from_slice(event.data))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The symbol and the price of an event; none when it is passed over.
    fn read(kind: &str, data: &str) -> Option<(String, Option<String>)> {
        let (kind, data) = (kind.as_bytes(), data.as_bytes());
        let quote = quote_of(&Event { kind, data })?.ok()?;
        Some((
            quote.symbol.to_string(),
            quote.price().map(|price| price.to_string()),
        ))
    }

    #[test]
    fn a_price_is_read_and_what_comes_beside_it_is_not_minded() {
        let price = r#"{"symbol":"AAPL","current_price":191.50,"change_pct":"odd","new":[1]}"#;
        let expected = ("AAPL".to_owned(), Some("191.5".to_owned()));
        assert_eq!(read("price", price), Some(expected));
        assert_eq!(read("news", price), None);
        assert_eq!(read("", price), None);
    }

    #[test]
    fn of_a_price_that_cannot_be_read_the_stock_is() {
        for price in ["0", "-1", "1e99", "\"x\"", "null", "{}", "0.00001"] {
            let data = format!(r#"{{"symbol":"AAPL","current_price":{price}}}"#);
            assert_eq!(
                read("price", &data),
                Some(("AAPL".to_owned(), None)),
                "{data}"
            );
        }
        let none = r#"{"symbol":"AAPL"}"#;
        assert_eq!(read("price", none), Some(("AAPL".to_owned(), None)));
    }

    #[test]
    fn what_names_no_stock_is_passed_over() {
        for data in [
            "",
            "{",
            "[]",
            "1",
            r#"{"symbol":"1"}"#,
            r#"{"current_price":1}"#,
        ] {
            assert_eq!(read("price", data), None, "{data}");
        }
    }
}
