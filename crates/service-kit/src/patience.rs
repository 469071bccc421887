//! A timer for time-outs that seldom pass: to set one, or to put it off, costs nothing.
//!
//! A connection of HTTP/1 sets a time-out for the head of each request, and throws it away when the head is there. A timer of
//! tokio takes a lock for each. Here the connection keeps one, which rings at a deadline or before it, and is only then set to
//! the deadline that holds by now.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// Tokio's timer, for one task that waits for one time-out after the other.
#[derive(Clone, Default)]
pub(crate) struct PatientTimer(Arc<Mutex<Alarm>>);

/// Rings at the deadline that was waited for last, or at one before it.
type Alarm = Option<Pin<Box<tokio::time::Sleep>>>;

impl Timer for PatientTimer {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(PatientSleep {
            deadline: deadline.into(),
            timer: self.clone(),
        })
    }
}

struct PatientSleep {
    deadline: tokio::time::Instant,
    timer: PatientTimer,
}

impl Future for PatientSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.timer.0.lock().unwrap_or_else(PoisonError::into_inner);
        let alarm = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(self.deadline)));
        if alarm.deadline() > self.deadline {
            alarm.as_mut().reset(self.deadline);
        }
        loop {
            ready!(alarm.as_mut().poll(context));
            if alarm.deadline() >= self.deadline {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(self.deadline);
        }
    }
}

impl Sleep for PatientSleep {}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// After how many seconds of the paused clock it passes.
    async fn passes(timer: &PatientTimer, mut sleep: Pin<Box<dyn Sleep>>) -> u64 {
        let started = timer.now();
        sleep.as_mut().await;
        (timer.now() - started).as_secs()
    }

    /// Waits for it for a moment, so that its deadline is the one that the timer is set to.
    async fn begin(sleep: &mut Pin<Box<dyn Sleep>>) {
        let moment = Duration::from_millis(1);
        assert!(tokio::time::timeout(moment, sleep).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_out_passes_at_its_own_deadline_whatever_came_before_it() {
        for (first, second) in [(2, 5), (5, 2), (2, 2)] {
            let timer = PatientTimer::default();
            let mut thrown_away = timer.sleep(SECOND * first);
            begin(&mut thrown_away).await;
            drop(thrown_away);
            assert_eq!(
                passes(&timer, timer.sleep(SECOND * second)).await,
                u64::from(second)
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_put_off_passes_at_its_last_deadline() {
        for (first, last) in [(2, 5), (5, 2)] {
            let timer = PatientTimer::default();
            let now = timer.now();
            let mut sleep = timer.sleep_until(now + SECOND * first);
            begin(&mut sleep).await;
            timer.reset(&mut sleep, now + SECOND * last);
            sleep.as_mut().await;
            assert_eq!((timer.now() - now).as_secs(), u64::from(last));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_can_be_used_again_once_it_has_passed() {
        let timer = PatientTimer::default();
        assert_eq!(passes(&timer, timer.sleep(SECOND)).await, 1);
        tokio::time::sleep(SECOND * 9).await;
        assert_eq!(passes(&timer, timer.sleep(SECOND * 3)).await, 3);
    }
}
