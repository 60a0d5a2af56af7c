//! What can be handed in as the rows of a frame.

use arrow::array::RecordBatch;

/// One or more batches of one schema: the rows of a frame, in order.
///
/// A frame without rows is a batch without rows ([`RecordBatch::new_empty`]): its schema says what it is.
#[derive(Clone, Copy, Debug)]
pub struct Batches<'a>(pub(crate) &'a [RecordBatch]);

impl<'a> From<&'a RecordBatch> for Batches<'a> {
    fn from(batch: &'a RecordBatch) -> Self {
        Self(core::slice::from_ref(batch))
    }
}

impl<'a> From<&'a [RecordBatch]> for Batches<'a> {
    fn from(batches: &'a [RecordBatch]) -> Self {
        Self(batches)
    }
}

impl<'a> From<&'a Vec<RecordBatch>> for Batches<'a> {
    fn from(batches: &'a Vec<RecordBatch>) -> Self {
        Self(batches)
    }
}

impl<'a, const N: usize> From<&'a [RecordBatch; N]> for Batches<'a> {
    fn from(batches: &'a [RecordBatch; N]) -> Self {
        Self(batches)
    }
}
