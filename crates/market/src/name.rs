//! Names: the symbols of stocks and the ids of users.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::{Invalid, decimal};

/// The ticker of a stock: 1-12 of `A-Z 0-9 . -`, starting with a letter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol {
    // The bytes after the end are zero, so that the derived order is that of the text.
    bytes: [u8; Self::MAX_BYTES],
    length: u8,
}

impl Symbol {
    /// Longest symbol, in bytes.
    pub const MAX_BYTES: usize = 12;

    /// Reads a symbol; lower case is taken as upper case.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = Invalid {
            rule: "a symbol: 1-12 of A-Z 0-9 . - starting with a letter",
        };
        let starts_with_letter = text.starts_with(|first: char| first.is_ascii_alphabetic());
        let has_only = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
        if text.len() > Self::MAX_BYTES || !starts_with_letter || !text.bytes().all(has_only) {
            return Err(invalid);
        }
        let mut bytes = [0; Self::MAX_BYTES];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        bytes.make_ascii_uppercase();
        let length = u8::try_from(text.len()).map_err(|_| invalid)?;
        Ok(Self { bytes, length })
    }

    /// The text, in upper case.
    #[expect(clippy::expect_used, reason = "parse takes ASCII alone")]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).expect("a symbol is ASCII")
    }
}

/// The id of a user: 1-64 of `A-Z a-z 0-9 . _ - @ :`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Arc<str>);

impl UserId {
    /// Longest id, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Reads an id.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let has_only = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@:".contains(&byte);
        if text.is_empty() || text.len() > Self::MAX_BYTES || !text.bytes().all(has_only) {
            return Err(Invalid {
                rule: "a user id: 1-64 of A-Z a-z 0-9 . _ - @ :",
            });
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a company: 1-255 characters, none of them a control character.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StockName(Arc<str>);

impl StockName {
    /// Longest name, in characters.
    pub const MAX_CHARACTERS: usize = 255;

    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let rule = "a name: 1-255 characters, none of them a control character";
        if is_label(text, Self::MAX_CHARACTERS) {
            Ok(Self(text.into()))
        } else {
            Err(Invalid { rule })
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The sector of a company: 1-100 characters, none of them a control character.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sector(Arc<str>);

impl Sector {
    /// Longest sector, in characters.
    pub const MAX_CHARACTERS: usize = 100;

    /// Reads a sector.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let rule = "a sector: 1-100 characters, none of them a control character";
        if is_label(text, Self::MAX_CHARACTERS) {
            Ok(Self(text.into()))
        } else {
            Err(Invalid { rule })
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_label(text: &str, max_characters: usize) -> bool {
    !text.is_empty()
        && text.chars().count() <= max_characters
        && !text.contains(|character: char| character.is_ascii_control())
}

macro_rules! name_type {
    ($type:ident, schema: $schema:tt) => {
        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), out)
            }
        }

        impl FromStr for $type {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::parse(text)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }

        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                decimal::schema(&serde_json::json!($schema)).into()
            }
        }

        impl ToSchema for $type {}
    };
}

name_type!(Symbol, schema: {
    "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9.\\-]{0,11}$", "examples": ["AAPL"],
    "description": "Ticker; lower case is taken as upper case."
});
name_type!(UserId, schema: { "type": "string", "pattern": "^[A-Za-z0-9._\\-@:]{1,64}$", "examples": ["user-001"] });
name_type!(StockName, schema: {
    "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^\\u0000-\\u001f\\u007f]+$",
    "examples": ["Apple Inc."]
});
name_type!(Sector, schema: {
    "type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[^\\u0000-\\u001f\\u007f]+$",
    "examples": ["Technology"]
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_symbol_is_upper_cased() {
        assert_eq!(Symbol::parse("brk.b").unwrap().as_str(), "BRK.B");
    }

    #[test]
    fn what_breaks_the_rule_is_no_symbol() {
        for text in [
            "",
            "1A",
            ".A",
            "-A",
            "ABCDEFGHIJKLM",
            "A B",
            "A/B",
            "A'B",
            "A\"",
            "A\0",
            "Ä",
            "A\u{212a}",
        ] {
            assert!(Symbol::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_breaks_the_rule_is_no_user_id() {
        let too_long = "u".repeat(65);
        for text in ["", " ", "a b", "a/b", "a\0", "é", too_long.as_str()] {
            assert!(UserId::parse(text).is_err(), "{text:?}");
        }
        assert!(UserId::parse(&too_long[1..]).is_ok());
    }

    proptest! {
        #[test]
        fn symbols_sort_as_their_texts(one in "[A-Z][A-Z0-9.-]{0,11}", other in "[A-Z][A-Z0-9.-]{0,11}") {
            let order = Symbol::parse(&one).unwrap().cmp(&Symbol::parse(&other).unwrap());
            prop_assert_eq!(order, one.cmp(&other));
        }
    }
}
