//! Whether a few rows are valid Arrow, by a look at nothing but what these rows need.
//!
//! Rows are read in place, and the library takes contents on trust there. Damaged ones would end the tool that is to look at
//! them: offsets behind their data, keys without a value, text that is none. Arrow's own validation looks at whole buffers; here
//! it gets windows of them.

use anyhow::Result;
use arrow::array::{Array, ArrayData, ArrayRef, AsArray, make_array};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::compute::{cast, max, min};
use arrow::datatypes::{ArrowNativeType, DataType, Int64Type};
use arrow::error::ArrowError;
use core::ops::Range;
use shmframe_cli::{Exit, Failure};

/// Fails if a value of these rows is no valid Arrow.
///
/// # Errors
/// [`Exit::Damaged`].
pub fn check(column: &str, array: &ArrayRef) -> Result<()> {
    window(&array.to_data()).map(drop).map_err(|error| {
        let text = format!("column {column:?} is damaged: {error}; shm-dump verify says what else is");
        Failure::new(Exit::Damaged, text).into()
    })
}

/// The same values with buffers that hold no others, where others might be many; all of it was validated.
fn window(data: &ArrayData) -> Result<ArrayData, ArrowError> {
    match data.data_type() {
        DataType::Utf8 | DataType::Binary => bytes::<i32>(data),
        DataType::LargeUtf8 | DataType::LargeBinary => bytes::<i64>(data),
        DataType::List(_) | DataType::Map(_, _) => list::<i32>(data),
        DataType::LargeList(_) => list::<i64>(data),
        DataType::FixedSizeList(_, size) => {
            let size = usize::try_from(*size).unwrap_or_default();
            let (start, length) = (data.offset().saturating_mul(size), data.len().saturating_mul(size));
            rebuilt(data, Vec::new(), vec![part(&data.child_data()[0], start..start.saturating_add(length))?])
        }
        DataType::Struct(_) => {
            let children = data.child_data().iter().map(|child| part(child, 0..data.len()));
            rebuilt(data, Vec::new(), children.collect::<Result<_, _>>()?)
        }
        DataType::Dictionary(key, _) => {
            data.validate_data()?;
            if let Some(keys) = keys(data, key)? {
                part(&data.child_data()[0], keys)?;
            }
            Ok(data.clone())
        }
        // All buffers are addressed by rows, or the windows would cost more than they save.
        _ => data.validate_full().map(|()| data.clone()),
    }
}

/// A window of a child.
fn part(child: &ArrayData, rows: Range<usize>) -> Result<ArrayData, ArrowError> {
    if rows.end > child.len() {
        let text = format!("row {} of a child of {} rows is referred to", rows.end, child.len());
        return Err(ArrowError::InvalidArgumentError(text));
    }
    window(&child.slice(rows.start, rows.len()))
}

fn bytes<O: ArrowNativeType>(data: &ArrayData) -> Result<ArrayData, ArrowError> {
    let values = &data.buffers()[1];
    let (offsets, used) = offsets::<O>(data, values.len())?;
    rebuilt(data, vec![offsets, values.slice_with_length(used.start, used.len())], Vec::new())
}

fn list<O: ArrowNativeType>(data: &ArrayData) -> Result<ArrayData, ArrowError> {
    let child = &data.child_data()[0];
    let (offsets, used) = offsets::<O>(data, child.len())?;
    rebuilt(data, vec![offsets], vec![part(child, used)?])
}

/// The offsets of the window, from 0, and what they refer to.
fn offsets<O: ArrowNativeType>(data: &ArrayData, end: usize) -> Result<(Buffer, Range<usize>), ArrowError> {
    let wrong = |text: String| ArrowError::InvalidArgumentError(text);
    // An array without rows may have no offset at all.
    let all = data.buffers()[0].typed_data::<O>();
    let own = all.get(data.offset()..=data.offset() + data.len()).unwrap_or_default();
    let own: Option<Vec<usize>> = own.iter().map(|offset| offset.to_usize()).collect();
    let own = own.ok_or_else(|| wrong("an offset is negative".to_owned()))?;
    let used = own.first().copied().unwrap_or(0)..own.last().copied().unwrap_or(0);
    if let Some(pair) = own.windows(2).find(|pair| pair[0] > pair[1]) {
        return Err(wrong(format!("offset {} follows offset {}", pair[1], pair[0])));
    }
    if used.end > end {
        return Err(wrong(format!("offset {} is behind the end, {end}", used.end)));
    }
    let from_start = own.iter().map(|offset| O::usize_as(offset - used.start)).collect::<Vec<O>>();
    Ok((Buffer::from_vec(from_start), used))
}

/// The least and the greatest key of the window's rows; none if all are null.
fn keys(data: &ArrayData, key: &DataType) -> Result<Option<Range<usize>>, ArrowError> {
    let keys = ArrayData::builder(key.clone())
        .len(data.len())
        .offset(data.offset())
        .nulls(data.nulls().cloned())
        .add_buffer(data.buffers()[0].clone())
        .build()?;
    let keys = cast(&make_array(keys), &DataType::Int64)?;
    let keys = keys.as_primitive::<Int64Type>();
    let bounds = min(keys).zip(max(keys));
    // They were validated.
    Ok(bounds.map(|(least, most)| least.as_usize()..most.as_usize() + 1))
}

/// An array of the same type and rows over other buffers and children, validated.
fn rebuilt(
    data: &ArrayData,
    buffers: Vec<Buffer>,
    children: Vec<ArrayData>,
) -> Result<ArrayData, ArrowError> {
    let nulls: Option<NullBuffer> = data.nulls().cloned();
    ArrayData::builder(data.data_type().clone())
        .len(data.len())
        .nulls(nulls)
        .buffers(buffers)
        .child_data(children)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::StringArray;
    use proptest::prelude::*;
    use shmframe_arbitrary::{Limits, schema_and_batches};

    #[test]
    fn text_is_looked_at_within_its_window_alone() {
        let texts = StringArray::from(vec!["a", "b", "cd", "e"]);
        let checked = window(&texts.slice(1, 2).to_data()).unwrap();
        assert_eq!(checked.buffers()[1].as_slice(), b"bcd");
    }

    proptest! {
        /// Whatever is sound is found to be, with the same values, at every place of every type.
        #[test]
        fn sound_rows_pass_and_stay_the_same(
            (_, batches) in schema_and_batches(&Limits::default()),
            start in 0.0..1.0,
            length in 0.0..1.0,
        ) {
            for batch in &batches {
                let from = (batch.num_rows() as f64 * start) as usize;
                let count = ((batch.num_rows() - from) as f64 * length) as usize;
                let batch = batch.slice(from, count);
                for column in batch.columns() {
                    let checked = window(&column.to_data()).unwrap();
                    prop_assert_eq!(&make_array(checked), column);
                }
            }
        }
    }
}
