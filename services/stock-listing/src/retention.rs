//! How long the history is kept: forgets candles that are older.

use std::sync::Arc;
use std::time::Duration;

use market::Timestamp;
use service_kit::clock::Clock;
use service_kit::database::StoreError;
use service_kit::lifecycle::{Lifecycle, Phase};
use tracing::warn;

use crate::interval::Grain;
use crate::store::candles::CandleStore;

/// Pause between two rounds of forgetting.
const FORGET_PAUSE: Duration = Duration::from_mins(1);
/// Parts forgotten in one statement, so that it holds no lock for long.
const FORGET_AT_ONCE: u32 = 1_000;

/// How long candles are kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Days that candles of a minute are kept.
    pub minute_days: u32,
    /// Days that candles of an hour are kept.
    pub hour_days: u32,
}

impl Retention {
    fn days(self, grain: Grain) -> u32 {
        match grain {
            Grain::Minute => self.minute_days,
            Grain::Hour => self.hour_days,
        }
    }

    /// Forgets candles once they are old enough; never ends.
    pub(crate) async fn run(self, store: Arc<dyn CandleStore>, clock: Clock, lifecycle: Lifecycle) {
        lifecycle.reached(Phase::Ready).await;
        loop {
            for grain in Grain::ALL {
                if let Err(error) = self.forget(&*store, grain, clock.now()).await {
                    warn!(%error, "cannot forget old candles");
                }
            }
            tokio::time::sleep(FORGET_PAUSE).await;
        }
    }

    async fn forget(
        self,
        store: &dyn CandleStore,
        grain: Grain,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let kept = Duration::from_hours(24) * self.days(grain);
        let kept_micros = i64::try_from(kept.as_micros()).unwrap_or(i64::MAX);
        let Some(before) = Timestamp::from_micros(now.micros().saturating_sub(kept_micros)) else {
            return Ok(());
        };
        while store.forget(grain, before, FORGET_AT_ONCE).await? >= u64::from(FORGET_AT_ONCE) {}
        Ok(())
    }
}
