//! A frame in one chunk again, each buffer in one run.

use super::append::write_anew;
use super::room::put_with_room;
use crate::layout::plan::Plan;
use crate::layout::planner::Limits;
use arrow::datatypes::SchemaRef;
use shmframe_format::Result;
use shmframe_segment::{FrameRecords, Staging, Validation, build_column, columns_of};

/// Writes all rows of a frame anew, as one chunk: the frame stays the same, and its rows keep their numbers.
///
/// Takes private memory for a copy of the frame meanwhile.
///
/// # Errors
/// [`shmframe_format::ErrorKind::CapacityExceeded`] if all rows together are too many for offsets, keys or run ends of a
/// column; [`shmframe_format::ErrorKind::SchemaMismatch`] if the ordered dictionaries of a column differ;
/// [`shmframe_format::ErrorKind::DirectoryFull`], [`shmframe_format::ErrorKind::QuotaExceeded`],
/// [`shmframe_format::ErrorKind::Corrupt`]; the transaction is then as it was before.
pub(crate) fn compact(
    staging: &mut Staging<'_>,
    frame: &FrameRecords,
    schema: &SchemaRef,
    threads: usize,
) -> Result<()> {
    let plan = plan_all(staging, frame, schema)?;
    let buffers = put_with_room(staging, &plan);
    write_anew(staging, frame, (&plan, buffers), threads)
}

/// All rows of a frame, as one chunk.
pub(super) fn plan_all(staging: &Staging<'_>, frame: &FrameRecords, schema: &SchemaRef) -> Result<Plan> {
    let copies = staging.copied(frame)?;
    let mut columns = vec![Vec::new(); schema.fields().len()];
    for (spans, rows) in columns_of(frame.state()).zip(frame.chunk_rows()) {
        for ((column, span), field) in columns.iter_mut().zip(&spans).zip(schema.fields()) {
            column.extend(build_column(&copies, rows, span, field.data_type(), Validation::Full)?);
        }
    }
    Plan::of_columns(schema, columns, frame.state().rows, &Limits::ARROW)
}
