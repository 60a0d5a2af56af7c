//! Columns that were filled, as arrays in private memory: for rows that a frame does not take in place.

use super::column::{Appended, Bytes, Column, Content};
use super::error::BuilderError;
use crate::layout::views::{INLINE_SIZE, VIEW_SIZE};
use arrow::array::{
    ArrayData, ArrayRef, BinaryArray, BinaryViewArray, LargeBinaryArray, LargeStringArray, NullArray,
    RecordBatch, RecordBatchOptions, StringArray, StringViewArray, make_array, new_empty_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::datatypes::{DataType, SchemaRef};
use core::ops::Range;
use shmframe_format::{Error, Result};
use shmframe_segment::Staging;
use std::sync::Arc;

/// The rows of these columns, as batches.
pub(super) fn batches(
    staging: &Staging<'_>,
    schema: &SchemaRef,
    columns: &[Column],
    rows: u64,
) -> Result<Vec<RecordBatch>> {
    let columns: Vec<Vec<ArrayRef>> =
        columns.iter().map(|column| arrays(staging, column, rows)).collect::<Result<_>>()?;
    let mut ends: Vec<usize> = vec![rows as usize];
    for arrays in &columns {
        ends.extend(arrays.iter().scan(0, |end, array| {
            *end += array.len();
            Some(*end)
        }));
    }
    ends.sort_unstable();
    ends.dedup();
    let mut first = 0;
    let mut batches = Vec::with_capacity(ends.len());
    for end in ends {
        let columns = columns.iter().map(|arrays| part(arrays, first..end)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(end - first));
        let batch = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options);
        batches.push(batch.map_err(misfit)?);
        first = end;
    }
    Ok(batches)
}

/// Some rows of arrays that stand behind each other; they are those of one of them.
fn part(arrays: &[ArrayRef], rows: Range<usize>) -> ArrayRef {
    let mut first = 0;
    for array in arrays {
        if rows.start < first + array.len() {
            return array.slice(rows.start - first, rows.len());
        }
        first += array.len();
    }
    // Arrays without rows.
    arrays[0].slice(0, 0)
}

fn misfit(cause: arrow::error::ArrowError) -> Error {
    let (column, expected, found) = ("(all)".into(), "arrays of the schema".into(), "others".into());
    Error::from(BuilderError::OtherType { column, expected, found }).because(cause)
}

fn arrays(staging: &Staging<'_>, column: &Column, rows: u64) -> Result<Vec<ArrayRef>> {
    let length = rows as usize;
    let bytes = |bytes: &Bytes| staging.built_bytes(bytes.buffer, bytes.length);
    let nulls = match column.shown_nulls() {
        Some(nulls) => {
            let bits = Buffer::from(bytes(&nulls.bitmap)?);
            Some(NullBuffer::new(BooleanBuffer::new(bits, 0, length)))
        }
        None => None,
    };
    let array: ArrayRef = match &column.content {
        Content::Arrays(arrays) if arrays.is_empty() => new_empty_array(column.field.data_type()),
        Content::Arrays(arrays) => return Ok(arrays.clone()),
        Content::Missing | Content::Nothing | Content::Copied(_, _) => Arc::new(NullArray::new(length)),
        Content::Values(values) => {
            let data = ArrayData::builder(column.field.data_type().clone()).len(length).nulls(nulls);
            make_array(data.add_buffer(Buffer::from(bytes(values)?)).build().map_err(misfit)?)
        }
        Content::Appended(appended) => {
            let index = bytes(&appended.index)?;
            let data = appended.data.iter().map(bytes).collect::<Result<_>>()?;
            let values = AppendedValues { appended, index, data, nulls };
            values.array(column.field.data_type(), length)
        }
    };
    Ok(vec![array])
}

/// Values that were appended, to be read.
struct AppendedValues<'a> {
    appended: &'a Appended,
    index: &'a [u8],
    data: Vec<&'a [u8]>,
    nulls: Option<NullBuffer>,
}

impl<'a> AppendedValues<'a> {
    fn array(&self, data_type: &DataType, rows: usize) -> ArrayRef {
        let is_null = |row| self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        let valid = |row: usize| (!is_null(row)).then_some(row);
        let view = |row: usize| valid(row).map(|row| self.view(row));
        let narrow = |row: usize| valid(row).map(|row| self.string::<4>(row));
        let wide = |row: usize| valid(row).map(|row| self.string::<8>(row));
        match data_type {
            DataType::Utf8 => Arc::new((0..rows).map(narrow).map(text).collect::<StringArray>()),
            DataType::LargeUtf8 => Arc::new((0..rows).map(wide).map(text).collect::<LargeStringArray>()),
            DataType::Utf8View => Arc::new((0..rows).map(view).map(text).collect::<StringViewArray>()),
            DataType::Binary => Arc::new((0..rows).map(narrow).collect::<BinaryArray>()),
            DataType::LargeBinary => Arc::new((0..rows).map(wide).collect::<LargeBinaryArray>()),
            _ => Arc::new((0..rows).map(view).collect::<BinaryViewArray>()),
        }
    }

    /// The bytes between two offsets of so many bytes.
    fn string<const WIDTH: usize>(&self, row: usize) -> &'a [u8] {
        let end = |row: usize| {
            let place = row + self.appended.lead;
            let end = number(&self.index[place * WIDTH..][..WIDTH]);
            (end - self.appended.base.offset) as usize
        };
        let mut start = if row == 0 { 0 } else { end(row - 1) };
        let length = end(row) - start;
        for data in &self.data {
            if start + length <= data.len() {
                return &data[start..][..length];
            }
            start -= data.len();
        }
        &[]
    }

    fn view(&self, row: usize) -> &'a [u8] {
        let view = &self.index[row * VIEW_SIZE..][..VIEW_SIZE];
        let length = number(&view[..4]) as usize;
        if length <= INLINE_SIZE {
            return &view[4..][..length];
        }
        let base = self.appended.base;
        let stretch = number(&view[8..12]) as usize - base.buffer;
        let first = if stretch == 0 { base.offset } else { 0 };
        &self.data[stretch][(number(&view[12..]) - first) as usize..][..length]
    }
}

/// What was appended as a string.
fn text(value: Option<&[u8]>) -> Option<&str> {
    value.map(|value| core::str::from_utf8(value).unwrap_or_default())
}

fn number(bytes: &[u8]) -> u64 {
    let mut wide = [0; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(wide)
}
