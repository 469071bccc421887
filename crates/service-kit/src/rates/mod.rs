//! How often somebody may ask: so many requests a second for an address, and for a caller that is known.

mod address;

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

use axum::extract::Request;
use governor::clock::{Clock as _, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::auth::Identity;
use crate::settings::RateSettings;

pub(crate) use address::Peer;

/// What is left, and until when (draft-ietf-httpapi-ratelimit-headers-10).
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// What there is.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Places to count at. Who asks is hashed to one, with a seed that nobody knows, so that nobody can fill the memory with names:
/// of two that share a place, which one pair in a million does, each has what the other leaves.
const PLACES: u64 = 1 << 20;

/// How long places are kept that are as good as new.
const FORGET_PAUSE: Duration = Duration::from_secs(10);

/// All limits.
pub(crate) struct Rates {
    trusted_proxies: Vec<IpNet>,
    by_address: Option<Limiter>,
    by_caller: Option<Limiter>,
}

/// One limit, counted for each of those who ask by the generic cell rate algorithm.
struct Limiter {
    kind: &'static str,
    per_second: NonZeroU32,
    seed: RandomState,
    cells: RateLimiter<u32, DashMapStateStore<u32>, MonotonicClock, StateInformationMiddleware>,
}

/// What somebody has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    kind: &'static str,
    per_second: u32,
    requests: u32,
}

/// Somebody has had all that there is for them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Over {
    /// What is left: nothing.
    pub(crate) left: Left,
    /// How long to wait.
    pub(crate) wait: Duration,
}

impl Rates {
    pub(crate) fn new(settings: &RateSettings) -> Self {
        let limiter = |kind, per_second| {
            NonZeroU32::new(per_second).map(|per_second| Limiter::new(kind, per_second))
        };
        Self {
            by_address: limiter("address", settings.per_address),
            by_caller: limiter("caller", settings.per_caller),
            trusted_proxies: settings.trusted_proxies.clone(),
        }
    }

    /// Whether there are any.
    pub(crate) fn are_limited(&self) -> bool {
        self.by_address.is_some() || self.by_caller.is_some()
    }

    /// Counts a request of an address; nothing where addresses have no limit, or where it comes from within.
    pub(crate) fn count_address(&self, request: &Request) -> Result<Option<Left>, Over> {
        let Some(limiter) = &self.by_address else {
            return Ok(None);
        };
        let address = address::of_client(request, &self.trusted_proxies);
        address.map(|address| limiter.count(&address)).transpose()
    }

    /// Counts a request of somebody who is known.
    pub(crate) fn count_caller(&self, caller: &Identity) -> Result<Option<Left>, Over> {
        let limiter = self.by_caller.as_ref();
        limiter.map(|limiter| limiter.count(caller)).transpose()
    }

    /// Forgets those who have not asked for a while; never ends.
    pub(crate) async fn forget_now_and_then(&self) {
        loop {
            tokio::time::sleep(FORGET_PAUSE).await;
            for limiter in self.by_address.iter().chain(&self.by_caller) {
                limiter.cells.retain_recent();
                limiter.cells.shrink_to_fit();
            }
        }
    }
}

impl Limiter {
    fn new(kind: &'static str, per_second: NonZeroU32) -> Self {
        Self {
            kind,
            per_second,
            seed: RandomState::new(),
            cells: RateLimiter::new(
                Quota::per_second(per_second),
                DashMapStateStore::default(),
                MonotonicClock,
            ),
        }
    }

    fn count(&self, who: &impl Hash) -> Result<Left, Over> {
        let place = u32::try_from(self.seed.hash_one(who) % PLACES).unwrap_or_default();
        let per_second = self.per_second.get();
        let left = |requests| Left {
            kind: self.kind,
            per_second,
            requests,
        };
        match self.cells.check_key(&place) {
            Ok(state) => Ok(left(state.remaining_burst_capacity())),
            Err(refused) => {
                let wait = refused.wait_time_from(MonotonicClock.now());
                let left = left(0);
                Err(Over { left, wait })
            }
        }
    }
}

impl Left {
    /// Whose requests are counted.
    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }

    /// Writes what is left into the headers of an answer; nothing where nothing is limited.
    pub(crate) fn write(all: &[Self], headers: &mut HeaderMap) {
        if all.is_empty() {
            return;
        }
        let list = |item: fn(&Self) -> String| {
            let items: Vec<String> = all.iter().map(item).collect();
            HeaderValue::try_from(items.join(", ")).ok()
        };
        let policy = list(|it| format!("\"{}\";q={};w=1", it.kind, it.per_second));
        let left = list(|it| format!("\"{}\";r={};t=1", it.kind, it.requests));
        if let Some((policy, left)) = policy.zip(left) {
            headers.insert(RATE_LIMIT_POLICY, policy);
            headers.insert(RATE_LIMIT, left);
        }
    }
}
