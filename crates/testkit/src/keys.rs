//! Keys of callers, in the file that a service reads them from.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ring::hmac;
use serde_json::{Value, json};

const PEPPER: &str = "0123456789abcdef0123456789abcdef";

/// The file. It is complete whenever it is read: a change is moved into its place.
pub struct KeyFile {
    folder: tempfile::TempDir,
    keys: Vec<Value>,
}

impl Default for KeyFile {
    fn default() -> Self {
        let file = Self {
            folder: tempfile::tempdir().expect("a folder for keys"),
            keys: Vec::new(),
        };
        file.write();
        file
    }
}

impl KeyFile {
    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("keys.json")
    }

    /// Adds a key; yields what its owner shows.
    pub fn add(&mut self, scopes: &str) -> String {
        self.add_until(scopes, None)
    }

    /// Adds a key that ends at this time (RFC 3339).
    pub fn add_until(&mut self, scopes: &str, expires: Option<&str>) -> String {
        let id = format!("{:08x}", self.keys.len());
        let shown = format!("sk_{id}_{}", "k".repeat(43));
        let pepper = hmac::Key::new(hmac::HMAC_SHA256, PEPPER.as_bytes());
        let mut hash = String::new();
        for byte in hmac::sign(&pepper, shown.as_bytes()).as_ref() {
            // Writing to a String cannot fail.
            let _ = write!(hash, "{byte:02x}");
        }
        self.keys
            .push(json!({"id": id, "hash": hash, "scopes": scopes, "expires": expires}));
        self.write();
        shown
    }

    /// Takes a key away.
    pub fn revoke(&mut self, shown: &str) {
        self.keys.retain(|key| {
            !key["id"]
                .as_str()
                .is_some_and(|id| shown.starts_with(&format!("sk_{id}_")))
        });
        self.write();
    }

    fn write(&self) {
        let text = json!({"pepper": PEPPER, "keys": self.keys}).to_string();
        self.replace(&text);
    }

    /// Writes something else in its place.
    pub fn replace(&self, text: &str) {
        let path = self.path();
        let new: &Path = &path.with_extension("new");
        std::fs::write(new, text).expect("the keys are written");
        std::fs::rename(new, path).expect("the keys are moved");
    }
}
