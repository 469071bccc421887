//! A timer for time-outs that seldom pass: to put one off costs nothing.
//!
//! The connection puts off its time-out with each request. A timer of tokio takes a lock for that; here the new deadline is
//! only noted, and looked at when the old one has passed.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use pin_project_lite::pin_project;

/// Tokio's timer, but for time-outs that are put off often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PatientTimer;

impl Timer for PatientTimer {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(PatientSleep {
            deadline,
            alarm: tokio::time::sleep_until(deadline.into()),
        })
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<PatientSleep>() {
            Some(sleep) => sleep.put_off(deadline),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

pin_project! {
    struct PatientSleep {
        deadline: Instant,
        // Rings at the deadline, or at one before it.
        #[pin]
        alarm: tokio::time::Sleep,
    }
}

impl PatientSleep {
    fn put_off(self: Pin<&mut Self>, deadline: Instant) {
        let this = self.project();
        *this.deadline = deadline;
        if this.alarm.deadline().into_std() > deadline {
            this.alarm.reset(deadline.into());
        }
    }
}

impl Future for PatientSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        loop {
            ready!(this.alarm.as_mut().poll(context));
            if this.alarm.deadline().into_std() >= *this.deadline {
                return Poll::Ready(());
            }
            this.alarm.as_mut().reset((*this.deadline).into());
        }
    }
}

impl Sleep for PatientSleep {}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// After how many seconds of the paused clock it passes.
    async fn passes(sleep: &mut Pin<Box<dyn Sleep>>) -> u64 {
        let started = PatientTimer.now();
        sleep.as_mut().await;
        (PatientTimer.now() - started).as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn it_passes_at_the_last_deadline_that_it_was_given() {
        for (first, last) in [(2, 5), (5, 2), (2, 2)] {
            let now = PatientTimer.now();
            let mut sleep = PatientTimer.sleep_until(now + SECOND * first);
            PatientTimer.reset(&mut sleep, now + SECOND * last);
            assert_eq!(passes(&mut sleep).await, u64::from(last));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_can_be_used_again_once_it_has_passed() {
        let mut sleep = PatientTimer.sleep(SECOND);
        assert_eq!(passes(&mut sleep).await, 1);
        PatientTimer.reset(&mut sleep, PatientTimer.now() + SECOND * 3);
        assert_eq!(passes(&mut sleep).await, 3);
    }
}
