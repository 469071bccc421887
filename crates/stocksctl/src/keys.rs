//! Keys of callers, as they are kept in Vault: an id that names each, and a keyed hash. Pure.

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, Utc};
use market::UserId;
use ring::hmac;
use serde::{Deserialize, Serialize};

/// Random bytes of a key's secret part.
pub(crate) const SECRET_BYTES: usize = 32;
/// Random bytes of a key's id.
pub(crate) const ID_BYTES: usize = 4;
/// Random bytes of a pepper.
pub(crate) const PEPPER_BYTES: usize = 32;

/// All keys of an environment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Keys {
    /// What hashes are keyed with.
    pepper: String,
    keys: Vec<Key>,
}

/// A key, as it is kept.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Key {
    pub(crate) id: String,
    /// HMAC-SHA256 of the whole key, in hexadecimal.
    hash: String,
    /// With spaces between them.
    pub(crate) scopes: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<DateTime<Utc>>,
    /// Whose it is, for people.
    #[serde(default)]
    pub(crate) label: String,
}

/// What a new key is for.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) scopes: Vec<String>,
    pub(crate) expires: Option<DateTime<Utc>>,
    pub(crate) label: String,
}

impl Keys {
    /// None yet, with a pepper of these random bytes.
    pub(crate) fn new(pepper: [u8; PEPPER_BYTES]) -> Self {
        Self {
            pepper: hexadecimal(&pepper),
            keys: Vec::new(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// Adds a key of these random bytes; yields what its owner shows, which is kept nowhere.
    pub(crate) fn add(
        &mut self,
        id: [u8; ID_BYTES],
        secret: [u8; SECRET_BYTES],
        wanted: Wanted,
    ) -> Result<String> {
        let scopes: BTreeSet<String> = wanted.scopes.into_iter().collect();
        ensure!(!scopes.is_empty(), "a key without scopes opens nothing");
        for scope in &scopes {
            check_scope(scope)?;
        }
        let is_plain =
            |character: char| character.is_ascii_alphanumeric() || " .-_@".contains(character);
        ensure!(
            wanted.label.chars().all(is_plain),
            "a label has letters, digits, spaces and . - _ @"
        );
        let id = hexadecimal(&id);
        ensure!(!self.keys.iter().any(|key| key.id == id), "try again");
        let shown = format!("sk_{id}_{}", URL_SAFE_NO_PAD.encode(secret));
        let pepper = hmac::Key::new(hmac::HMAC_SHA256, self.pepper.as_bytes());
        self.keys.push(Key {
            id,
            hash: hexadecimal(hmac::sign(&pepper, shown.as_bytes()).as_ref()),
            scopes: scopes.into_iter().collect::<Vec<_>>().join(" "),
            expires: wanted.expires,
            label: wanted.label,
        });
        Ok(shown)
    }

    /// Takes away all keys of this label but one; their ids.
    pub(crate) fn revoke_others(&mut self, label: &str, kept: &str) -> Vec<String> {
        let is_other =
            |key: &mut Key| key.label == label && !kept.starts_with(&format!("sk_{}_", key.id));
        self.keys
            .extract_if(.., is_other)
            .map(|key| key.id)
            .collect()
    }

    /// Takes a key away; it is named by its id, or by all of it.
    pub(crate) fn revoke(&mut self, named: &str) -> Result<Key> {
        let id = named.strip_prefix("sk_").unwrap_or(named);
        let id = id.split('_').next().unwrap_or_default();
        let Some(at) = self.keys.iter().position(|key| key.id == id) else {
            bail!("there is no key {id}");
        };
        Ok(self.keys.remove(at))
    }
}

impl Key {
    /// When it ends, for people.
    pub(crate) fn end(&self) -> String {
        let end = self.expires;
        end.map_or_else(
            || "never".to_owned(),
            |end| end.to_rfc3339_opts(SecondsFormat::Secs, true),
        )
    }
}

/// As services read them (`service_kit::auth::Rights`).
fn check_scope(scope: &str) -> Result<()> {
    let is_of_user = |user| UserId::parse(user).is_ok();
    let is_scope = match scope {
        "read" | "catalogue:write" | "operations" | "orders:*" => true,
        _ => scope.strip_prefix("orders:").is_some_and(is_of_user),
    };
    ensure!(
        is_scope,
        "\"{scope}\" is no scope: read, catalogue:write, operations, orders:* or orders:<user_id>"
    );
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(scopes: &[&str]) -> Wanted {
        Wanted {
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            expires: None,
            label: "Ann's bot".replace('\'', ""),
        }
    }

    #[test]
    fn a_key_is_shown_once_and_kept_as_services_read_it() {
        let mut keys = Keys::new([7; PEPPER_BYTES]);
        let shown = keys
            .add(
                [0xa1, 0xb2, 0xc3, 0xd4],
                [0xff; SECRET_BYTES],
                wanted(&["read", "orders:ann", "read"]),
            )
            .unwrap();
        assert_eq!(shown, format!("sk_a1b2c3d4_{}8", "_".repeat(42)));
        let kept = serde_json::to_value(&keys).unwrap();
        assert!(!kept.to_string().contains(&"_".repeat(42)));
        // printf %s "$shown" | openssl dgst -sha256 -hmac "$(printf '07%.0s' {1..32})"
        assert_eq!(
            kept,
            serde_json::json!({"pepper": "07".repeat(32), "keys": [{
                "id": "a1b2c3d4", "label": "Anns bot", "scopes": "orders:ann read",
                "hash": keys.keys[0].hash,
            }]})
        );
        assert_eq!(keys.keys[0].hash.len(), 64);
        assert_eq!(keys.keys[0].end(), "never");

        let mut smoke = keys.clone();
        let label = keys.keys[0].label.clone();
        let newer = Wanted {
            label: label.clone(),
            ..wanted(&["read"])
        };
        let newer = smoke.add([1; ID_BYTES], [1; SECRET_BYTES], newer).unwrap();
        assert_eq!(smoke.revoke_others("other", &newer), [""; 0]);
        assert_eq!(smoke.revoke_others(&label, &newer), ["a1b2c3d4"]);
        assert_eq!(
            smoke.iter().map(|key| &key.id).collect::<Vec<_>>(),
            ["01010101"]
        );

        assert!(keys.revoke("00000000").is_err());
        assert_eq!(keys.revoke(&shown).unwrap().id, "a1b2c3d4");
        assert_eq!(keys.iter().count(), 0);
    }

    #[test]
    fn a_key_is_for_something_that_there_is() {
        let mut keys = Keys::new([7; PEPPER_BYTES]);
        let mut add = |wanted| keys.add([1; ID_BYTES], [1; SECRET_BYTES], wanted).is_ok();
        for wrong in [
            &[][..],
            &["write"],
            &["orders:"],
            &["orders:a b"],
            &["read", "all"],
        ] {
            assert!(!add(wanted(wrong)), "{wrong:?}");
        }
        let label = "<script>".to_owned();
        assert!(!add(Wanted {
            label,
            ..wanted(&["read"])
        }));
        assert!(add(wanted(&["orders:a@b:c"])));
        assert!(!add(wanted(&["read"])), "two of one id");
    }
}
