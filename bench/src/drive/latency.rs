//! Every latency of a run, so that percentiles are exact.

use serde::{Deserialize, Serialize};

/// More samples than this are not kept: 128 MiB.
const MAX_SAMPLES: usize = 32 * 1024 * 1024;

/// Latencies in microseconds, as they come.
#[derive(Default)]
pub(crate) struct Latencies(Vec<u32>);

/// Percentiles in microseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: u32,
    pub(crate) p99: u32,
    pub(crate) p999: u32,
    pub(crate) max: u32,
}

impl Latencies {
    pub(crate) fn record(&mut self, nanoseconds: u64) {
        if self.0.len() < MAX_SAMPLES {
            self.0
                .push(u32::try_from(nanoseconds / 1_000).unwrap_or(u32::MAX));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The smallest sample that so many are no larger than; all 0 when there are none.
    pub(crate) fn percentiles(mut self) -> Percentiles {
        self.0.sort_unstable();
        let rank = |per_mille: usize| {
            let index = (self.0.len() * per_mille).div_ceil(1_000).saturating_sub(1);
            self.0.get(index).copied().unwrap_or(0)
        };
        Percentiles {
            p50: rank(500),
            p99: rank(990),
            p999: rank(999),
            max: rank(1_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(microseconds: impl Iterator<Item = u64>) -> Percentiles {
        let mut latencies = Latencies::default();
        microseconds.for_each(|sample| latencies.record(sample * 1_000 + 999));
        latencies.percentiles()
    }

    #[test]
    fn a_percentile_is_a_sample_that_was_seen() {
        let expected = Percentiles {
            p50: 500,
            p99: 990,
            p999: 999,
            max: 1_000,
        };
        assert_eq!(of((1..=1_000).rev()), expected);
    }

    #[test]
    fn few_samples_have_percentiles_too() {
        assert_eq!(of(std::iter::empty()), Percentiles::default());
        let one = of(std::iter::once(7));
        assert_eq!((one.p50, one.p999), (7, 7));
        let two = of([1, 9].into_iter());
        assert_eq!((two.p50, two.p99), (1, 9));
    }

    #[test]
    fn a_latency_that_is_too_long_is_the_longest() {
        let mut latencies = Latencies::default();
        latencies.record(u64::MAX);
        assert_eq!(latencies.percentiles().max, u32::MAX);
    }
}
