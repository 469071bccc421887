//! The one home of new ids: UUIDv7 (RFC 9562), in order within a process.

use std::sync::{Arc, Mutex, PoisonError};

use market::Timestamp;
use uuid::{ContextV7, Uuid};

/// Makes ids that sort in the order in which they were made.
#[derive(Clone, Default)]
pub struct Ids(Arc<Mutex<ContextV7>>);

impl Ids {
    /// A new id that carries `now`.
    pub fn next(&self, now: Timestamp) -> Uuid {
        let micros = now.micros().max(0).unsigned_abs();
        let nanos = u32::try_from(micros % 1_000_000 * 1_000).unwrap_or(0);
        let context = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Uuid::new_v7(uuid::Timestamp::from_unix(
            &*context,
            micros / 1_000_000,
            nanos,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_in_the_order_in_which_they_were_made() {
        let ids = Ids::default();
        let now = Timestamp::from_micros(1_700_000_000_000_000).unwrap();
        let made: Vec<Uuid> = (0..10_000).map(|_| ids.next(now)).collect();
        assert!(made.is_sorted_by(|one, other| one < other));
    }
}
