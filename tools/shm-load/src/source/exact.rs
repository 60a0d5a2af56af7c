//! Values that a type would hold only in part. Arrow's parsers cut them off without a word, so their text is looked at.

use super::syntax::shown;
use arrow::datatypes::{DataType, TimeUnit};

/// The most digits of a Decimal128.
const MOST_DIGITS: u8 = 38;
/// Floats of fewer characters, and without an exponent, are not too large for any type but Float16.
const LARGE: usize = 38;

/// Whether values of this type can be cut off.
pub fn may_cut(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => may_cut(values),
        DataType::Timestamp(..) | DataType::Time32(_) | DataType::Time64(_) => true,
        DataType::Date32 | DataType::Date64 => true,
        other => scale(other).is_some(),
    }
}

/// Says what of a value would be cut off, and which type has room for it; none: nothing would be.
pub fn cut(column: &str, value: &str, data_type: &DataType) -> Option<String> {
    let (what, wider) = loss(value.trim(), data_type)?;
    Some(format!(
        "column {column:?}: {} does not fit {data_type}: {what}: give the column another type (--schema '{column}:{wider}')",
        shown(value)
    ))
}

/// What would be lost, and a type that has room for it.
fn loss(value: &str, data_type: &DataType) -> Option<(&'static str, String)> {
    let fraction = "its fraction of a second is finer";
    match data_type {
        DataType::Dictionary(_, values) => loss(value, values),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            is_too_large(value, data_type).then(|| ("it is too large", "utf8".to_owned()))
        }
        DataType::Date32 if is_number(value) => {
            finer(value, 0).then(|| ("a date is a whole number", "float64".to_owned()))
        }
        DataType::Date32 => has_time(value).then(|| ("it has a time of day", "timestamp".to_owned())),
        DataType::Date64 => {
            finer(value, digits(TimeUnit::Millisecond)).then(|| (fraction, "Timestamp(ns)".to_owned()))
        }
        DataType::Timestamp(unit, zone) => finer(value, digits(*unit))
            .then(|| (fraction, DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()).to_string())),
        DataType::Time32(unit) | DataType::Time64(unit) => {
            finer(value, digits(*unit)).then(|| (fraction, "Time64(ns)".to_owned()))
        }
        other => {
            let (scale, places) = (scale(other)?, decimal_places(value)?);
            let wider = || match u8::try_from(places) {
                Ok(places @ 0..MOST_DIGITS) => format!("Decimal128({MOST_DIGITS}, {places})"),
                _ => "utf8".to_owned(),
            };
            (places > i64::from(scale)).then(|| ("it has more decimal places", wider()))
        }
    }
}

fn scale(data_type: &DataType) -> Option<i8> {
    match data_type {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) => Some(*scale),
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => Some(*scale),
        _ => None,
    }
}

/// Digits of a fraction of a second.
fn digits(unit: TimeUnit) -> usize {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

fn is_number(value: &str) -> bool {
    value.parse::<f64>().is_ok()
}

/// Whether a time has a fraction of a second of more digits than these. A number has no fraction: it counts units.
fn finer(value: &str, digits: usize) -> bool {
    let Some((_, behind)) = value.split_once('.') else { return false };
    let end = behind.find(|character: char| !character.is_ascii_digit()).unwrap_or(behind.len());
    let digits = if is_number(value) { 0 } else { digits };
    behind[..end].trim_end_matches('0').len() > digits
}

/// Whether a date has a time of day behind it, other than midnight.
fn has_time(value: &str) -> bool {
    let time = value.split_once(['T', 't', ' ']).map_or("", |(_, time)| time);
    time.contains(|character: char| character.is_ascii_digit() && character != '0')
}

fn is_too_large(value: &str, data_type: &DataType) -> bool {
    let is_short = value.len() < LARGE && !value.contains(['e', 'E']);
    if value.contains(['n', 'N']) || (is_short && *data_type != DataType::Float16) {
        return false;
    }
    let largest = match data_type {
        // What is not rounded up to the next power of two.
        DataType::Float16 => 65519.0,
        DataType::Float32 => f64::from(f32::MAX),
        _ => f64::MAX,
    };
    value.parse::<f64>().is_ok_and(|number| number.abs() > largest)
}

/// How many decimal places a number needs; fewer than none if it ends with zeros. None if it is no number, or zero.
fn decimal_places(value: &str) -> Option<i64> {
    let (mantissa, exponent) = match value.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (value, 0),
    };
    let fraction = mantissa.split_once('.').map_or("", |(_, fraction)| fraction);
    let zeros = mantissa.bytes().rev().filter(|byte| *byte != b'.').take_while(|byte| *byte == b'0').count();
    let has_digits = mantissa.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    let count = |length: usize| i64::try_from(length).ok();
    has_digits.then_some(count(fraction.len())? - count(zeros)? - i64::from(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_held_in_part_are_told() {
        let cut_off = |value: &str, data_type: &DataType| cut("a", value, data_type).is_some();
        let seconds = DataType::Timestamp(TimeUnit::Second, None);
        let microseconds = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        for (data_type, whole, parts) in [
            (
                DataType::Decimal128(10, 2),
                &["1.99", "1.990", "-1e3", "199e-2", "0", "0.000", "100", "x", ""][..],
                &["1.995", "1e-3", "-0.001", "19.95e-2"][..],
            ),
            (DataType::Decimal128(10, -2), &["100", "1e2", "0"], &["110", "1.5"]),
            (
                seconds,
                &["2024-01-01 12:00:00", "2024-01-01T12:00:00.000Z", "17", "2024-01-01"],
                &["2024-01-01T12:00:00.5", "17.5"],
            ),
            (
                microseconds,
                &["2024-01-01T12:00:00.123456000+02:00", "2024-01-01T12:00:00.1"],
                &["2024-01-01T12:00:00.1234567+02:00", "2024-01-01T12:00:00.000000001"],
            ),
            (DataType::Time32(TimeUnit::Second), &["12:00:00"], &["12:00:00.5"]),
            (
                DataType::Date32,
                &["2024-01-01", "2024-01-01 00:00:00", "2024-01-01T00:00:00.000Z", "17"],
                &["2024-01-01 12:00:00", "2024-01-01T00:00:00+02:00", "17.5"],
            ),
            (DataType::Float64, &["1e308", "inf", "NaN", "-infinity", "1.5", "1e-400"], &["1e400", "-1E400"]),
            (DataType::Float32, &["3.4e38", "1e-300"], &["3.5e38", "1e39"]),
            (DataType::Float16, &["65504"], &["70000"]),
        ] {
            for value in whole {
                assert!(!cut_off(value, &data_type), "{value} as {data_type}");
            }
            for value in parts {
                assert!(cut_off(value, &data_type), "{value} as {data_type}");
            }
        }
        let told = cut("at", "1.995", &DataType::Decimal128(10, 2)).unwrap();
        assert!(told.contains("column \"at\": \"1.995\" does not fit Decimal128(10, 2)"), "{told}");
        assert!(told.contains("--schema 'at:Decimal128(38, 3)'"), "{told}");
    }
}
