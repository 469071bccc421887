//! Credentials that an agent renders: waited for, refused when they are none, and moved to while orders come in.

use std::{path::Path, time::Duration};

use testkit::{
    Service,
    credentials::{Rendered, Roles},
    eventually,
    http::Client,
    postgres::database,
};

use crate::{
    concurrency::load::{Load, Plan},
    support::{BINARY, buy},
};

const DEADLINE: Duration = Duration::from_secs(20);
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

fn spawn(rendered: &Rendered) -> Service {
    Service::spawn(Path::new(BINARY), &[], &[rendered.setting()])
}

/// A service that has credentials of the first role.
async fn start(rendered: &Rendered, roles: &Roles) -> (Service, Client) {
    rendered.render(&roles.url("a"));
    rendered.complete();
    let service = spawn(rendered);
    let api = service.wait_ready().await;
    (service, api)
}

#[tokio::test]
async fn a_service_without_its_secrets_waits_for_them_and_says_so() {
    let database = database().await;
    let rendered = Rendered::new();
    let service = spawn(&rendered);
    let api = Client::new(service.url().await);
    api.get("/livez").await.expect(200);
    let problem = api.get("/readyz").await.problem(503, "starting");
    let detail = problem["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("waiting for secrets: "), "{detail}");
    assert!(detail.contains("db.env"), "{detail}");

    rendered.render(&database.url());
    let waits_for_the_rest = async || {
        let answer = api.get("/readyz").await;
        answer.status == 503 && answer.text().contains(".ready")
    };
    eventually(DEADLINE, "it waits for `.ready`", waits_for_the_rest).await;
    let is_told = async || service.log().contains("waiting for secrets");
    eventually(DEADLINE, "the log says so", is_told).await;

    rendered.complete();
    let api = service.wait_ready().await;
    buy(&api, "ann", "AAPL", ["1", "1"]).await;
}

#[tokio::test]
async fn a_service_that_waits_for_its_secrets_can_be_stopped() {
    let service = spawn(&Rendered::new());
    let api = Client::new(service.url().await);
    api.get("/readyz").await.problem(503, "starting");
    service.terminate();
    let status = service.wait(DEADLINE).await;
    assert!(status.success(), "{status}\n{}", service.log());
}

#[tokio::test]
async fn a_rendered_url_that_is_none_or_a_placeholder_ends_the_start_without_telling_it() {
    for (url, word) in [
        ("mysql://trade:planted@db/stocksdb", "postgres://"),
        ("postgresql://trade:CHANGE_ME@db/planted", "CHANGE_ME"),
        ("postgresql://trade:change_me@db/planted", "CHANGE_ME"),
    ] {
        let rendered = Rendered::new();
        rendered.render(url);
        rendered.complete();
        let service = spawn(&rendered);
        let status = service.wait(DEADLINE).await;
        let log = service.log();
        assert_eq!(status.code(), Some(1), "{log}");
        assert!(log.contains(word) && !log.contains("planted"), "{log}");
    }
}

#[tokio::test]
async fn a_change_of_credentials_and_back_fails_no_order() {
    let database = database().await;
    let roles = Roles::new(&database).await;
    let rendered = Rendered::new();
    let (service, api) = start(&rendered, &roles).await;
    let plan = Plan {
        clients: 16,
        users: 12,
        seed: 11,
        answers_within: Some(ANSWER_LIMIT),
    };
    let load = Load::start(plan, vec![api.clone()]);
    for (from, to) in [("a", "b"), ("b", "a")] {
        load.progress(100).await;
        rendered.render(&roles.url(to));
        roles.moved(from, to).await;
        load.progress(100).await;
    }
    assert_eq!(load.put_off(), 0, "{}", service.log());
    load.check(&api).await;
    assert!(!service.log().contains("secret-"), "{}", service.log());
}

/// A lane keeps a connection only while it has orders.
#[tokio::test]
async fn credentials_are_left_by_a_service_at_rest_too() {
    let database = database().await;
    let roles = Roles::new(&database).await;
    let rendered = Rendered::new();
    let (_service, api) = start(&rendered, &roles).await;
    buy(&api, "ann", "AAPL", ["1", "1"]).await;
    rendered.render(&roles.url("b"));
    roles.moved("a", "b").await;
    buy(&api, "ann", "AAPL", ["1", "1"]).await;
}

#[tokio::test]
async fn credentials_that_give_no_connection_are_not_moved_to() {
    let database = database().await;
    let roles = Roles::new(&database).await;
    let rendered = Rendered::new();
    let (service, api) = start(&rendered, &roles).await;
    for url in [roles.url("nobody"), "no url at all: secret-x".to_owned()] {
        let told_before = told(&service);
        rendered.render(&url);
        let is_told = async || told(&service) > told_before;
        eventually(DEADLINE, "the log says that it stays", is_told).await;
        buy(&api, "ann", "AAPL", ["1", "1"]).await;
        api.get("/readyz").await.expect(200);
    }
    assert!(roles.sessions("a").await > 0);
    assert!(!service.log().contains("secret-"), "{}", service.log());
    // The file may even vanish.
    rendered.remove();
    let told_before = told(&service);
    let is_told = async || told(&service) > told_before;
    eventually(DEADLINE, "the log says that it stays", is_told).await;
    buy(&api, "ann", "AAPL", ["1", "1"]).await;
}

fn told(service: &Service) -> usize {
    let text = "keeping the database credentials in use";
    service.log().matches(text).count()
}
