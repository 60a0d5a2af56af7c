//! Faults of growing frames that were found by drawing operations at random, each by itself.

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field};
use shmframe_model::{Scratch, assert_grown, numbers};
use std::sync::Arc;

/// Its extent ends at a multiple of 64 bytes, not with the column: there is room for some rows, in a run of nobody.
#[test]
fn rows_are_appended_behind_a_column_that_was_added() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("added").unwrap();
    writer.watch().unwrap();
    writer.put("t", &numbers(0, 20_001)).unwrap();
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(0..20_001));
    writer.add_column("t", Field::new("y", DataType::Int64, true), &values).unwrap();
    let reader = scratch.reader().open("added").unwrap();
    let schema = reader.snapshot().unwrap().frame("t").unwrap().schema();
    let rows = |first: i64, count: usize| {
        let columns = [(); 2].map(|()| Arc::clone(numbers(first, count).column(0)));
        RecordBatch::try_new(Arc::clone(&schema), columns.to_vec()).unwrap()
    };
    let mut sent = vec![rows(0, 20_001)];
    for count in [1, 2, 30, 1, 500, 9] {
        let added = rows(sent.len() as i64, count);
        writer.append("t", &added).unwrap();
        sent.push(added);
        let _ = assert_grown(&sent, &reader.snapshot().unwrap().frame("t").unwrap());
        let audit = writer.audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
    }
}
