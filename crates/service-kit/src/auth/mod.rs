//! Who may call, and what they may do. A handler takes a [`ReadAccess`], a [`WriteAccess`], an [`OrderAccess`] or an
//! [`OperationsAccess`], and with it the proof that its caller may be where it is.

mod caller;
mod keys;
mod rights;
mod tokens;
mod visit;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use axum::extract::Request;
use futures_util::future::OptionFuture;
use http::request::Parts;
use http::{Extensions, HeaderMap, header};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::{info, warn};

use crate::clock::Clock;
use crate::complaint::Complaint;
use crate::metrics::HttpMetrics;
use crate::problem::Problem;
use crate::rates::{Left, Over, Rates};
use crate::settings::{AuthMode, AuthSettings, LOOK_PAUSE, SecretSource};

use self::caller::Caller;
use self::keys::{Keys, is_key};
use self::tokens::Tokens;
pub use caller::{Guarded, Identity, OperationsAccess, OrderAccess, ReadAccess, WriteAccess};
pub(crate) use visit::Visit;

/// The one who decides who may call.
pub struct Access {
    /// None where everybody may do everything.
    guards: Option<Guards>,
    protects_reads: bool,
    rates: Rates,
}

/// What is taken for a proof; one of them at the least.
struct Guards {
    keys: Option<KeyRing>,
    tokens: Option<Tokens>,
}

/// The keys that count now; none before they are there.
struct KeyRing {
    source: SecretSource,
    // Each request looks at it: a lock would be a place where all cores meet.
    current: ArcSwapOption<Keys>,
    /// What they were read from.
    known: Mutex<Option<SecretString>>,
    clock: Clock,
    metrics: Arc<HttpMetrics>,
}

impl Access {
    /// As it is set.
    pub fn new(settings: &AuthSettings, clock: &Clock, metrics: &Arc<HttpMetrics>) -> Self {
        let ring = |source: &SecretSource| KeyRing::new(source, clock, metrics);
        let guards = match &settings.mode {
            AuthMode::Open => None,
            AuthMode::Keys(keys) => Some(Guards {
                keys: Some(ring(keys)),
                tokens: None,
            }),
            AuthMode::Tokens(tokens, keys) => Some(Guards {
                keys: keys.as_ref().map(ring),
                tokens: Some(Tokens::new(tokens)),
            }),
        };
        Self {
            guards,
            protects_reads: settings.protects_reads,
            rates: Rates::new(&settings.rates),
        }
    }

    /// Whether everybody may do everything.
    pub fn is_open(&self) -> bool {
        self.guards.is_none()
    }

    /// Whether the catalogue is shown to those alone who may read.
    pub fn protects_reads(&self) -> bool {
        self.protects_reads && !self.is_open()
    }

    /// Takes up keys as they come; never ends.
    pub async fn follow(&self) {
        let guards = self.guards.as_ref();
        let keys = guards.and_then(|guards| guards.keys.as_ref());
        let tokens = guards.and_then(|guards| guards.tokens.as_ref());
        tokio::join!(
            OptionFuture::from(keys.map(KeyRing::follow)),
            OptionFuture::from(tokens.map(Tokens::follow)),
            self.rates.forget_now_and_then(),
        );
    }

    /// Begins to take notes of a request, where there is anything to note.
    pub(crate) fn begin_visit(&self, request: &mut Request) -> Option<Visit> {
        let is_noted = self.rates.are_limited() || (!self.is_open() && !request.method().is_safe());
        is_noted.then(|| Visit::begin(request))
    }

    /// Counts a request of its client's address: 429 where there are too many.
    pub(crate) fn count_address(&self, request: &Request) -> Result<(), Problem> {
        within_limit(request.extensions(), self.rates.count_address(request))
    }

    /// Who asks: 401 where nobody knows, 429 where they ask too much.
    async fn caller(&self, request: &Parts) -> Result<Caller, Problem> {
        let caller = self.identify(&request.headers).await?;
        if let Some(identity) = caller.identity() {
            within_limit(&request.extensions, self.rates.count_caller(identity))?;
            Visit::note(&request.extensions, |visit| visit.is_of(identity));
        }
        Ok(caller)
    }

    async fn identify(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let Some(guards) = &self.guards else {
            return Ok(Caller::anybody());
        };
        let shown = shown(headers)?;
        match (&guards.keys, &guards.tokens) {
            (_, Some(tokens)) if !is_key(shown) => tokens.caller(shown).await,
            (Some(keys), _) => keys.caller(shown),
            (None, _) => Err(Problem::unauthenticated("keys do not count here")),
        }
    }
}

/// Notes what is left of a limit, for the headers of whatever is answered; 429 where it is nothing.
fn within_limit(request: &Extensions, counted: Result<Option<Left>, Over>) -> Result<(), Problem> {
    let (left, outcome) = match counted {
        Ok(left) => (left, Ok(())),
        Err(Over { left, wait }) => (Some(left), Err(Problem::rate_limited(left.kind(), wait))),
    };
    Visit::note(request, |visit| visit.has_left(left));
    outcome
}

/// What somebody shows to say who they are.
fn shown(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let only = values.next().filter(|_| values.next().is_none());
    let shown = only.and_then(|value| bearer(value.as_bytes()));
    shown.ok_or_else(|| {
        Problem::unauthenticated("an Authorization header is wanted: Bearer, and a key or a token")
    })
}

/// What stands behind `Bearer` (RFC 6750); the word's case does not matter (RFC 9110 section 11.1).
fn bearer(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

impl KeyRing {
    fn new(source: &SecretSource, clock: &Clock, metrics: &Arc<HttpMetrics>) -> Self {
        let ring = Self {
            source: source.clone(),
            current: ArcSwapOption::empty(),
            known: Mutex::default(),
            clock: clock.clone(),
            metrics: Arc::clone(metrics),
        };
        // What is wrong with them is said by whoever follows.
        drop(ring.look());
        ring
    }

    fn caller(&self, shown: &str) -> Result<Caller, Problem> {
        let missing = || Problem::unavailable("keys_unavailable", "no keys are there yet");
        let keys = self.current.load();
        let keys = keys.as_ref().ok_or_else(missing)?;
        let key = keys.find(shown, self.clock.now());
        let unknown = || Problem::unauthenticated("this key is not known, or no longer");
        Ok(Caller::known(Arc::clone(key.ok_or_else(unknown)?.owner())))
    }

    async fn follow(&self) {
        let mut complaint = Complaint::default();
        loop {
            match self.look() {
                Ok(()) => complaint.end(),
                // Keys that cannot be read do not take those away that count.
                Err(error) if complaint.is_due(&error) => warn!(error, "keeping the keys in use"),
                Err(_) => {}
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// Takes up the keys that are there now, when they are others.
    fn look(&self) -> Result<(), String> {
        let text = self.source.read().map_err(|error| error.to_string())?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |known: &SecretString| known.expose_secret() == text.expose_secret();
        if known.as_ref().is_some_and(is_same) {
            return Ok(());
        }
        let keys = Keys::parse(text.expose_secret(), &self.metrics);
        let keys = keys.map_err(|error| error.to_string())?;
        info!(keys = keys.len(), "took up keys");
        self.current.store(Some(Arc::new(keys)));
        *known = Some(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::RateSettings;

    /// What a client can send is refused, and never our fault.
    #[tokio::test]
    async fn no_header_whatever_is_a_failure_of_ours() {
        let text = r#"{"pepper": "00112233445566778899aabbccddeeff", "keys": []}"#;
        let settings = AuthSettings {
            mode: AuthMode::Keys(SecretSource::Fixed(text.into())),
            protects_reads: true,
            rates: RateSettings::default(),
        };
        let metrics = Arc::new(HttpMetrics::new("test"));
        let access = Access::new(&settings, &Clock::system(), &metrics);
        // A xorshift of Marsaglia's.
        let mut dice = 0x2545_f491_4f6c_dd1d_u64;
        let mut throw = || {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            dice
        };
        let starts: [&[u8]; 6] = [
            b"",
            b"Bearer ",
            b"bearer sk_",
            b"Bearer sk_00000000_",
            b"Basic ",
            b"Bearer\t",
        ];
        let mut tried = 0;
        while tried < 100_000 {
            let mut value = starts[usize::try_from(throw() % 6).unwrap()].to_vec();
            for _ in 0..throw() % 80 {
                value.push(throw().to_le_bytes()[0]);
            }
            let Ok(value) = http::HeaderValue::from_bytes(&value) else {
                continue;
            };
            tried += 1;
            let mut headers = HeaderMap::new();
            headers.append(header::AUTHORIZATION, value.clone());
            if throw() % 8 == 0 {
                headers.append(header::AUTHORIZATION, value);
            }
            let refused = access.identify(&headers).await.unwrap_err();
            assert_eq!(refused.status(), http::StatusCode::UNAUTHORIZED);
        }
    }

    #[test]
    fn a_bearer_is_found_and_nothing_else() {
        for (value, expected) in [
            (&b"Bearer abc"[..], Some("abc")),
            (b"bearer  abc", Some("abc")),
            (b"BEARER abc", Some("abc")),
            (b"Bearer ", None),
            (b"Bearer", None),
            (b"Basic abc", None),
            (b"Bearerabc", None),
            (b"", None),
            (b"Bearer \xff", None),
        ] {
            assert_eq!(bearer(value), expected, "{value:?}");
        }
    }
}
