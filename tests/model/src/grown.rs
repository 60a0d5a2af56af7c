//! Frames that grew, compared with what was sent: their rows stand in any number of batches.

use arrow::array::{
    Array, ArrayData, ArrowPrimitiveType, PrimitiveArray, RecordBatch, downcast_primitive_array,
};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use shmframe::{ErrorKind, Frame};

/// The longest bitmap that is not in place: of the rows that do not fill a word.
const OPEN_WORD: usize = 8;

/// Checks that the batches have the same rows, whichever way they are cut.
///
/// # Panics
/// If they do not.
pub fn assert_same_rows(sent: &[RecordBatch], received: &[RecordBatch]) {
    let rows = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    assert_eq!(rows(sent), rows(received), "rows");
    let filled = |batches: &[RecordBatch]| {
        let filled = batches.iter().filter(|batch| batch.num_rows() > 0);
        filled.cloned().collect::<Vec<_>>()
    };
    let (sent, received) = (filled(sent), filled(received));
    let (mut sent, mut at, mut row) = (sent.iter(), None::<(&RecordBatch, usize)>, 0);
    for batch in &received {
        let mut done = 0;
        while done < batch.num_rows() {
            let (from, first) =
                at.take().or_else(|| sent.next().map(|next| (next, 0))).expect("as many rows");
            let count = (from.num_rows() - first).min(batch.num_rows() - done);
            let (left, right) = (from.slice(first, count), batch.slice(done, count));
            assert!(left == right, "{count} rows from {row} on: {right:?}\nwhere these were sent: {left:?}");
            (done, row) = (done + count, row + count);
            at = (first + count < from.num_rows()).then_some((from, first + count));
        }
    }
}

/// Checks that every buffer that has bytes lies in the mapping of `frame`, but for bitmaps of up to 64 rows.
///
/// # Panics
/// If one does not.
pub fn assert_batches_in_place(frame: &Frame, batches: &[RecordBatch]) {
    for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
        for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
            let outside = outside(frame, &column.to_data());
            assert_eq!(outside, None, "bytes of {field:?} that lie outside the mapping");
        }
    }
}

/// The length of a buffer that should lie in the mapping and does not.
fn outside(frame: &Frame, data: &ArrayData) -> Option<usize> {
    let lies = |bytes: &[u8]| {
        bytes.is_empty()
            || frame.contains_address(bytes.as_ptr())
                && frame.contains_address(&raw const bytes[bytes.len() - 1])
    };
    let bits = data.nulls().map(NullBuffer::buffer).into_iter();
    let values = data.buffers().iter();
    let is_bitmap = *data.data_type() == DataType::Boolean;
    let bits = bits.map(|buffer| (buffer, true)).chain(values.map(|buffer| (buffer, is_bitmap)));
    let found = bits.into_iter().find(|(buffer, is_bitmap)| {
        let open = *is_bitmap && buffer.len() <= OPEN_WORD;
        !open && !lies(buffer)
    });
    let below = || data.child_data().iter().find_map(|child| outside(frame, child));
    found.map(|(buffer, _)| buffer.len()).or_else(below)
}

/// Checks that `frame` has the rows of `sent`, in place, whichever way they are asked for, and gives its batches. Column names
/// must differ.
///
/// # Panics
/// If it does not.
#[must_use]
pub fn assert_grown(sent: &[RecordBatch], frame: &Frame) -> Vec<RecordBatch> {
    assert_eq!(frame.schema(), sent[0].schema(), "schema, with all metadata");
    let received = frame.batches().expect("batches");
    assert_eq!(frame.num_rows(), sent.iter().map(|batch| batch.num_rows() as u64).sum::<u64>());
    assert_same_rows(sent, &received);
    assert_batches_in_place(frame, &received);
    for column in received.iter().flat_map(RecordBatch::columns) {
        column.to_data().validate_full().expect("a valid array");
        assert_nulls(column);
    }
    let schema = frame.schema();
    let backwards: Vec<usize> = (0..schema.fields().len()).rev().collect();
    let alone = (0..schema.fields().len()).map(|column| vec![column]);
    for columns in alone.chain([backwards]) {
        assert_selection(sent, frame, &columns);
    }
    assert_eq!(frame.select(&["no such column"]).unwrap_err().kind(), ErrorKind::ColumnMissing);
    for (index, field) in schema.fields().iter().enumerate() {
        assert_column(frame, field.name(), sent, index);
    }
    received
}

fn assert_selection(sent: &[RecordBatch], frame: &Frame, columns: &[usize]) {
    let schema = frame.schema();
    let names: Vec<&str> = columns.iter().map(|column| schema.field(*column).name().as_str()).collect();
    let selected = frame.select(&names).expect("columns of these names").batches().expect("batches");
    let projected: Vec<_> = sent.iter().map(|batch| batch.project(columns).expect("columns")).collect();
    assert_same_rows(&projected, &selected);
    assert_batches_in_place(frame, &selected);
}

/// Null counts are those of the bitmaps.
fn assert_nulls(column: &dyn Array) {
    if let Some(nulls) = column.nulls() {
        assert_eq!(nulls.null_count(), nulls.len() - nulls.inner().count_set_bits(), "null count");
    }
}

/// The whole column as a slice, and as slices.
fn assert_column(frame: &Frame, name: &str, sent: &[RecordBatch], index: usize) {
    let alone = frame.select(&[name]).expect("a column of this name").batches().expect("batches");
    let example = sent[0].column(index).slice(0, 0);
    let example = example.as_ref();
    downcast_primitive_array!(
        example => assert_slices(frame, name, &alone, example),
        DataType::Null => assert_other(frame, name),
        _ => assert_other(frame, name)
    );
}

fn assert_other(frame: &Frame, name: &str) {
    let error = frame.column::<arrow::datatypes::Int8Type>(name).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ColumnType);
    let error = frame.column_chunks::<arrow::datatypes::Int8Type>(name).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ColumnType);
}

fn assert_slices<T: ArrowPrimitiveType>(
    frame: &Frame,
    name: &str,
    alone: &[RecordBatch],
    _: &PrimitiveArray<T>,
) {
    let arrays: Vec<&PrimitiveArray<T>> = alone
        .iter()
        .filter(|batch| batch.num_rows() > 0)
        .map(|batch| batch.column(0).as_any().downcast_ref().expect("a column of its type"))
        .collect();
    let values: Vec<u8> = arrays.iter().flat_map(|array| bytes(array.values())).copied().collect();
    let nulls: usize = arrays.iter().map(Array::null_count).sum();
    let follow =
        |pair: &[&PrimitiveArray<T>]| pair[0].values().as_ptr_range().end == pair[1].values().as_ptr();
    let runs = 1 + arrays.windows(2).filter(|pair| !follow(pair)).count();
    match frame.column::<T>(name) {
        Ok(whole) => {
            assert!(nulls == 0 && runs == 1, "{nulls} nulls, {runs} runs");
            assert!(bytes(&whole) == values, "other values in the whole column");
            let first = arrays.first().map(|array| array.values().as_ptr());
            assert!(first.is_none_or(|first| first == whole.as_ptr()), "another place");
        }
        Err(error) if nulls > 0 => assert_eq!(error.kind(), ErrorKind::ColumnNulls, "{error}"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ColumnRuns, "{error}");
            assert!(runs > 1, "the column is in one run: {error}");
        }
    }
    let chunks = frame.column_chunks::<T>(name).expect("slices");
    let of_chunks: Vec<u8> = chunks.iter().flat_map(|chunk| bytes(&chunk.values)).copied().collect();
    assert!(of_chunks == values, "other values in slices");
    let valid = |length: usize, nulls: Option<&NullBuffer>| -> Vec<bool> {
        (0..length).map(|row| nulls.is_none_or(|nulls| nulls.is_valid(row))).collect()
    };
    let expected = arrays.iter().flat_map(|array| valid(array.len(), array.nulls()));
    let found = chunks.iter().flat_map(|chunk| valid(chunk.values.len(), chunk.nulls.as_ref()));
    assert!(expected.eq(found), "other nulls in slices");
    assert!(chunks.iter().all(|chunk| !chunk.values.is_empty()), "slices without rows");
}

fn bytes<T: arrow::datatypes::ArrowNativeType>(values: &ScalarBuffer<T>) -> &[u8] {
    values.inner().as_slice()
}
