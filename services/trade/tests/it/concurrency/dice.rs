//! Random numbers from a seed: a failure can be made again.

use market::{Price, Quantity, Side};

/// `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
pub(crate) struct Dice(u64);

impl Dice {
    /// The same seed throws the same numbers.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number from 0 to `bound` less 1.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed ^ (mixed >> 31)) % u64::from(bound)).unwrap()
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len().try_into().unwrap()) as usize]
    }

    /// Buys are a little more frequent, so that sells are refused now and then and not mostly.
    pub(crate) fn side(&mut self) -> Side {
        if self.below(10) < 6 {
            Side::Buy
        } else {
            Side::Sell
        }
    }

    /// Up to three shares, to the last digit.
    pub(crate) fn quantity(&mut self) -> Quantity {
        Quantity::from_units(1 + i128::from(self.below(3_000_000))).unwrap()
    }

    /// Up to 500, to the last digit.
    pub(crate) fn price(&mut self) -> Price {
        Price::from_units(1 + i128::from(self.below(5_000_000))).unwrap()
    }
}
