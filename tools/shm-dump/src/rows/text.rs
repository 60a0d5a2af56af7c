//! Values as text: for tables, and where a format has no form of its own for them.

use arrow::array::timezone::Tz;
use arrow::array::types::{
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, TimeUnit};
use arrow::error::ArrowError;
use arrow::util::display::{
    ArrayFormatter, ArrayFormatterFactory, DisplayIndex, FormatOptions, FormatResult,
};
use core::fmt::Write;
use std::sync::Arc;

static ZONES: Zones = Zones;

fn options() -> FormatOptions<'static> {
    FormatOptions::new().with_display_error(true).with_null("null").with_formatter_factory(Some(&ZONES))
}

/// What writes the values of an array as text. It never fails: what has no text is told in its place.
pub fn formatter(array: &dyn Array) -> ArrayFormatter<'_> {
    let options = options();
    let made = match ZONES.create_array_formatter(array, &options, None) {
        Ok(Some(made)) => Ok(made),
        _ => ArrayFormatter::try_new(array, &options),
    };
    made.unwrap_or_else(|error| ArrayFormatter::new(Box::new(Untold(error.to_string())), true))
}

/// Whether values of the type are numbers, also those of a dictionary or of runs.
pub fn is_number(data_type: &DataType) -> bool {
    value_type(data_type).is_numeric()
}

/// The type of the values behind a dictionary or runs; other types are their own.
pub fn value_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => value_type(values),
        DataType::RunEndEncoded(_, values) => value_type(values.data_type()),
        other => other,
    }
}

/// Whether it is a timestamp in a zone that nobody knows, or that was named after this program was made.
pub fn has_unknown_zone(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(zone)) if zone.parse::<Tz>().is_err())
}

/// A timestamp column in UTC, where its own zone is not known.
pub fn in_known_zone(array: &dyn Array) -> Option<ArrayRef> {
    let DataType::Timestamp(unit, _) = array.data_type() else { return None };
    if !has_unknown_zone(array.data_type()) {
        return None;
    }
    let zone = || "+00:00";
    Some(match unit {
        TimeUnit::Second => {
            Arc::new(array.as_primitive::<TimestampSecondType>().clone().with_timezone(zone()))
        }
        TimeUnit::Millisecond => {
            Arc::new(array.as_primitive::<TimestampMillisecondType>().clone().with_timezone(zone()))
        }
        TimeUnit::Microsecond => {
            Arc::new(array.as_primitive::<TimestampMicrosecondType>().clone().with_timezone(zone()))
        }
        TimeUnit::Nanosecond => {
            Arc::new(array.as_primitive::<TimestampNanosecondType>().clone().with_timezone(zone()))
        }
    })
}

/// Writes timestamps of zones that are not known in UTC, wherever they stand in nested types.
#[derive(Debug)]
struct Zones;

impl ArrayFormatterFactory for Zones {
    fn create_array_formatter<'a>(
        &self,
        array: &'a dyn Array,
        options: &FormatOptions<'a>,
        _field: Option<&'a Field>,
    ) -> Result<Option<ArrayFormatter<'a>>, ArrowError> {
        let made = in_known_zone(array).map(|array| {
            let null = options.null().to_owned();
            ArrayFormatter::new(Box::new(InUtc { array, null }), options.safe())
        });
        Ok(made)
    }
}

struct InUtc {
    array: ArrayRef,
    null: String,
}

impl DisplayIndex for InUtc {
    fn write(&self, row: usize, to: &mut dyn Write) -> FormatResult {
        let options = FormatOptions::new().with_null(&self.null);
        let formatter = ArrayFormatter::try_new(&self.array, &options)?;
        Ok(formatter.value(row).write(to)?)
    }
}

/// What stands for values that have no text.
struct Untold(String);

impl DisplayIndex for Untold {
    fn write(&self, _row: usize, to: &mut dyn Write) -> FormatResult {
        Ok(write!(to, "ERROR: {}", self.0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ListArray, StructArray, TimestampMicrosecondArray};
    use arrow::buffer::OffsetBuffer;

    fn value(array: &dyn Array, row: usize) -> String {
        formatter(array).value(row).to_string()
    }

    #[test]
    fn timestamps_of_zones_that_are_not_known_are_told_in_utc_at_any_depth() {
        let times = TimestampMicrosecondArray::from(vec![Some(0), None]).with_timezone("Mars/Phobos");
        assert_eq!(value(&times, 0), "1970-01-01T00:00:00Z");
        let field = Arc::new(Field::new("t", times.data_type().clone(), true));
        let rows = StructArray::from(vec![(Arc::clone(&field), Arc::new(times) as ArrayRef)]);
        let field = Arc::new(Field::new("item", rows.data_type().clone(), true));
        let list = ListArray::new(field, OffsetBuffer::from_lengths([2]), Arc::new(rows), None);
        assert_eq!(value(&list, 0), "[{t: 1970-01-01T00:00:00Z}, {t: null}]");
    }
}
