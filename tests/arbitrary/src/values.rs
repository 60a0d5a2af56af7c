//! From a number to a value of any type. Small numbers give plain values, so that numbers shrink well.

use arrow::datatypes::{DataType, TimeUnit};

/// The bytes of a value of fixed width, little-endian, in the range that the type is meant for.
pub(crate) fn fixed(data_type: &DataType, width: usize, number: u64) -> Vec<u8> {
    let signed = number as i64;
    let value = match data_type {
        DataType::Decimal32(precision, _) | DataType::Decimal64(precision, _) => {
            signed % 10_i64.pow(u32::from(*precision))
        }
        DataType::Date32 => signed % 100_000,
        DataType::Date64 => signed % 100_000 * 86_400_000,
        DataType::Time32(unit) | DataType::Time64(unit) => (number % (86_400 * per_second(*unit))) as i64,
        DataType::Timestamp(unit, _) | DataType::Duration(unit) => {
            signed % (4_000_000_000 * per_second(*unit) as i64)
        }
        DataType::FixedSizeBinary(_) => return spread(number).take(width).collect(),
        DataType::Interval(_) => return spread(number).map(|byte| byte % 3).take(width).collect(),
        _ => signed,
    };
    let sign = if value < 0 { 0xFF } else { 0 };
    value.to_le_bytes().into_iter().chain(std::iter::repeat(sign)).take(width).collect()
}

fn per_second(unit: TimeUnit) -> u64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// A text of 0 to 39 characters; one in three is longer than a view can hold itself.
pub(crate) fn text(number: u64) -> String {
    let length = if number.is_multiple_of(3) { number / 3 % 40 } else { number % 7 };
    let letters = ['a', 'b', 'é', '€', '𝄞', 'z', ' ', '0'];
    spread(number).take(length as usize).map(|byte| letters[usize::from(byte) % 8]).collect()
}

/// Bytes, 0 to 39 of them.
pub(crate) fn blob(number: u64) -> Vec<u8> {
    let length = if number.is_multiple_of(3) { number / 3 % 40 } else { number % 7 };
    spread(number).take(length as usize).collect()
}

/// Bytes without end that differ with the number; all zero for 0.
fn spread(number: u64) -> impl Iterator<Item = u8> {
    (1..).map(move |at: u64| (number.wrapping_mul(at).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8)
}
