//! The one way to wait in a test: for a condition, with a deadline, never for a time.

use std::{panic::Location, time::Duration};

use tokio::time::{error::Elapsed, sleep, timeout};

/// The pause between two attempts.
const INTERVAL: Duration = Duration::from_millis(10);

/// What an attempt answers: `true` or `Some` ends the waiting.
pub trait Outcome {
    /// What the waiting yields.
    type Value;

    /// The value, once there is one.
    fn value(self) -> Option<Self::Value>;
}

impl Outcome for bool {
    type Value = ();

    fn value(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Outcome for Option<T> {
    type Value = T;

    fn value(self) -> Option<T> {
        self
    }
}

/// Attempts until the outcome is there, and yields it. The attempt is an async closure; it may not change what it captures
/// (an atomic does), which is why the waiting can be spawned as a task.
///
/// # Panics
/// With `what` and the caller's place when the deadline passes first, be it within an attempt.
#[track_caller]
pub fn eventually<O: Outcome, F: Future<Output = O>>(
    deadline: Duration,
    what: &str,
    attempt: impl FnMut() -> F,
) -> impl Future<Output = O::Value> {
    let caller = Location::caller();
    async move {
        within(deadline, attempt)
            .await
            .unwrap_or_else(|Elapsed { .. }| panic!("{caller}: not within {deadline:?}: {what}"))
    }
}

/// [`eventually`] for those who have more to say than `what` when the deadline has passed.
pub(crate) async fn within<O: Outcome, F: Future<Output = O>>(
    deadline: Duration,
    mut attempt: impl FnMut() -> F,
) -> Result<O::Value, Elapsed> {
    let attempts = async {
        loop {
            if let Some(value) = attempt().await.value() {
                return value;
            }
            sleep(INTERVAL).await;
        }
    };
    timeout(deadline, attempts).await
}
