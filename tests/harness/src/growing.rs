//! Frames that grow in all the ways that there are, and what their rows must be.

use crate::pattern::{self, Contents, FEED, mix};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, UInt64Type};
use shmframe::{Columns, Error, Frame, Transaction, arrow};
use std::ops::Range;
use std::sync::Arc;

/// A frame of types that are filled in place. Each of its values follows from the number of its row alone.
pub const TICKS: &str = "ticks";
/// A frame whose columns change: each value of it follows from its row and from the version that changed them, the mark.
pub const MARKED: &str = "marked";
/// A frame that gets more columns while it grows: older rows are null there.
pub const LATE: &str = "late";

fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

fn text(number: u64) -> Option<String> {
    (!number.is_multiple_of(5)).then(|| format!("{:x}", number % 65_536))
}

/// These rows of the ticks: numbers with and without nulls, strings, and bits.
///
/// # Panics
/// Never: the columns are of one length.
#[must_use]
pub fn ticks(rows: Range<u64>) -> RecordBatch {
    let value = |row: u64| (!mix(row).is_multiple_of(7)).then(|| mix(row));
    batch([
        ("row", Arc::new(UInt64Array::from_iter_values(rows.clone()))),
        ("value", Arc::new(rows.clone().map(value).collect::<UInt64Array>())),
        ("text", Arc::new(rows.clone().map(|row| text(mix(row))).collect::<StringArray>())),
        ("even", Arc::new(rows.map(|row| Some(row % 2 == 0)).collect::<BooleanArray>())),
    ])
}

/// These rows of the marked frame, of this mark; the mark of a frame whose columns never changed is 0.
///
/// # Panics
/// Never: the columns are of one length.
#[must_use]
pub fn marked(rows: Range<u64>, mark: u64) -> RecordBatch {
    let value = |row: u64| mix(mix(mark) ^ row);
    let count = (rows.end - rows.start) as usize;
    batch([
        ("row", Arc::new(UInt64Array::from_iter_values(rows.clone()))),
        ("mark", Arc::new(UInt64Array::from(vec![mark; count]))),
        ("text", Arc::new(rows.clone().map(|row| text(value(row))).collect::<StringArray>())),
        ("even", Arc::new(rows.map(|row| Some(value(row) % 2 == 0)).collect::<BooleanArray>())),
    ])
}

/// These rows of the frame that gets more columns: with those that come late if `from` is not 0, null before that row.
///
/// # Panics
/// Never: the columns are of one length.
#[must_use]
pub fn late(rows: Range<u64>, from: u64) -> RecordBatch {
    let row: ArrayRef = Arc::new(UInt64Array::from_iter_values(rows.clone()));
    let name: ArrayRef = Arc::new(rows.clone().map(|row| text(mix(row))).collect::<StringArray>());
    if from == 0 {
        return batch([("row", row), ("name", name)]);
    }
    let number = |row: u64| (row >= from).then(|| mix(row));
    let word = |row: u64| (row >= from).then(|| format!("late {}", mix(row) % 1000));
    let number: ArrayRef = Arc::new(rows.clone().map(number).collect::<UInt64Array>());
    let word: ArrayRef = Arc::new(rows.map(word).collect::<StringArray>());
    batch([("number", number), ("row", row), ("word", word), ("name", name)])
}

/// Checks that batches have the rows of a frame from this one on, one after the other; the number of the next.
///
/// # Panics
/// If a row is missing, is there twice, or is another one.
#[must_use]
pub fn check_rows(first: u64, batches: &[RecordBatch], rows: impl Fn(Range<u64>) -> RecordBatch) -> u64 {
    batches.iter().fold(first, |row, batch| {
        let next = row + batch.num_rows() as u64;
        assert!(*batch == rows(row..next), "other rows than {row}..{next}");
        next
    })
}

/// The rows of a frame of which each follows from its number alone.
///
/// # Panics
/// If it is another frame.
#[must_use]
pub fn rows_of(frame: &str, rows: Range<u64>) -> RecordBatch {
    match frame {
        FEED => pattern::feed(rows),
        TICKS => ticks(rows),
        _ => panic!("rows of {frame:?} do not follow from their numbers"),
    }
}

/// Checks each value of a frame that grows; what a version holds of it. Nothing if it is none of those.
#[must_use]
pub fn check(frame: &Frame) -> Option<(u64, u64)> {
    let (first, batches) = (frame.first_position().row(), frame.batches().unwrap());
    let column = |name: &str| batches[0].column_by_name(name).map(AsArray::as_primitive::<UInt64Type>);
    let (next, contents) = match frame.name() {
        FEED | TICKS => {
            let next = check_rows(first, &batches, |rows| rows_of(frame.name(), rows));
            (next, (next, 0))
        }
        MARKED => {
            let mark = column("mark").unwrap().value(0);
            let next = check_rows(first, &batches, |rows| marked(rows, mark));
            (next, (mark, next))
        }
        LATE => {
            let from = column("number").map_or(0, |_| first + leading_nulls(&batches, "number"));
            let next = check_rows(first, &batches, |rows| late(rows, from));
            (next, (next, from))
        }
        _ => return None,
    };
    assert_eq!(next, frame.position().row());
    Some(contents)
}

fn leading_nulls(batches: &[RecordBatch], name: &str) -> u64 {
    let valid = |batch: &RecordBatch| {
        let column = Arc::clone(batch.column_by_name(name).unwrap());
        (0..batch.num_rows()).map(move |row| column.is_valid(row)).collect::<Vec<_>>()
    };
    batches.iter().flat_map(valid).take_while(|valid| !valid).count() as u64
}

/// So many rows more for a frame of a version that holds `before`.
#[must_use]
pub fn next(frame: &str, rows: u64, before: &Contents) -> RecordBatch {
    let (one, other) = before.get(frame).copied().unwrap_or_default();
    match frame {
        MARKED => marked(other..other + rows, one),
        LATE => late(one..one + rows, other),
        _ => rows_of(frame, one..one + rows),
    }
}

/// Fills columns with the values of a batch, one by one: numbers as slices, bits, and strings.
///
/// # Errors
/// The first error; nothing in here should fail.
///
/// # Panics
/// If a column is of another type.
pub fn fill(columns: &mut Columns<'_>, batch: &RecordBatch) -> Result<(), Error> {
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let name = field.name();
        match field.data_type() {
            DataType::Utf8 => {
                let mut strings = columns.strings(name)?;
                column.as_string::<i32>().iter().try_for_each(|value| strings.append_option(value))?;
            }
            DataType::UInt64 => {
                let values = column.as_primitive::<UInt64Type>();
                columns.take::<UInt64Type>(name)?.copy_from_slice(values.values());
                let mut validity = columns.validity(name)?;
                (0..values.len()).filter(|row| values.is_null(*row)).for_each(|row| validity.set_null(row));
            }
            DataType::Boolean => {
                let mut bits = columns.booleans(name)?;
                let values = column.as_boolean();
                (0..values.len()).for_each(|row| bits.set(row, values.value(row)));
            }
            other => panic!("a column of {other}"),
        }
    }
    Ok(())
}

/// Makes the columns of a frame those of `batch`, but for the one of row numbers: replaced; the last one dropped and inserted,
/// renamed and moved.
///
/// # Errors
/// The first error; nothing in here should fail.
pub fn change_columns(
    transaction: &mut Transaction<'_>,
    frame: &str,
    batch: &RecordBatch,
) -> Result<(), Error> {
    let (schema, last) = (batch.schema(), batch.num_columns() - 1);
    for field in schema.fields()[..last].iter().filter(|field| field.name() != "row") {
        transaction.replace_column(frame, field.name(), &batch[field.name()])?;
    }
    let name = schema.field(last).name();
    transaction.drop_column(frame, name)?;
    transaction.insert_column(frame, 0, schema.field(last).clone(), &batch[name])?;
    transaction.rename_column(frame, name, "moved")?;
    transaction.move_column(frame, "moved", last)?;
    transaction.rename_column(frame, "moved", name)
}
