//! Changes in percent.

use crate::Price;
use crate::decimal::{decimal_type, divide_rounding};

/// A change in percent: from -100 to 10^6, at most 4 fraction digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(i64);

decimal_type!(
    Percent(i64),
    scale: 4,
    range: -1_000_000..=10_000_000_000,
    rule: "a decimal number from -100 to 10^6 with at most 4 fraction digits",
    pattern: "^(-(0|[1-9][0-9]?)|0|[1-9][0-9]{0,5})(\\.[0-9]{1,4})?$",
    schema: {
        "type": "number", "minimum": -100, "maximum": 1_000_000, "multipleOf": 0.0001, "examples": [0.95],
        "description": "Change in percent: a decimal of at most 4 fraction digits.",
    }
);

impl Percent {
    /// The change from one price to another, to the nearest 4th fraction digit; `None` above 10^6 %.
    pub fn between(before: Price, after: Price) -> Option<Self> {
        let difference = after.units() - before.units();
        // 100 % in units of 10^-4 % are 10^6.
        Self::from_units(divide_rounding(difference * 1_000_000, before.units()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    #[test]
    fn a_change_is_the_difference_over_the_price_before() {
        for (before, after, change) in [
            ("100", "101.5", "1.5"),
            ("3", "4", "33.3333"),
            ("3", "2", "-33.3333"),
            ("10", "10", "0"),
            ("5", "0.0001", "-99.998"),
        ] {
            assert_eq!(
                Percent::between(price(before), price(after))
                    .unwrap()
                    .to_string(),
                change,
                "{before} -> {after}"
            );
        }
        assert_eq!(Percent::between(price("0.0001"), price("9999999999")), None);
    }

    #[test]
    fn the_price_before_a_change_gives_that_change_again() {
        let change = Percent::parse("1.5").unwrap();
        assert_eq!(price("101.5").before(change), Some(price("100")));
        assert_eq!(price("1").before(Percent::parse("-100").unwrap()), None);
    }
}
