//! Replies, and failures that show them.

use serde_json::json;
use testkit::http::{Client, Method};

use crate::answers::{Answers, panic_of};

const PROBLEM: &str = "HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\nX-Request-ID: abc\r\n\r\n\
    {\"type\":\"/problems/not-found\",\"title\":\"Not found\",\"status\":404,\"code\":\"stock_not_found\",\"instance\":\"abc\"}";

#[tokio::test]
async fn a_reply_has_its_status_headers_and_digits() {
    let answer = "HTTP/1.1 200 OK\r\nETag: \"7\"\r\n\r\n{\"price\": 1.10}";
    let answers = Answers::start(&[answer]).await;

    let reply = Client::new(answers.url()).get("/stocks").await.expect(200);

    assert_eq!(reply.header("etag"), Some("\"7\""));
    assert_eq!(reply.header("location"), None);
    assert_eq!(reply.text(), "{\"price\": 1.10}");
    assert_eq!(reply.json(), json!({"price": 1.1}));
}

#[tokio::test]
async fn a_request_goes_out_as_it_was_built() {
    let answers = Answers::start(&["HTTP/1.1 204 No Content\r\n\r\n"]).await;
    let client = Client::new(answers.url());

    client
        .post("/trades/buy", &json!({"quantity": 1}))
        .await
        .expect(204);
    client.put("/stocks/AAPL", &json!({})).await.expect(204);
    let odd = client
        .builder(Method::DELETE, "/stocks?all=true")
        .header("If-Match", "7");
    client.request(odd).await.expect(204);

    let requests = answers.requests();
    assert!(
        requests[0].starts_with("POST /trades/buy HTTP/1.1\r\n"),
        "{}",
        requests[0]
    );
    assert!(
        requests[0].ends_with("\r\n\r\n{\"quantity\":1}"),
        "{}",
        requests[0]
    );
    assert!(
        requests[1].starts_with("PUT /stocks/AAPL HTTP/1.1\r\n"),
        "{}",
        requests[1]
    );
    assert!(
        requests[2].starts_with("DELETE /stocks?all=true HTTP/1.1\r\n"),
        "{}",
        requests[2]
    );
    assert!(requests[2].contains("if-match: 7\r\n"), "{}", requests[2]);
}

#[tokio::test]
async fn another_status_than_expected_shows_the_whole_exchange() {
    let answers = Answers::start(&["HTTP/1.1 500 Oh\r\nX-Request-ID: abc\r\n\r\nbroken"]).await;
    let client = Client::new(answers.url());

    let panic = panic_of(async move { client.get("/stocks").await.expect(200) }).await;

    for part in [
        "expected 200",
        "GET http://127.0.0.1:",
        "/stocks",
        "500",
        "x-request-id: abc",
        "broken",
    ] {
        assert!(panic.contains(part), "{part:?} is missing in {panic}");
    }
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_named_with_the_reason() {
    // Port 0 is never listened on.
    let panic = panic_of(async { Client::new("http://127.0.0.1:0").get("/stocks").await }).await;

    assert!(
        panic.contains("GET http://127.0.0.1:0/stocks was not answered"),
        "{panic}"
    );
    assert!(panic.contains("connect"), "{panic}");
}

#[tokio::test]
async fn a_whole_problem_document_is_accepted() {
    let answers = Answers::start(&[PROBLEM]).await;

    let reply = Client::new(answers.url()).get("/stocks/X").await;

    assert_eq!(reply.problem(404, "stock_not_found")["title"], "Not found");
}

#[tokio::test]
async fn a_problem_document_with_a_flaw_is_refused() {
    let flaws = [
        ("HTTP/1.1 404", "HTTP/1.1 400", "expected 404"),
        ("problem+json", "json", "media type"),
        ("\"status\":404", "\"status\":400", "`status`"),
        ("stock_not_found", "not_found", "`code`"),
        ("Not found\"", "\"", "`title`"),
        ("\"type\":", "\"kind\":", "`type`"),
        ("X-Request-ID: abc", "X-Request-ID: xyz", "`instance`"),
        ("X-Request-ID: abc", "X-Other: abc", "`instance`"),
    ];
    for (right, wrong, complaint) in flaws {
        let answers = Answers::start(&[&PROBLEM.replace(right, wrong)]).await;
        let reply = Client::new(answers.url()).get("/stocks/X").await;

        let panic = panic_of(async move { reply.problem(404, "stock_not_found") }).await;

        assert!(
            panic.contains(complaint),
            "{complaint} is missing in {panic}"
        );
    }
}
