//! Prices, quantities, volumes and market capitalisations.

use crate::decimal::{decimal_type, divide_rounding};
use crate::{Money, Percent};

/// What one share costs: above zero, below 10^10, at most 4 fraction digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(u64);

decimal_type!(
    Price(u64),
    scale: 4,
    range: 1..100_000_000_000_000,
    rule: "a decimal number above 0 and below 10^10 with at most 4 fraction digits",
    pattern: "^(?=.*[1-9])(0|[1-9][0-9]{0,9})(\\.[0-9]{1,4})?$",
    schema: {
        "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10_000_000_000_u64, "multipleOf": 0.0001, "examples": [189.5],
        "description": "Price of one share: a decimal of at most 4 fraction digits, read from its digits.",
    }
);

/// A number of shares: above zero, below 10^12, at most 6 fraction digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u64);

decimal_type!(
    Quantity(u64),
    scale: 6,
    range: 1..1_000_000_000_000_000_000,
    rule: "a decimal number above 0 and below 10^12 with at most 6 fraction digits",
    pattern: "^(?=.*[1-9])(0|[1-9][0-9]{0,11})(\\.[0-9]{1,6})?$",
    schema: {
        "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1_000_000_000_000_u64, "multipleOf": 0.000_001, "examples": [10],
        "description": "Number of shares: a decimal of at most 6 fraction digits, read from its digits.",
    }
);

/// Shares traded in a day: a whole number from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Volume(u64);

decimal_type!(
    Volume(u64),
    scale: 0,
    range: 0..=i128::from(i64::MAX),
    rule: "a whole number from 0 to 2^63 - 1",
    pattern: "^(0|[1-9][0-9]{0,17})$",
    schema: { "type": "integer", "format": "int64", "minimum": 0, "maximum": 9_223_372_036_854_775_807_i64, "examples": [52_000_000] }
);

/// Market capitalisation in millions: from 0, below 10^12, at most 6 fraction digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarketCap(u64);

decimal_type!(
    MarketCap(u64),
    scale: 6,
    range: 0..1_000_000_000_000_000_000,
    rule: "a decimal number from 0 and below 10^12 with at most 6 fraction digits",
    pattern: "^(0|[1-9][0-9]{0,11})(\\.[0-9]{1,6})?$",
    schema: {
        "type": "number", "minimum": 0, "exclusiveMaximum": 1_000_000_000_000_u64, "multipleOf": 0.000_001, "examples": [2_940_000],
        "description": "Market capitalisation in millions: a decimal of at most 6 fraction digits.",
    }
);

impl Price {
    /// What `quantity` shares cost at this price, exactly.
    pub fn times(self, quantity: Quantity) -> Money {
        Money::of_units(self.units() * quantity.units())
    }

    /// The price that a change of `change` led from, to the nearest 4th fraction digit; `None` when
    /// no price did (a loss of 100 % ends at zero).
    pub fn before(self, change: Percent) -> Option<Self> {
        // A change of p units is p / 10^6 of the price.
        let factor = 1_000_000 + change.units();
        (factor > 0)
            .then(|| divide_rounding(self.units() * 1_000_000, factor))
            .and_then(Self::from_units)
    }

    /// The price that a change of `change` leads to, to the nearest 4th fraction digit; `None` when that is none.
    pub fn after(self, change: Percent) -> Option<Self> {
        let factor = 1_000_000 + change.units();
        Self::from_units(divide_rounding(self.units() * factor, 1_000_000))
    }
}

impl Quantity {
    /// The sum, or `None` above the limit of a quantity.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::from_units(self.units() + other.units())
    }

    /// What is left after taking `other` away: `None` when nothing or less than nothing is.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        Self::from_units(self.units() - other.units())
    }
}
