//! Waiting with a deadline.

use std::{
    future::pending,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use crate::answers::panic_of;

#[tokio::test]
async fn waiting_ends_with_the_first_value() {
    let attempts = AtomicU32::new(0);

    let value = testkit::eventually(Duration::from_secs(5), "the third attempt", async || {
        let attempt = attempts.fetch_add(1, Relaxed);
        (attempt == 2).then_some("done")
    })
    .await;

    assert_eq!((value, attempts.into_inner()), ("done", 3));
}

#[tokio::test]
async fn a_deadline_that_passes_names_the_condition_and_the_place() {
    let deadline = Duration::from_millis(30);

    let panic = panic_of(testkit::eventually(deadline, "rain", async || false)).await;

    assert!(panic.contains("not within 30ms: rain"), "{panic}");
    assert!(panic.contains("waiting.rs"), "{panic}");
}

#[tokio::test]
async fn an_attempt_that_hangs_does_not_outlast_the_deadline() {
    let deadline = Duration::from_millis(30);

    let panic = panic_of(testkit::eventually(deadline, "rain", async || {
        pending::<bool>().await
    }))
    .await;

    assert!(panic.contains("rain"), "{panic}");
}
