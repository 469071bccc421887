//! Who may call, and what they may do. A handler takes a [`ReadAccess`], a [`WriteAccess`] or a [`OrderAccess`], and with it the proof that its
//! caller may be where it is.

mod caller;
mod keys;
mod rights;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use http::{HeaderMap, header};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::{info, warn};

use crate::clock::Clock;
use crate::complaint::Complaint;
use crate::metrics::HttpMetrics;
use crate::problem::Problem;
use crate::settings::{AuthMode, AuthSettings, LOOK_PAUSE, SecretSource};

use self::caller::Caller;
use self::keys::Keys;
pub use caller::{Guarded, OrderAccess, ReadAccess, WriteAccess};

/// The one who decides who may call.
pub struct Access {
    mode: Mode,
    protects_reads: bool,
}

enum Mode {
    Open,
    Keys(KeyRing),
}

/// The keys that count now; none before they are there.
struct KeyRing {
    source: SecretSource,
    current: RwLock<Option<Arc<Keys>>>,
    /// What they were read from.
    known: Mutex<Option<SecretString>>,
    clock: Clock,
    metrics: Arc<HttpMetrics>,
}

impl Access {
    /// As it is set.
    pub fn new(settings: &AuthSettings, clock: &Clock, metrics: &Arc<HttpMetrics>) -> Self {
        let mode = match &settings.mode {
            AuthMode::Open => Mode::Open,
            AuthMode::Keys(source) => {
                let ring = KeyRing {
                    source: source.clone(),
                    current: RwLock::default(),
                    known: Mutex::default(),
                    clock: clock.clone(),
                    metrics: Arc::clone(metrics),
                };
                // What is wrong with them is said by whoever follows.
                drop(ring.look());
                Mode::Keys(ring)
            }
        };
        Self {
            mode,
            protects_reads: settings.protects_reads,
        }
    }

    /// Whether everybody may do everything.
    pub fn is_open(&self) -> bool {
        matches!(self.mode, Mode::Open)
    }

    /// Whether the catalogue is shown to those alone who may read.
    pub fn protects_reads(&self) -> bool {
        self.protects_reads && !self.is_open()
    }

    /// Takes up keys as they come; never ends.
    pub async fn follow(&self) {
        match &self.mode {
            Mode::Open => std::future::pending().await,
            Mode::Keys(ring) => ring.follow().await,
        }
    }

    /// Who has sent these headers.
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let Mode::Keys(ring) = &self.mode else {
            return Ok(Caller::anybody());
        };
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let value = values.next().ok_or_else(|| {
            Problem::unauthenticated("an Authorization header with a key is wanted: Bearer <key>")
        })?;
        let unknown = || Problem::unauthenticated("this key is not known, or no longer");
        if values.next().is_some() {
            return Err(unknown());
        }
        let token = bearer(value.as_bytes()).ok_or_else(unknown)?;
        let keys = ring.current();
        let keys =
            keys.ok_or_else(|| Problem::unavailable("keys_unavailable", "no keys are there yet"))?;
        let key = keys.find(token, ring.clock.now()).ok_or_else(unknown)?;
        Ok(Caller::with(key.rights()))
    }
}

/// What stands behind `Bearer` (RFC 6750); the word's case does not matter (RFC 9110 section 11.1).
fn bearer(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

impl KeyRing {
    fn current(&self) -> Option<Arc<Keys>> {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
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
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Some(Arc::new(keys));
        *known = Some(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client can send is refused, and never our fault.
    #[test]
    fn no_header_whatever_is_a_failure_of_ours() {
        let text = r#"{"pepper": "00112233445566778899aabbccddeeff", "keys": []}"#;
        let settings = AuthSettings {
            mode: AuthMode::Keys(SecretSource::Fixed(text.into())),
            protects_reads: true,
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
            let refused = access.caller(&headers).unwrap_err();
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
