//! What is no HTTP, or only half of it.

use crate::support::{SEEDED, on_both, seen};
use testkit::wire;

const STOCK: &str = r#"{"symbol":"NEW","name":"New Inc.","current_price":1}"#;

#[tokio::test]
async fn garbage_in_place_of_http_harms_nobody_else() {
    let huge_line = format!(
        "GET /{} HTTP/1.1\r\nhost: a\r\n\r\n",
        "x".repeat(1024 * 1024)
    );
    let many_headers = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(10_000));
    let garbage: [&[u8]; 17] = [
        b"",
        b"\r\n\r\n\r\n",
        b"\0\0\0\0\0\0\0\0",
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http:// HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\n: no name\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n",
        b"CONNECT db:5432 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        huge_line.as_bytes(),
        many_headers.as_bytes(),
    ];
    on_both(&SEEDED, async |api| {
        for bytes in garbage {
            let answer = wire::cut_off_after(api, bytes).await;
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
            if let Some(status) = wire::status(&answer) {
                assert!((400..500).contains(&status), "{shown:?} gives {status}");
            }
            api.get("/health").await.expect(200);
        }
    })
    .await;
}

#[tokio::test]
async fn a_stock_whose_length_is_in_doubt_is_not_added() {
    let length = STOCK.len();
    let head = "POST /stocks HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
    let chunk = format!("{length:x}\r\n{STOCK}\r\n0\r\n\r\n");
    let cut_off = [
        head.to_owned(),
        format!("{head}content-length: {length}\r\n\r\n"),
        format!("{head}content-length: {}\r\n\r\n{STOCK}", length + 1),
        format!(
            "{head}content-length: {length}\r\n\r\n{}",
            &STOCK[..length - 1]
        ),
        format!("{head}transfer-encoding: chunked\r\n\r\n{length:x}\r\n{STOCK}\r\n"),
        format!("{head}transfer-encoding: chunked\r\n\r\n{length:x}\r\n{STOCK}"),
    ];
    let said_in_two_ways_or_none = [
        format!("{head}content-length: {length}\r\ncontent-length: 2\r\n\r\n{STOCK}"),
        format!("{head}content-length: -{length}\r\n\r\n{STOCK}"),
        format!("{head}content-length: +{length}\r\n\r\n{STOCK}"),
        format!("{head}transfer-encoding: gzip\r\n\r\n{chunk}"),
        format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n{STOCK}\r\n0\r\n\r\n"),
        format!("{head}\r\n{STOCK}"),
    ];
    on_both(&SEEDED, async |api| {
        let before = seen(api).await;
        let mut answers = Vec::new();
        for request in &cut_off {
            answers.push((request, wire::cut_off_after(api, request.as_bytes()).await));
        }
        for request in &said_in_two_ways_or_none {
            answers.push((request, wire::exchange(api, request.as_bytes()).await));
        }
        for (request, answer) in answers {
            let status = wire::status(&answer);
            let is_refused = status.is_none_or(|status| (400..500).contains(&status));
            assert!(is_refused, "{status:?} for {request}");
        }
        assert_eq!(seen(api).await, before);
        let whole = format!("{head}connection: close\r\ncontent-length: {length}\r\n\r\n{STOCK}");
        let answer = wire::exchange(api, whole.as_bytes()).await;
        assert_eq!(wire::status(&answer), Some(201), "the stock itself is fine");
    })
    .await;
}

/// A `POST` with these bytes as its body, and with how they are framed.
fn post(path: &str, media_type: &str, framing: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: {media_type}\r\n{framing}\r\n\r\n{body}"
    )
}

fn with_length(path: &str, media_type: &str, body: &str) -> String {
    let length = format!("content-length: {}", body.len());
    post(path, media_type, &length, body)
}

#[tokio::test]
async fn a_body_may_have_64_kib_and_not_a_byte_more() {
    const JSON: &str = "application/json";
    let fine = STOCK.to_owned();
    let largest = " ".repeat(64 * 1024 - fine.len()) + &fine;
    let larger = " ".repeat(64 * 1024 + 1 - fine.len()) + &fine;
    let chunk = format!("{:x}\r\n{}\r\n", 70_000, " ".repeat(70_000));
    let refused = [
        with_length("/stocks", JSON, &larger),
        with_length("/stocks", JSON, &"[".repeat(100_000)),
        with_length("/stocks", JSON, &"x".repeat(1024 * 1024)),
        // Refused before it ends.
        post("/stocks", JSON, "transfer-encoding: chunked", &chunk),
    ];
    on_both(&SEEDED, async |api| {
        let before = seen(api).await;
        for request in &refused {
            let answer = wire::exchange(api, request.as_bytes()).await;
            assert_eq!(wire::status(&answer), Some(413));
            let text = String::from_utf8_lossy(&answer);
            assert!(text.contains(r#""code":"body_too_large""#), "{text}");
        }
        assert_eq!(seen(api).await, before);
        let request = with_length("/stocks", JSON, &largest);
        let answer = wire::exchange(api, request.as_bytes()).await;
        assert_eq!(wire::status(&answer), Some(201));
    })
    .await;
}

#[tokio::test]
async fn a_client_whose_body_is_left_unread_learns_that_its_connection_ends_with_it() {
    let large = "x".repeat(1024 * 1024);
    let next = b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";
    on_both(&SEEDED, async |api| {
        let mut broken = Vec::new();
        for (expected, path, media_type) in [
            (413, "/stocks", "application/json"),
            (415, "/stocks", "text/plain"),
            (404, "/nowhere", "application/json"),
            (405, "/metrics", "application/json"),
        ] {
            let request = with_length(path, media_type, &large);
            let [first, second] = wire::exchange_all(api, [request.as_bytes(), next]).await;
            assert_eq!(wire::status(&first), Some(expected), "{path}");
            let head = String::from_utf8_lossy(&first);
            let says_so = wire::header(&head, "connection") == Some("close");
            if !says_so && wire::status(&second) != Some(200) {
                broken.push(expected);
            }
        }
        assert_eq!(
            broken, [0; 0],
            "the next request is lost, and nothing told so"
        );
    })
    .await;
}

#[tokio::test]
async fn connections_that_are_dropped_at_once_leave_a_service_that_answers() {
    on_both(&SEEDED, async |api| {
        for _ in 0..200 {
            wire::drop_after(api, b"GET /stocks HTTP/1.1\r\nhost: a\r\n\r\n").await;
        }
        api.get("/health").await.expect(200);
    })
    .await;
}
