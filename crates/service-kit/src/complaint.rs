//! Says what is wrong: at once, and again after a while when it is still the same.

use std::time::Duration;

use tokio::time::Instant;

/// Pause between two complaints of the same.
const PAUSE: Duration = Duration::from_secs(10);

/// What was complained of last.
#[derive(Default)]
pub(crate) struct Complaint {
    last: Option<(String, Instant)>,
}

impl Complaint {
    /// Whether this is to be said now; it counts as said then.
    pub(crate) fn is_due(&mut self, text: &str) -> bool {
        let is_said = |(last, at): &(String, Instant)| last == text && at.elapsed() < PAUSE;
        if self.last.as_ref().is_some_and(is_said) {
            return false;
        }
        self.last = Some((text.to_owned(), Instant::now()));
        true
    }

    /// All is well: the next is said at once, whatever it is.
    pub(crate) fn end(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_same_is_said_again_after_a_while_and_anything_else_at_once() {
        let mut complaint = Complaint::default();
        assert!(complaint.is_due("no file"));
        assert!(!complaint.is_due("no file"));
        assert!(complaint.is_due("no line"));
        tokio::time::advance(PAUSE / 2).await;
        assert!(!complaint.is_due("no line"));
        tokio::time::advance(PAUSE / 2).await;
        assert!(complaint.is_due("no line"));
        complaint.end();
        assert!(complaint.is_due("no line"));
    }
}
