//! Decimal numbers as whole counts of a power of ten: digits in, digits out.
//!
//! The grammar is that of a JSON number (RFC 8259 section 6), in a string as well as bare.

use std::borrow::Cow;
use std::fmt;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Longest text that is read as a number, in bytes; every valid value fits many times over.
const MAX_NUMBER_BYTES: usize = 64;

/// Reads `text` as a count of units of `10^-scale`; `None` when it is no number, has digits below
/// that unit, or leaves the range of `i128`.
pub(crate) fn parse(text: &str, scale: u8) -> Option<i128> {
    if text.len() > MAX_NUMBER_BYTES {
        return None;
    }
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        None => (text, 0),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (mantissa, ""),
    };
    let has_leading_zero = whole.len() > 1 && whole.starts_with('0');
    if whole.is_empty() || has_leading_zero {
        return None;
    }
    let fraction_digits = i32::try_from(fraction.len()).ok()?;
    let mut units: i128 = 0;
    let mut shift = exponent + i32::from(scale) - fraction_digits;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if !digit.is_ascii_digit() {
            return None;
        }
        units = units
            .checked_mul(10)?
            .checked_add(i128::from(digit - b'0'))?;
    }
    if units == 0 {
        return Some(0);
    }
    while shift < 0 {
        if units % 10 != 0 {
            return None;
        }
        units /= 10;
        shift += 1;
    }
    let units = units.checked_mul(10_i128.checked_pow(shift.unsigned_abs())?)?;
    Some(if negative { -units } else { units })
}

fn parse_exponent(text: &str) -> Option<i32> {
    const MAX_EXPONENT_DIGITS: usize = 4;
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || digits.len() > MAX_EXPONENT_DIGITS {
        return None;
    }
    let exponent: i32 = digits.parse().ok()?;
    Some(if negative { -exponent } else { exponent })
}

/// Writes a count of units of `10^-scale` with no digit more than its value needs.
pub(crate) fn write(out: &mut fmt::Formatter<'_>, units: i128, scale: u8) -> fmt::Result {
    let unit = 10_u128.pow(u32::from(scale));
    let magnitude = units.unsigned_abs();
    let sign = if units < 0 { "-" } else { "" };
    let (whole, mut fraction) = (magnitude / unit, magnitude % unit);
    if fraction == 0 {
        return write!(out, "{sign}{whole}");
    }
    let mut width = usize::from(scale);
    while fraction.is_multiple_of(10) {
        fraction /= 10;
        width -= 1;
    }
    write!(out, "{sign}{whole}.{fraction:0width$}")
}

/// Takes the digits of a JSON number, or of a string that holds one.
pub(crate) fn digits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    let text = raw.get();
    if !text.starts_with('"') {
        return Ok(text.to_owned());
    }
    let text: Cow<'_, str> = serde_json::from_str(text).map_err(D::Error::custom)?;
    Ok(text.into_owned())
}

/// Gives the digits of `value` to JSON as a bare number.
pub(crate) fn serialize<S: Serializer>(
    value: &impl fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    RawValue::from_string(value.to_string())
        .map_err(S::Error::custom)?
        .serialize(serializer)
}

/// Divides, rounding half away from zero; `divisor` is above zero.
pub(crate) fn divide_rounding(dividend: i128, divisor: i128) -> i128 {
    let (quotient, remainder) = (dividend / divisor, dividend % divisor);
    let rounds_up = remainder.unsigned_abs() >= divisor.unsigned_abs() - remainder.unsigned_abs();
    quotient + if rounds_up { dividend.signum() } else { 0 }
}

/// Gives a value type over a count of units its parsing, its digits, and its JSON and OpenAPI forms.
macro_rules! decimal_type {
    ($type:ident($int:ty), scale: $scale:literal, range: $range:expr, rule: $rule:literal, pattern: $pattern:literal, schema: $schema:tt) => {
        impl $type {
            /// Digits after the decimal point that a value can hold.
            pub const SCALE: u8 = $scale;

            /// Reads a number from its digits.
            pub fn parse(text: &str) -> Result<Self, $crate::Invalid> {
                $crate::decimal::parse(text, Self::SCALE)
                    .and_then(Self::from_units)
                    .ok_or($crate::Invalid { rule: $rule })
            }

            /// A value from its count of units of `10^-SCALE`; `None` outside its limits.
            pub fn from_units(units: i128) -> Option<Self> {
                if !($range).contains(&units) {
                    return None;
                }
                <$int>::try_from(units).ok().map(Self)
            }

            /// The schema of what is taken as such a value: its number, or a string of its digits.
            pub fn input_schema() -> utoipa::openapi::schema::Schema {
                let number = serde_json::json!($schema);
                let text = serde_json::json!({ "type": "string", "pattern": $pattern });
                $crate::decimal::schema(&serde_json::json!({ "anyOf": [number, text] }))
            }

            /// The count of units of `10^-SCALE`.
            pub fn units(self) -> i128 {
                i128::from(self.0)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::decimal::write(out, self.units(), Self::SCALE)
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::Invalid;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::decimal::serialize(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let digits = $crate::decimal::digits(deserializer)?;
                Self::parse(&digits).map_err(serde::de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::decimal::schema(&serde_json::json!($schema)).into()
            }
        }

        impl utoipa::ToSchema for $type {}
    };
}
pub(crate) use decimal_type;

/// An OpenAPI schema from its JSON form.
pub(crate) fn schema(json: &serde_json::Value) -> utoipa::openapi::schema::Schema {
    serde_json::from_value(json.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_from_its_digits() {
        for (text, units) in [
            ("0.1", 1_000),
            ("189.50", 1_895_000),
            ("-0.0001", -1),
            ("1e3", 10_000_000),
            ("1.5E-2", 150),
            ("1.50000000000000000000", 15_000),
            ("0e9999", 0),
            ("-0", 0),
        ] {
            assert_eq!(parse(text, 4), Some(units), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_or_has_too_many_digits_is_refused() {
        for text in [
            "", "-", "+1", " 1", "1 ", ".5", "1.", "01", "1e", "1e+", "1e99999", "1e400", "NaN",
            "Infinity", "0x10", "1,5", "1_000", "0.00001", "1e-5", "--1", "1.2.3", "1e1e1",
            "\u{0661}", "1\0",
        ] {
            assert_eq!(parse(text, 4), None, "{text}");
        }
        assert_eq!(parse(&"9".repeat(MAX_NUMBER_BYTES + 1), 4), None);
    }

    #[test]
    fn division_rounds_half_away_from_zero() {
        for (dividend, divisor, quotient) in [
            (5, 2, 3),
            (-5, 2, -3),
            (4, 3, 1),
            (-4, 3, -1),
            (6, 3, 2),
            (0, 7, 0),
        ] {
            assert_eq!(
                divide_rounding(dividend, divisor),
                quotient,
                "{dividend} / {divisor}"
            );
        }
    }
}
