//! The catalogue as it changes: prices in bulk, the stream, other replicas.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use testkit::credentials::{Rendered, Roles};
use testkit::http::{Client, Method, Reply};
use testkit::postgres::Server;
use testkit::{Service, eventually};

use crate::support;
use crate::support::{Backend, SEEDED, on_both, quote};

const DEADLINE: Duration = Duration::from_secs(10);

async fn put_prices(api: &Client, media_type: &str, body: impl Into<String>) -> Reply {
    let request = api
        .builder(Method::PUT, "/prices")
        .header("content-type", media_type);
    api.request(request.body(body.into())).await
}

/// Events of a stream as they come.
struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    async fn open(api: &Client, path: &str, last_event_id: Option<&str>) -> Self {
        let mut request = api.builder(Method::GET, path);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            text: String::new(),
        }
    }

    /// Reads on until `text` has come.
    async fn until(&mut self, text: &str) {
        while !self.text.contains(text) {
            let chunk = tokio::time::timeout(DEADLINE, self.response.chunk()).await;
            let chunk = chunk
                .unwrap_or_else(|_| panic!("no {text} in {}", self.text))
                .unwrap();
            self.text
                .push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
    }

    fn last_id(&self) -> &str {
        let mut ids = self
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("id: "));
        ids.next_back().unwrap()
    }
}

#[tokio::test]
async fn prices_in_bulk_are_taken_or_rejected_one_by_one() {
    on_both(&SEEDED, async |api| {
        let items = [
            r#"{"symbol":"AAPL","price":0.1}"#,
            r#"{"symbol":"NOPE","price":1}"#,
            r#"{"symbol":"MSFT","price":0}"#,
            r#"{"symbol":"msft","price":"500.5","change_pct":-1.25}"#,
            r#"["V",1]"#,
        ];
        let array = format!("[{}]", items.join(","));
        for (media_type, body) in [
            ("application/json", array),
            ("application/x-ndjson", items.join("\n")),
        ] {
            let result = put_prices(api, media_type, body).await.expect(200).json();
            assert_eq!(result["updated"], 2, "{result}");
            let rejected = result["rejected"].as_array().unwrap();
            let rejected: Vec<_> = rejected
                .iter()
                .map(|line| (&line["index"], &line["code"]))
                .collect();
            let expected = [
                (1, "unknown_symbol"),
                (2, "validation_failed"),
                (4, "validation_failed"),
            ];
            assert_eq!(rejected.len(), expected.len(), "{result}");
            for ((index, code), expected) in rejected.into_iter().zip(expected) {
                assert_eq!((index, code), (&json!(expected.0), &json!(expected.1)));
            }
            assert!(
                api.get("/stocks/AAPL/price")
                    .await
                    .text()
                    .contains("\"current_price\":0.1,")
            );
            let msft = api.get("/stocks/MSFT/price").await;
            assert!(
                msft.text()
                    .contains("\"current_price\":500.5,\"change_pct\":-1.25"),
                "{msft}"
            );
            quote(api, "AAPL", "price=1").await.expect(200);
        }
    })
    .await;
}

#[tokio::test]
async fn a_bulk_that_cannot_be_read_changes_nothing() {
    on_both(&SEEDED, async |api| {
        let before = api.get("/stocks").await.expect(200);
        let line = "{\"symbol\":\"AAPL\",\"price\":1}";
        put_prices(api, "text/plain", line)
            .await
            .problem(415, "unsupported_media_type");
        put_prices(api, "application/json", format!("[{line}"))
            .await
            .problem(400, "malformed_request");
        put_prices(api, "application/json", line)
            .await
            .problem(422, "validation_failed");
        let too_large = " ".repeat(8 * 1024 * 1024 + 1);
        put_prices(api, "application/json", too_large)
            .await
            .problem(413, "body_too_large");
        let none = put_prices(api, "application/x-ndjson", "")
            .await
            .expect(200);
        assert_eq!(none.text(), r#"{"updated":0,"rejected":[]}"#);
        assert_eq!(api.get("/stocks").await.text(), before.text());
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_prices_are_taken_at_once() {
    on_both(&SEEDED, async |api| {
        let lines =
            (1..=10_000).map(|cents| format!("{{\"symbol\":\"AAPL\",\"price\":{cents}}}\n"));
        let result = put_prices(api, "application/x-ndjson", lines.collect::<String>())
            .await
            .expect(200);
        assert_eq!(result.text(), r#"{"updated":10000,"rejected":[]}"#);
        assert!(
            api.get("/stocks/AAPL")
                .await
                .text()
                .contains("\"current_price\":10000,")
        );
    })
    .await;
}

#[tokio::test]
async fn a_stream_starts_with_what_is_and_goes_on_with_what_changes() {
    on_both(&SEEDED, async |api| {
        let mut events = Events::open(api, "/stream", None).await;
        events.until("\"symbol\":\"XOM\"").await;
        assert_eq!(events.text.matches("event: price\n").count(), 10);
        quote(api, "AAPL", "price=191.5&change_pct=0.95")
            .await
            .expect(200);
        events
            .until("data: {\"symbol\":\"AAPL\",\"current_price\":191.5,\"change_pct\":0.95,")
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_that_its_reader_had() {
    on_both(&SEEDED, async |api| {
        quote(api, "AAPL", "price=1").await.expect(200);
        let mut before = Events::open(api, "/stream", None).await;
        before.until("\"current_price\":1,").await;
        let last = before.last_id().to_owned();
        quote(api, "MSFT", "price=2").await.expect(200);
        quote(api, "V", "price=3").await.expect(200);
        let mut after = Events::open(api, "/stream", Some(&last)).await;
        after.until("\"current_price\":3,").await;
        assert!(
            after.text.contains("\"current_price\":2,"),
            "{}",
            after.text
        );
        assert!(!after.text.contains("AAPL"), "{}", after.text);
        // An id that was never given out starts from the beginning.
        let mut unknown = Events::open(api, "/stream", Some("999999")).await;
        unknown.until("\"symbol\":\"AAPL\"").await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_some_symbols_has_no_others() {
    on_both(&SEEDED, async |api| {
        let mut events = Events::open(api, "/stream?symbols=v,NEW", None).await;
        events.until("\"symbol\":\"V\"").await;
        quote(api, "AAPL", "price=1").await.expect(200);
        quote(api, "V", "price=2").await.expect(200);
        events.until("\"symbol\":\"V\",\"current_price\":2,").await;
        assert!(!events.text.contains("AAPL"), "{}", events.text);
        for wrong in [
            "/stream?symbols=",
            "/stream?symbols=A,,B",
            "/stream?symbols=A/B",
        ] {
            api.get(wrong).await.problem(422, "validation_failed");
        }
    })
    .await;
}

#[tokio::test]
async fn a_stop_ends_the_streams() {
    for backend in Backend::both().await {
        let (service, api) = support::start(&backend, &SEEDED).await;
        let mut events = Events::open(&api, "/stream", None).await;
        events.until("\"symbol\":\"XOM\"").await;
        service.terminate();
        let ended = async { while events.response.chunk().await.unwrap().is_some() {} };
        tokio::time::timeout(DEADLINE, ended)
            .await
            .expect("the stream ends");
        assert!(service.wait(DEADLINE).await.success());
    }
}

/// Waits until `api` tells this price.
async fn shows(api: &Client, price: &str) {
    let expected = format!("\"current_price\":{price},");
    let what = format!("AAPL at {price}");
    eventually(DEADLINE, &what, || async {
        api.get("/stocks/AAPL").await.text().contains(&expected)
    })
    .await;
}

#[tokio::test]
async fn replicas_hear_of_each_other_and_of_what_they_missed() {
    let mut server = Server::start().await;
    let database = server.database().await;
    let backend = Backend::Postgres(database);
    let (one, other): ((Service, Client), (Service, Client)) = (
        support::start(&backend, &SEEDED).await,
        support::start(&backend, &SEEDED).await,
    );
    let mut events = Events::open(&other.1, "/stream?symbols=AAPL", None).await;
    quote(&one.1, "AAPL", "price=1").await.expect(200);
    shows(&other.1, "1").await;
    events.until("\"current_price\":1,").await;
    // Each sees its own change at once, whatever the other has changed meanwhile.
    for price in 2..20 {
        let api = if price % 2 == 0 { &one.1 } else { &other.1 };
        quote(api, "AAPL", &format!("price={price}"))
            .await
            .expect(200);
        assert!(
            api.get("/stocks/AAPL")
                .await
                .text()
                .contains(&format!("\"current_price\":{price},"))
        );
    }
    server.stop().await;
    server.restart().await;
    eventually(DEADLINE, "a price that is taken again", || async {
        quote(&one.1, "AAPL", "price=99").await.status == 200
    })
    .await;
    shows(&other.1, "99").await;
    events.until("\"current_price\":99,").await;
}

/// It listens with the credentials too.
#[tokio::test]
async fn a_change_of_credentials_loses_no_change_of_another_replica() {
    let database = testkit::postgres::database().await;
    let (roles, rendered) = (Roles::new(&database).await, Rendered::new());
    rendered.render(&roles.url("a"));
    rendered.complete();
    let service = Service::spawn(Path::new(support::BINARY), &[], &[rendered.setting()]);
    let api = service.wait_ready().await;
    let backend = Backend::Postgres(database);
    let (_other, other) = support::start(&backend, &SEEDED).await;
    for (from, to, price) in [("a", "b", "100.5"), ("b", "a", "101.5")] {
        rendered.render(&roles.url(to));
        quote(&other, "AAPL", &format!("price={price}"))
            .await
            .expect(200);
        roles.moved(from, to).await;
        shows(&api, price).await;
        quote(&other, "AAPL", "price=102").await.expect(200);
        shows(&api, "102").await;
    }
}
