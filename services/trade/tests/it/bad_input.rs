//! What nobody should send: each gives the documented status and code, and changes nothing.

mod bodies;
mod headers;
mod paths;
mod random;
mod slow;
mod sockets;

use testkit::http::{Client, Reply, RequestBuilder};

use crate::support::{buy, seen_of};

/// Whose portfolio must stay as it is.
const USER: &str = "user-001";

/// A refusal in short: `422 validation_failed /price`, with the first place that is wrong.
fn verdict(reply: &Reply) -> String {
    let is_problem = reply.header("content-type") == Some("application/problem+json");
    let document = serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap_or_default();
    let code = document["code"].as_str();
    let (true, Some(code)) = (is_problem, code) else {
        return format!("no problem: {reply}");
    };
    reply.problem(reply.status, code);
    let wrong = &document["errors"][0];
    let place = wrong["pointer"].as_str().or(wrong["parameter"].as_str());
    let verdict = format!("{} {code} {}", reply.status, place.unwrap_or_default());
    verdict.trim_end().to_owned()
}

/// Sends each request; all that are answered otherwise than expected are named at once, and nothing has changed.
async fn assert_refused(api: &Client, table: Vec<(String, RequestBuilder, &str)>) {
    buy(api, USER, "AAPL", ["10", "1"]).await;
    let before = seen_of(api, USER).await;
    let mut wrong = Vec::new();
    for (what, request, expected) in table {
        let found = verdict(&api.request(request).await);
        if found != expected {
            wrong.push(format!("{what}\n  expected: {expected}\n  found: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen_of(api, USER).await, before);
}
