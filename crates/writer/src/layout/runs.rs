//! Run-end encoded arrays: the runs of all pieces behind each other, cut where the pieces were cut, and their ends
//! counted from the first row. Runs of two pieces stay two, even if they have the same value.
//!
//! The ends are written anew in private memory first: there are few of them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{ArrowNativeType, DataType, Int16Type, Int32Type, Int64Type, RunEndIndexType};
use shmframe_format::Result;

use super::error::LayoutError;
use super::path::Path;

/// The ends of all runs, and the values of each piece.
pub(super) fn plan(
    path: &Path<'_>,
    end_type: &DataType,
    pieces: &[ArrayRef],
) -> Result<(ArrayRef, Vec<ArrayRef>)> {
    let joined = match end_type {
        DataType::Int16 => join::<Int16Type>(pieces),
        DataType::Int32 => join::<Int32Type>(pieces),
        _ => join::<Int64Type>(pieces),
    };
    joined.ok_or_else(|| {
        let rows = pieces.iter().map(Array::len).sum();
        LayoutError::RunEndsOverflow { path: path.to_string(), rows, end_type: end_type.clone() }.into()
    })
}

/// `None` if an end is more than the type can count.
fn join<R: RunEndIndexType>(pieces: &[ArrayRef]) -> Option<(ArrayRef, Vec<ArrayRef>)> {
    let (mut ends, mut values, mut rows) = (Vec::new(), Vec::with_capacity(pieces.len()), 0);
    for runs in pieces.iter().map(AsArray::as_run::<R>).filter(|runs| !runs.is_empty()) {
        let covered = runs.get_start_physical_index()..=runs.get_end_physical_index();
        for end in &runs.run_ends().values()[covered] {
            let end = (end.as_usize() - runs.offset()).min(runs.len());
            ends.push(R::Native::from_usize(rows + end)?);
        }
        values.push(runs.values_slice());
        rows += runs.len();
    }
    Some((Arc::new(PrimitiveArray::<R>::new(ends.into(), None)), values))
}
