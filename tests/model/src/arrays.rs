//! Sent and received arrays, compared.

use arrow::array::{Array, ArrayData, PrimitiveArray, RecordBatch, downcast_primitive_array};
use arrow::datatypes::{ArrowPrimitiveType, DataType};
use shmframe::{ErrorKind, Frame};

/// Calls `visit` for every buffer of an array, with those of its children; validity bitmaps are buffers.
pub fn for_each_buffer(data: &ArrayData, visit: &mut impl FnMut(&[u8])) {
    if let Some(nulls) = data.nulls() {
        visit(nulls.buffer());
    }
    data.buffers().iter().for_each(|buffer| visit(buffer));
    data.child_data().iter().for_each(|child| for_each_buffer(child, visit));
}

/// The bytes of all buffers of a batch, copied out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied(Vec<Vec<u8>>);

impl Copied {
    /// Copies them.
    #[must_use]
    pub fn of(batch: &RecordBatch) -> Self {
        let mut buffers = Vec::new();
        for column in batch.columns() {
            for_each_buffer(&column.to_data(), &mut |bytes| buffers.push(bytes.to_vec()));
        }
        Self(buffers)
    }

    /// Whether the bytes of a batch are these.
    #[must_use]
    pub fn is_of(&self, batch: &RecordBatch) -> bool {
        let (mut copies, mut same) = (self.0.iter(), true);
        for column in batch.columns() {
            for_each_buffer(&column.to_data(), &mut |bytes| {
                same &= copies.next().is_some_and(|copy| copy.as_slice() == bytes);
            });
        }
        same && copies.next().is_none()
    }
}

/// Checks that every buffer that has bytes lies in the mapping of `frame`.
///
/// # Panics
/// If one does not.
pub fn assert_in_place(frame: &Frame, batch: &RecordBatch) {
    for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
        for_each_buffer(&column.to_data(), &mut |bytes| {
            let inside = bytes.is_empty()
                || frame.contains_address(bytes.as_ptr())
                    && frame.contains_address(&raw const bytes[bytes.len() - 1]);
            assert!(inside, "a buffer of {field:?} lies outside the mapping");
        });
    }
}

/// Checks that `frame` has the rows of `sent`, in place, whichever way they are asked for. Column names must differ.
///
/// # Panics
/// If it does not.
pub fn assert_arrived(sent: &[RecordBatch], frame: &Frame) {
    let received = assert_rows(sent, frame);
    assert_selections(frame, &received);
    for (field, column) in received.schema().fields().iter().zip(received.columns()) {
        assert_column(frame, field.name(), column);
    }
}

/// Checks that `frame` has the rows of `sent`, in place, and gives them.
///
/// # Panics
/// If it does not.
pub fn assert_rows(sent: &[RecordBatch], frame: &Frame) -> RecordBatch {
    assert_eq!(frame.schema(), sent[0].schema(), "schema, with all metadata");
    let mut received = frame.batches().expect("batches");
    let rows: usize = sent.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(frame.num_rows(), rows as u64);
    assert_eq!(received.len(), 1, "one chunk");
    let received = received.remove(0);
    assert_eq!(received.num_rows(), rows);
    let mut at = 0;
    for batch in sent {
        assert_eq!(&received.slice(at, batch.num_rows()), batch, "rows {at} and on");
        at += batch.num_rows();
    }
    for column in received.columns() {
        column.to_data().validate_full().expect("a valid array");
    }
    assert_in_place(frame, &received);
    received
}

/// Each column alone, and all of them backwards.
fn assert_selections(frame: &Frame, received: &RecordBatch) {
    let schema = received.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    for (at, name) in names.iter().enumerate() {
        let selected = frame.select(&[*name]).expect("a column of this name").batches().expect("batches");
        assert_eq!(selected, [received.project(&[at]).expect("a projection")]);
        assert_in_place(frame, &selected[0]);
    }
    let backwards: Vec<&str> = names.iter().rev().copied().collect();
    let indices: Vec<usize> = (0..names.len()).rev().collect();
    let selected = frame.select(&backwards).expect("all columns");
    assert_eq!(selected.batches().expect("batches"), [received.project(&indices).expect("a projection")]);
    assert_eq!(frame.select(&["no such column"]).unwrap_err().kind(), ErrorKind::ColumnMissing);
}

fn assert_column(frame: &Frame, name: &str, column: &dyn Array) {
    downcast_primitive_array!(
        column => assert_primitive(frame, name, column),
        DataType::Null => assert_other(frame, name),
        _ => assert_other(frame, name)
    );
}

fn assert_primitive<T: ArrowPrimitiveType>(frame: &Frame, name: &str, column: &PrimitiveArray<T>) {
    let values = frame.column::<T>(name);
    if column.null_count() > 0 {
        assert_eq!(values.unwrap_err().kind(), ErrorKind::ColumnNulls);
        return;
    }
    let values = values.expect("a column without nulls");
    assert_eq!(bytes(&values), bytes(column.values()));
    assert!(values.is_empty() || values.as_ptr() == column.values().as_ptr(), "another place");
}

fn bytes<T: arrow::datatypes::ArrowNativeType>(values: &arrow::buffer::ScalarBuffer<T>) -> &[u8] {
    values.inner().as_slice()
}

fn assert_other(frame: &Frame, name: &str) {
    let error = frame.column::<arrow::datatypes::Int8Type>(name).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ColumnType);
}
