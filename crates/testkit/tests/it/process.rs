//! Services: addresses, readiness, signals, logs. A shell script stands in for the binary.

use std::{path::Path, time::Duration};

use testkit::Service;

use crate::answers::{Answers, panic_of};

const DEADLINE: Duration = Duration::from_secs(10);
const NOT_READY: &str = "HTTP/1.1 503 Service Unavailable\r\n\r\n";
const READY: &str = "HTTP/1.1 200 OK\r\n\r\n";

fn script(text: &str, env: &[(&str, &str)]) -> Service {
    Service::spawn(Path::new("/bin/sh"), &["-c", text], env)
}

/// Announces a service, then waits for a signal.
fn announcing(fields: &str) -> Service {
    let line = format!(
        r#"{{"timestamp":"","level":"INFO","fields":{{"message":"listening",{fields}}},"target":""}}"#
    );
    script(
        "trap 'exit 7' TERM; echo \"$LINE\" >&2; while :; do sleep 0.05; done",
        &[("LINE", &line)],
    )
}

#[tokio::test]
async fn a_service_is_ready_when_it_says_so() {
    let answers = Answers::start(&[NOT_READY, NOT_READY, READY]).await;
    let service = announcing(&format!(r#""address":"{}""#, answers.address));

    let client = service.wait_ready().await;

    assert_eq!(client.base_url(), answers.url());
    assert_eq!(answers.requests().len(), 3);
    assert!(answers.requests()[2].starts_with("GET /readyz "));
}

#[tokio::test]
async fn two_services_of_one_process_are_told_apart() {
    let service = announcing(r#""service":"trade","address":"127.0.0.1:8002""#);

    assert_eq!(service.address("trade").await.port(), 8002);
    assert_eq!(service.url_of("trade").await, "http://127.0.0.1:8002");
    assert_eq!(service.url().await, "http://127.0.0.1:8002");
    service.kill();
    let panic = panic_of(async move { service.address("stock-listing").await }).await;
    assert!(
        panic.contains("had not logged the address of stock-listing"),
        "{panic}"
    );
}

#[tokio::test]
async fn a_service_that_ends_early_shows_its_log() {
    let service = script("echo out; echo 'no database' >&2; exit 3", &[]);

    let panic = panic_of(async move { service.wait_ready().await }).await;

    for part in ["/bin/sh", "exit status: 3", "no database", "out"] {
        assert!(panic.contains(part), "{part:?} is missing in {panic}");
    }
}

#[tokio::test]
async fn its_environment_is_clean() {
    let service = script("env", &[("LOG_FORMAT", "text"), ("DATABASE_URL", "x")]);

    assert!(service.wait(DEADLINE).await.success());

    let log = service.log();
    for line in ["PORT=0", "LOG_FORMAT=text", "DATABASE_URL=x"] {
        assert!(
            log.lines().any(|it| it == line),
            "{line} is missing in {log}"
        );
    }
    // Cargo sets it for every test.
    assert!(!log.contains("CARGO_MANIFEST_DIR"), "{log}");
}

#[tokio::test]
async fn sigterm_lets_it_end_by_itself_and_sigkill_does_not() {
    let service = announcing(r#""address":"127.0.0.1:1""#);
    service.url().await;
    service.terminate();
    assert_eq!(service.wait(DEADLINE).await.code(), Some(7));
    // Nobody is left to get it.
    service.terminate();

    let service = announcing(r#""address":"127.0.0.1:1""#);
    service.url().await;
    service.kill();
    assert_eq!(service.wait(DEADLINE).await.code(), None);
}

#[tokio::test]
async fn a_service_that_does_not_end_shows_its_log() {
    let service = announcing(r#""address":"127.0.0.1:1""#);
    service.url().await;

    let panic = panic_of(async move { service.wait(Duration::from_millis(30)).await }).await;

    assert!(panic.contains("has not ended within 30ms"), "{panic}");
    assert!(panic.contains("127.0.0.1:1"), "{panic}");
}
