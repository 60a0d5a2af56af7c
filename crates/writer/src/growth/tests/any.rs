//! Any types, any cuts, and limits that are soon reached.

use super::*;
use arrow::array::FixedSizeBinaryArray;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shmframe_arbitrary::{Limits as Drawn, batches, schema};

/// Limits that a few rows reach; views are cut as ever.
fn limits() -> impl Strategy<Value = Limits> {
    let offset = prop_oneof![Just(Limits::ARROW.offset), 2000..6000_usize];
    let keys = prop_oneof![Just(Limits::ARROW.keys), 24..60_usize];
    let view_data = prop_oneof![Just(Limits::ARROW.view_data), 1000..4000_usize];
    (offset, keys, view_data).prop_map(|(offset, keys, view_data)| Limits {
        offset,
        keys,
        view_data,
        ..Limits::ARROW
    })
}

/// The bytes of a value that makes a frame of a few rows large.
const WIDE: i32 = 8192;

/// The same rows, beside wide values.
fn beside_wide_values(batch: &RecordBatch) -> RecordBatch {
    let rows = batch.num_rows();
    let mut fields = vec![Arc::new(Field::new("wide", DataType::FixedSizeBinary(WIDE), true))];
    fields.extend(batch.schema().fields().iter().cloned());
    let bytes = (0..rows * WIDE as usize).map(|at| (at / 1000) as u8).collect::<Vec<_>>();
    let wide = FixedSizeBinaryArray::new(WIDE, bytes.into(), None);
    let mut columns: Vec<ArrayRef> = vec![Arc::new(wide)];
    columns.extend(batch.columns().iter().cloned());
    batch_of(&Arc::new(Schema::new(fields)), columns)
}

#[test]
fn rows_of_any_type_arrive_whatever_the_limits() {
    let drawn = Drawn { batches: 12, ..Drawn::default() };
    let strategy =
        schema(&drawn).prop_flat_map(move |schema| (batches(&schema, &drawn), limits(), any::<bool>()));
    let (mut large, mut split) = (0, 0);
    let counts = std::cell::RefCell::new((&mut large, &mut split));
    TestRunner::new(Config::with_cases(150))
        .run(&strategy, |(batches, limits, small)| {
            let batches = if small { batches } else { batches.iter().map(beside_wide_values).collect() };
            let fits = |batch: &&RecordBatch| {
                crate::layout::planner::plan(&batch.schema(), core::slice::from_ref(*batch), &limits).is_ok()
            };
            let mut rows = batches.iter().filter(fits);
            let Some(first) = rows.next() else { return Ok(()) };
            let mut frame = Frame::within(first, limits.clone(), StoreOptions::default().capacity);
            rows.for_each(|batch| frame.append(batch));
            let mut counts = counts.borrow_mut();
            *counts.0 += usize::from(!small);
            *counts.1 += usize::from(frame.chunks() > 1);
            Ok(())
        })
        .unwrap();
    assert!(large > 30 && split > 3, "{large} large frames, {split} in several chunks");
}
