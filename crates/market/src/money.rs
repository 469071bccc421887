//! Amounts of money, exact to the product of the smallest price and the smallest quantity.

use crate::Quantity;
use crate::decimal::{decimal_type, divide_rounding};

/// An amount of money with 10 fraction digits, of either sign.
///
/// A price has 4 fraction digits and a quantity 6, so that their product is held without rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i128);

decimal_type!(
    Money(i128),
    scale: 10,
    range: -MAX_UNITS..=MAX_UNITS,
    rule: "an amount of money of at most 10 fraction digits",
    pattern: "^-?(0|[1-9][0-9]{0,27})(\\.[0-9]{1,10})?$",
    schema: { "type": "number", "examples": [1895], "description": "Amount of money: a decimal of at most 10 fraction digits." }
);

/// Largest amount either way, in units of 10^-10: 10^28, which leaves any two of them a sum.
const MAX_UNITS: i128 = 10_i128.pow(38) / 2;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    pub(crate) fn of_units(units: i128) -> Self {
        Self(units)
    }

    /// The sum, or `None` past the largest amount.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(Self::from_units)
    }

    /// The difference, or `None` past the largest amount.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).and_then(Self::from_units)
    }

    /// The part of this cost that `part` of `whole` shares bear, rounded down to the unit: what
    /// cannot be shared out stays behind. All of it when `part` is the whole or more.
    pub fn share(self, part: Quantity, whole: Quantity) -> Self {
        if part >= whole {
            return self;
        }
        let (part, whole) = (part.units(), whole.units());
        // cost * part / whole without the wide product: both terms stay below the cost or 10^36.
        let (quotient, remainder) = (self.0.div_euclid(whole), self.0.rem_euclid(whole));
        Self(quotient * part + remainder * part / whole)
    }

    /// This cost a share, to the nearest 10th fraction digit; `None` past the largest amount.
    pub fn per_share(self, quantity: Quantity) -> Option<Self> {
        let scaled = self.0.checked_mul(1_000_000)?;
        Self::from_units(divide_rounding(scaled, quantity.units()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Price;

    fn money(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    fn quantity(text: &str) -> Quantity {
        Quantity::parse(text).unwrap()
    }

    #[test]
    fn the_largest_order_has_an_exact_total() {
        let total = Price::parse("9999999999.9999")
            .unwrap()
            .times(quantity("999999999999.999999"));
        assert_eq!(total.to_string(), "9999999999999899990000.0000000001");
    }

    #[test]
    fn a_cost_is_shared_out_rounding_down() {
        assert_eq!(
            money("10").share(quantity("1"), quantity("3")).to_string(),
            "3.3333333333"
        );
        assert_eq!(money("10").share(quantity("3"), quantity("3")), money("10"));
        assert_eq!(
            money("0.0000000001").share(quantity("1"), quantity("2")),
            Money::ZERO
        );
    }

    #[test]
    fn a_cost_per_share_is_rounded_to_the_nearest() {
        assert_eq!(
            money("20").per_share(quantity("3")).unwrap().to_string(),
            "6.6666666667"
        );
        assert_eq!(
            money("1895").per_share(quantity("10")).unwrap().to_string(),
            "189.5"
        );
    }

    #[test]
    fn a_sum_past_the_largest_amount_is_refused() {
        let most = Money::from_units(MAX_UNITS).unwrap();
        assert_eq!(most.checked_add(Money::of_units(1)), None);
        assert_eq!(most.checked_add(Money::ZERO), Some(most));
    }

    prop_compose! {
        fn any_quantity()(units in 1..1_000_000_000_000_000_000_i128) -> Quantity {
            Quantity::from_units(units).unwrap()
        }
    }

    proptest! {
        #[test]
        fn digits_survive_a_round_trip(units in -MAX_UNITS..=MAX_UNITS) {
            let amount = Money::from_units(units).unwrap();
            prop_assert_eq!(Money::parse(&amount.to_string()), Ok(amount));
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), amount);
        }

        #[test]
        fn the_shares_of_the_parts_never_exceed_the_cost(
            cost in 0..10_i128.pow(32), first in any_quantity(), second in any_quantity(),
        ) {
            let cost = Money::of_units(cost);
            if let Some(whole) = first.checked_add(second) {
                let sold = cost.share(first, whole);
                let left = cost.checked_sub(sold).unwrap();
                prop_assert!(sold >= Money::ZERO && left >= Money::ZERO);
                prop_assert_eq!(left.share(second, second).checked_add(sold), Some(cost));
            }
        }

        #[test]
        fn a_string_and_a_number_of_the_same_digits_are_the_same_price(units in 1..100_000_000_000_000_i128) {
            let price = Price::from_units(units).unwrap();
            let number: Price = serde_json::from_str(&price.to_string()).unwrap();
            let string: Price = serde_json::from_str(&format!("\"{price}\"")).unwrap();
            prop_assert_eq!((number, string), (price, price));
        }

        #[test]
        fn no_text_breaks_the_parser(text in "\\PC{0,40}") {
            if let Ok(price) = Price::parse(&text) {
                prop_assert!(price.units() > 0);
            }
        }
    }
}
