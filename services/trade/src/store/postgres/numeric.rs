//! Exact decimals in PostgreSQL's binary form, which it reads faster than digits in text.
//!
//! `numeric_recv` in PostgreSQL's `src/backend/utils/adt/numeric.c`: the count of digits to the base 10,000, the weight of the
//! first, the sign, the count of decimal fraction digits, then the digits; each of 16 bits, most significant first.

use market::{Money, Price, Quantity};
use sqlx::Postgres;
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo};
use sqlx::types::Type;

/// Object ids of `numeric` and `numeric[]`, which are the same in every database (`pg_type.dat`).
const NUMERIC: Oid = Oid(1700);
const NUMERIC_ARRAY: Oid = Oid(1231);
/// Decimal digits in one of PostgreSQL's.
const DIGITS_IN_ONE: u8 = 4;
const BASE: u128 = 10_000;
/// Digits that a value can have at the most: 39 of an `i128` and those that fill up its fraction, in fours.
const MAX_DIGITS: usize = 12;

/// A decimal as a count of units of `10^-scale`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numeric {
    units: i128,
    scale: u8,
}

impl From<Quantity> for Numeric {
    fn from(quantity: Quantity) -> Self {
        Self {
            units: quantity.units(),
            scale: Quantity::SCALE,
        }
    }
}

impl From<Price> for Numeric {
    fn from(price: Price) -> Self {
        Self {
            units: price.units(),
            scale: Price::SCALE,
        }
    }
}

impl From<Money> for Numeric {
    fn from(amount: Money) -> Self {
        Self {
            units: amount.units(),
            scale: Money::SCALE,
        }
    }
}

impl Numeric {
    /// The digits, least significant first, and how many of them are of the fraction.
    fn digits(self) -> ([u16; MAX_DIGITS], usize, usize) {
        let unit = 10_u128.pow(u32::from(self.scale));
        let magnitude = self.units.unsigned_abs();
        let fraction_digits = self.scale.div_ceil(DIGITS_IN_ONE);
        let filler = fraction_digits * DIGITS_IN_ONE - self.scale;
        let mut digits = [0; MAX_DIGITS];
        let mut count = 0;
        let mut fraction = magnitude % unit * 10_u128.pow(u32::from(filler));
        let mut whole = magnitude / unit;
        while count < usize::from(fraction_digits) || whole > 0 {
            let rest = if count < usize::from(fraction_digits) {
                &mut fraction
            } else {
                &mut whole
            };
            // A remainder of 10,000 fits.
            digits[count] = u16::try_from(*rest % BASE).unwrap_or_default();
            *rest /= BASE;
            count += 1;
        }
        (digits, count, usize::from(fraction_digits))
    }
}

impl Type<Postgres> for Numeric {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(NUMERIC)
    }
}

impl PgHasArrayType for Numeric {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(NUMERIC_ARRAY)
    }
}

impl Encode<'_, Postgres> for Numeric {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        const NEGATIVE: u16 = 0x4000;
        let (digits, count, fraction_digits) = self.digits();
        let weight = i16::try_from(count)? - i16::try_from(fraction_digits)? - 1;
        let sign = if self.units < 0 { NEGATIVE } else { 0 };
        buffer.extend_from_slice(&u16::try_from(count)?.to_be_bytes());
        buffer.extend_from_slice(&weight.to_be_bytes());
        buffer.extend_from_slice(&sign.to_be_bytes());
        buffer.extend_from_slice(&u16::from(self.scale).to_be_bytes());
        for digit in digits[..count].iter().rev() {
            buffer.extend_from_slice(&digit.to_be_bytes());
        }
        Ok(IsNull::No)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sqlx::Row as _;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn postgresql_reads_the_same_digits(
            amounts in prop::collection::vec((any::<i128>(), 0..128_u32), 100),
        ) {
            let shifted = amounts.into_iter().map(|(units, shift)| (units >> shift) % (10_i128.pow(38) / 2));
            let amounts: Vec<Money> = shifted.filter_map(Money::from_units).collect();
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let read = runtime.block_on(async {
                let database = testkit::postgres::database().await;
                let pool = sqlx::PgPool::connect(&database.url()).await.unwrap();
                let numerics: Vec<Numeric> = amounts.iter().map(|amount| Numeric::from(*amount)).collect();
                sqlx::query("select unnest($1)::text").bind(numerics).fetch_all(&pool).await.unwrap()
            });
            let read: Vec<Money> = read.iter().map(|row| Money::parse(row.get(0)).unwrap()).collect();
            prop_assert_eq!(read, amounts);
        }
    }
}
