//! Keys: `sk_<id>_<256 random bits>`. What is kept of one is its id, which names it, and a keyed hash.

use std::collections::HashMap;
use std::sync::Arc;

use market::Timestamp;
use ring::hmac;
use serde::Deserialize;

use super::caller::{Identity, Known};
use super::rights::RightsError;
use crate::metrics::{HttpMetrics, Moment};

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// Characters of the shortest pepper.
const MIN_PEPPER_BYTES: usize = 32;

/// All keys that count, as they are kept.
pub(super) struct Keys {
    pepper: hmac::Key,
    by_id: HashMap<String, Key>,
}

/// A key that counts.
pub(super) struct Key {
    hash: [u8; HASH_BYTES],
    owner: Arc<Known>,
    expires: Option<Timestamp>,
    last_used: Moment,
}

/// Why keys cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyError {
    /// It is not in the form that `stocksctl keys` writes.
    #[error("the keys cannot be read: {0}")]
    Form(#[from] serde_json::Error),
    /// Something is no hash.
    #[error("key {0}: its hash is not 64 hexadecimal digits")]
    Hash(String),
    /// Something is no scope.
    #[error("key {0}: {1}")]
    Rights(String, #[source] RightsError),
    /// What hashes are keyed with is short.
    #[error("the pepper has less than {MIN_PEPPER_BYTES} characters")]
    Pepper,
    /// Two of them have one id.
    #[error("there are two keys {0}")]
    Twice(String),
}

/// The form in which keys are kept.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// What hashes are keyed with.
    pepper: String,
    keys: Vec<KeptKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptKey {
    id: String,
    /// HMAC-SHA256 of the whole key, in hexadecimal.
    hash: String,
    scopes: String,
    /// When it ends; never where it is missing.
    #[serde(default)]
    expires: Option<Timestamp>,
    /// Whose it is, for people.
    #[serde(default, rename = "label")]
    _label: String,
}

/// What keys begin with, and tokens do not.
const PREFIX: &str = "sk_";

/// Whether it is a key by its form.
pub(super) fn is_key(shown: &str) -> bool {
    shown.starts_with(PREFIX)
}

impl Keys {
    /// Reads keys in the form in which they are kept.
    pub(super) fn parse(text: &str, metrics: &HttpMetrics) -> Result<Self, KeyError> {
        let kept: Kept = serde_json::from_str(text)?;
        if kept.pepper.len() < MIN_PEPPER_BYTES {
            return Err(KeyError::Pepper);
        }
        let mut by_id = HashMap::with_capacity(kept.keys.len());
        for key in kept.keys {
            let id = key.id;
            let rights = key.scopes.parse();
            let owner = Known {
                identity: Identity::key(&id),
                rights: rights.map_err(|error| KeyError::Rights(id.clone(), error))?,
            };
            let key = Key {
                hash: hash(&key.hash).ok_or_else(|| KeyError::Hash(id.clone()))?,
                owner: Arc::new(owner),
                expires: key.expires,
                last_used: metrics.last_use(&id),
            };
            if by_id.insert(id.clone(), key).is_some() {
                return Err(KeyError::Twice(id));
            }
        }
        Ok(Self {
            pepper: hmac::Key::new(hmac::HMAC_SHA256, kept.pepper.as_bytes()),
            by_id,
        })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The key that somebody shows, if it counts. Takes the same time however much of it is right: the hash is always computed,
    /// of all of it, and compared in constant time.
    pub(super) fn find(&self, shown: &str, now: Timestamp) -> Option<&Key> {
        let id = shown
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('_'));
        let key = id.and_then(|(id, _)| self.by_id.get(id));
        let hash = key.map_or([0; HASH_BYTES], |key| key.hash);
        let is_it = hmac::verify(&self.pepper, shown.as_bytes(), &hash).is_ok();
        let key = key.filter(|key| is_it && key.expires.is_none_or(|end| now < end))?;
        key.last_used.set(now);
        Some(key)
    }
}

impl Key {
    pub(super) fn owner(&self) -> &Arc<Known> {
        &self.owner
    }
}

fn hash(text: &str) -> Option<[u8; HASH_BYTES]> {
    let mut hash = [0; HASH_BYTES];
    if text.len() != 2 * HASH_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).ok()?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use market::UserId;

    use super::super::rights::Deed;
    use super::*;

    const SHOWN: &str = "sk_a1b2c3d4_Zm9yIHRoZSB0ZXN0IGFsb25lLCBhbmQgbm90IHNlY3JldCE";
    const PEPPER: &str = "00112233445566778899aabbccddeeff";

    /// With a hash as `printf %s "$SHOWN" | openssl dgst -sha256 -hmac "$PEPPER"` makes it.
    fn kept(pepper: &str, change: impl Fn(&mut serde_json::Value)) -> String {
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, pepper.as_bytes()),
            SHOWN.as_bytes(),
        );
        let mut hash = String::new();
        for byte in tag.as_ref() {
            let _ = write!(hash, "{byte:02x}");
        }
        let mut key = serde_json::json!({"id": "a1b2c3d4", "hash": hash, "scopes": "orders:ann"});
        change(&mut key);
        serde_json::json!({"pepper": PEPPER, "keys": [key]}).to_string()
    }

    fn parse(text: &str) -> Result<Keys, KeyError> {
        Keys::parse(text, &HttpMetrics::new("test"))
    }

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_key_counts_whole_and_until_it_expires() {
        let now = moment("2026-06-01T12:00:00Z");
        let metrics = HttpMetrics::new("test");
        let keys = Keys::parse(&kept(PEPPER, |_| {}), &metrics).unwrap();
        let key = keys.find(SHOWN, now).unwrap();
        let used =
            r#"api_key_last_used_timestamp_seconds{service="test",key="a1b2c3d4"} 1780315200"#;
        assert!(metrics.encode().contains(used), "{}", metrics.encode());
        let ann = UserId::parse("ann").unwrap();
        assert!(key.owner().rights.allow(Deed::ActFor(&ann)));

        let longer = format!("{SHOWN}A");
        let other = SHOWN.replace("Zm9y", "Zm9z");
        let of_another = SHOWN.replace("a1b2c3d4", "a1b2c3d5");
        for wrong in [
            "",
            "sk_",
            "sk__",
            "sk_a1b2c3d4",
            "sk_a1b2c3d4_",
            &SHOWN[..SHOWN.len() - 1],
            &longer,
            &other,
            &of_another,
            &SHOWN[3..],
        ] {
            assert!(keys.find(wrong, now).is_none(), "{wrong}");
        }

        let ends = kept(PEPPER, |key| key["expires"] = "2026-06-01T12:00:00Z".into());
        let keys = parse(&ends).unwrap();
        assert!(
            keys.find(SHOWN, moment("2026-06-01T11:59:59.999Z"))
                .is_some()
        );
        assert!(keys.find(SHOWN, now).is_none());
        // Hashes with another pepper are of no use.
        let keys = parse(&kept("other", |_| {})).unwrap();
        assert!(keys.find(SHOWN, now).is_none());
    }

    #[test]
    fn keys_that_cannot_be_read_are_refused_as_a_whole() {
        let twice = {
            let one: serde_json::Value = serde_json::from_str(&kept(PEPPER, |_| {})).unwrap();
            let key = &one["keys"][0];
            serde_json::json!({"pepper": PEPPER, "keys": [key, key]}).to_string()
        };
        for (text, reason) in [
            (String::new(), "cannot be read"),
            ("[]".to_owned(), "cannot be read"),
            (r#"{"keys": []}"#.to_owned(), "cannot be read"),
            (
                kept(PEPPER, |key| key["hash"] = "abc".into()),
                "64 hexadecimal",
            ),
            (
                kept(PEPPER, |key| key["hash"] = "+f".repeat(32).into()),
                "64 hexadecimal",
            ),
            (
                kept(PEPPER, |key| key["scopes"] = "everything".into()),
                "no scope",
            ),
            (
                kept(PEPPER, |key| key["expires"] = "soon".into()),
                "cannot be read",
            ),
            (
                kept(PEPPER, |key| key["scope"] = "read".into()),
                "cannot be read",
            ),
            (twice, "two keys a1b2c3d4"),
        ] {
            let Err(error) = parse(&text) else {
                panic!("{text} was read");
            };
            assert!(error.to_string().contains(reason), "{error}");
        }
        let none = |pepper: &str| serde_json::json!({"pepper": pepper, "keys": []}).to_string();
        assert_eq!(parse(&none(PEPPER)).unwrap().len(), 0);
        assert!(matches!(parse(&none(&PEPPER[1..])), Err(KeyError::Pepper)));
    }
}
