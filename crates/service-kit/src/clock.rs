//! The one home of the system's clock.

use std::sync::Arc;

use market::Timestamp;

/// Tells the time; a test hands over its own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The clock of the machine.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one home of the clock"
    )]
    pub fn system() -> Self {
        Self::from_fn(|| sqlx::types::chrono::Utc::now().into())
    }

    /// A clock that asks `tell`.
    pub fn from_fn(tell: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}
