//! Faults of growing frames that were found by drawing operations at random, each by itself.

use arrow::array::{
    Array, ArrayRef, BooleanArray, FixedSizeListArray, Int64Array, NullArray, RecordBatch, RunArray,
};
use arrow::datatypes::{DataType, Field, Int16Type, Schema};
use shmframe::ErrorKind;
use shmframe_model::{Scratch, assert_grown, assert_same_rows, numbers};
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

/// Rows of a bitmap are dropped eight bytes at a time.
#[test]
fn what_a_frame_with_dropped_rows_leaves_behind_is_used_again_by_the_next_writer() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("left").unwrap();
    let bits: ArrayRef = Arc::new((0..600_000).map(|row| Some(row % 3 == 0)).collect::<BooleanArray>());
    let bits = RecordBatch::try_from_iter([("even", bits)]).unwrap();
    writer.put("t", &bits).unwrap();
    writer.drop_rows_before("t", 64).unwrap();
    let reader = scratch.reader().open("left").unwrap();
    let held = reader.snapshot().unwrap();
    writer.remove("t").unwrap();
    // Nobody sees the rows that were dropped, from here on.
    writer.trim(u64::MAX).unwrap();
    // The next writer finds the frame in a version that is held, and then not any more.
    drop(writer);
    let mut writer = scratch.writer().open("left").unwrap();
    writer.watch().unwrap();
    let _ = assert_grown(&[bits.slice(64, 600_000 - 64)], &held.frame("t").unwrap());
    drop(held);
    writer.trim(u64::MAX).unwrap();
    for round in 0..100 {
        let name = format!("frame {}", round % 10);
        let sent = numbers(round, 7000);
        writer.put(&name, &sent).unwrap();
        let _ = assert_grown(&[sent], &reader.snapshot().unwrap().frame(&name).unwrap());
        let audit = writer.audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
    }
}

/// Rows without bytes come in any number: a frame of more than numbers count was published, and nobody could read it.
#[test]
fn rows_that_numbers_cannot_count_are_refused() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("s").unwrap();
    let reader = scratch.reader().open("s").unwrap();
    let nulls = |rows| {
        let column: ArrayRef = Arc::new(NullArray::new(rows));
        RecordBatch::try_from_iter_with_nullable([("n", column, true)]).unwrap()
    };
    let most = isize::MAX as usize;
    writer.put("f", &nulls(most - 100)).unwrap();
    writer.append("f", &nulls(100)).unwrap();
    writer.keep_last("f", 1).unwrap();
    for rows in [1, most] {
        assert_eq!(writer.append("f", &nulls(rows)).unwrap_err().kind(), ErrorKind::CapacityExceeded);
        let error = writer.append_with("f", rows, |_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CapacityExceeded);
    }
    let frame = reader.snapshot().unwrap().frame("f").unwrap();
    assert_eq!((frame.position().row(), frame.num_rows()), (most as u64, 63));
}

#[test]
fn new_column_of_runs_that_cannot_count_the_older_rows_is_an_error_and_the_frame_stays() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("t").unwrap();
    let reader = scratch.reader().open("t").unwrap();
    let many = numbers(0, 40_000);
    writer.put("f", &many).unwrap();
    let more = numbers(0, 3);
    let runs: RunArray<Int16Type> = vec![Some("a"), None, Some("b")].into_iter().collect();
    let lists = FixedSizeListArray::try_new(
        Arc::new(Field::new_list_field(runs.data_type().clone(), true)),
        1,
        Arc::new(runs.clone()),
        None,
    );
    for new in [Arc::new(runs) as ArrayRef, Arc::new(lists.unwrap())] {
        let mut fields = more.schema().fields().to_vec();
        fields.push(Arc::new(Field::new("new", new.data_type().clone(), true)));
        let mut columns = more.columns().to_vec();
        columns.push(new);
        let wide = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
        let error = writer.append_new_columns("f", &wide).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CapacityExceeded, "{error}");
        assert_same_rows(
            std::slice::from_ref(&many),
            &reader.snapshot().unwrap().frame("f").unwrap().batches().unwrap(),
        );
        // Where they can, older rows are null.
        writer.keep_last("f", 0).unwrap();
        writer.append("f", &numbers(0, 500)).unwrap();
        writer.append_new_columns("f", &wide).unwrap();
        let frame = reader.snapshot().unwrap().frame("f").unwrap();
        let column: Vec<_> = frame.batches().unwrap().iter().map(|batch| Arc::clone(&batch["new"])).collect();
        let nulls: usize = column.iter().map(Array::logical_null_count).sum();
        assert!(nulls >= 500, "{nulls} nulls");
        writer.put("f", &many).unwrap();
    }
}
