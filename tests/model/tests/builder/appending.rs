//! Rows that are written straight behind those of a frame.

use super::{fill, fill_rows, prices};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch, StringArray, StringViewArray,
};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shmframe::{ErrorKind, Frame, Reader, Result, Snapshot, Writer};
use shmframe_arbitrary::{Coverage, Limits, batches, every_kind, schema};
use shmframe_model::{Copied, Scratch, cases, numbers};
use std::cell::RefCell;
use std::sync::Arc;

fn append_with(writer: &mut Writer, frame: &str, batch: &RecordBatch) -> Result<u64> {
    writer.append_with(frame, batch.num_rows(), |columns| fill_rows(columns, std::slice::from_ref(batch)))
}

/// Checks that the rows of `found` are those of `sent`, wherever either was cut.
fn assert_rows(found: &[RecordBatch], sent: &[RecordBatch]) {
    let count = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    assert_eq!(count(found), count(sent));
    let (mut found, mut sent) = (found.iter(), sent.iter());
    let (mut one, mut other) = (None::<RecordBatch>, None::<RecordBatch>);
    loop {
        let full = |batch: &RecordBatch| batch.num_rows() > 0;
        one = one.filter(full).or_else(|| found.by_ref().find(|batch| full(batch)).cloned());
        other = other.filter(full).or_else(|| sent.by_ref().find(|batch| full(batch)).cloned());
        let (Some(left), Some(right)) = (&one, &other) else { return };
        let rows = left.num_rows().min(right.num_rows());
        assert_eq!(left.slice(0, rows).columns(), right.slice(0, rows).columns());
        let rest = |batch: &RecordBatch| batch.slice(rows, batch.num_rows() - rows);
        (one, other) = (Some(rest(left)), Some(rest(right)));
    }
}

/// A snapshot that is held, and what it had.
struct Held {
    snapshot: Snapshot,
    sent: Vec<RecordBatch>,
    bytes: Vec<Copied>,
}

impl Held {
    fn new(reader: &Reader, sent: &[RecordBatch]) -> Self {
        let snapshot = reader.snapshot().unwrap();
        let bytes = bytes(&snapshot);
        Self { snapshot, sent: sent.to_vec(), bytes }
    }

    fn check(&self) {
        assert_rows(&self.snapshot.frame("f").unwrap().batches().unwrap(), &self.sent);
        assert_eq!(bytes(&self.snapshot), self.bytes, "a published byte has changed");
    }
}

fn bytes(snapshot: &Snapshot) -> Vec<Copied> {
    snapshot.frame("f").unwrap().batches().unwrap().iter().map(Copied::of).collect()
}

/// Puts the first batch as often as it says, and adds the others one by one.
fn check_growth(writer: &mut Writer, reader: &Reader, steps: &[RecordBatch], times: usize) {
    let first = vec![steps[0].clone(); times];
    match writer.put("f", &first) {
        Err(error) if error.kind() == ErrorKind::CapacityExceeded => return,
        put => drop(put.unwrap()),
    }
    let mut sent = first;
    let mut held = vec![Held::new(reader, &sent)];
    for step in &steps[1..] {
        append_with(writer, "f", step).unwrap();
        sent.push(step.clone());
        held.push(Held::new(reader, &sent));
        held.iter().for_each(Held::check);
        let audit = writer.audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
    }
    drop(held);
    writer.remove("f").unwrap();
}

#[test]
fn rows_of_any_type_arrive_behind_the_others_and_nothing_published_changes() {
    let scratch = Scratch::new();
    let writer = RefCell::new(scratch.writer().create("t").unwrap());
    writer.borrow_mut().watch().unwrap();
    let reader = scratch.reader().open("t").unwrap();
    let coverage = Coverage::new();
    let limits = Limits::default();
    let strategy = schema(&limits).prop_flat_map(move |schema| {
        (batches(&schema, &limits), Just(schema), prop_oneof![Just(1_usize), Just(40), Just(2000)])
    });
    let runner = |cases| TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    runner(cases(128, 1024))
        .run(&strategy, |(batches, schema, times)| {
            coverage.record(&schema, &batches);
            if !batches.is_empty() {
                check_growth(&mut writer.borrow_mut(), &reader, &batches, times);
            }
            Ok(())
        })
        .unwrap();
    let schema = every_kind();
    runner(cases(8, 64))
        .run(&batches(&schema, &Limits::default()), |batches| {
            if !batches.is_empty() {
                let steps: Vec<_> = batches.iter().cycle().take(12).cloned().collect();
                check_growth(&mut writer.borrow_mut(), &reader, &steps, 30);
            }
            Ok(())
        })
        .unwrap();
}

/// A schema of the types that are written in place.
fn flat() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("n", DataType::Int64, false),
        Field::new("price", DataType::Float64, true),
        Field::new("flag", DataType::Boolean, true),
        Field::new("text", DataType::Utf8, true),
        Field::new("view", DataType::Utf8View, false),
    ]))
}

fn rows(range: std::ops::Range<i64>) -> RecordBatch {
    let (n, rows) = (range.clone(), range.end - range.start);
    let text = |row: i64| format!("row {row}, a text that is too long for a view");
    let columns: Vec<ArrayRef> = vec![
        Arc::new(arrow::array::Int64Array::from_iter_values(n.clone())),
        Arc::new(n.clone().map(|row| (row % 5 != 0).then_some(row as f64)).collect::<Float64Array>()),
        Arc::new(n.clone().map(|row| (row % 7 != 0).then_some(row % 2 == 0)).collect::<BooleanArray>()),
        Arc::new(n.clone().map(|row| (row % 3 != 0).then(|| text(row))).collect::<StringArray>()),
        Arc::new(StringViewArray::from_iter_values(n.map(text))),
    ];
    assert_eq!(columns[0].len() as i64, rows);
    RecordBatch::try_new(flat(), columns).unwrap()
}

fn frame(scratch: &Scratch) -> Frame {
    scratch.reader().open("t").unwrap().snapshot().unwrap().frame("f").unwrap()
}

#[test]
fn feed_of_three_rows_stays_one_chunk_whose_values_stand_in_one_run() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("t").unwrap();
    writer.put("f", &rows(0..1984)).unwrap();
    let mut sent = vec![rows(0..1984)];
    for step in 0..500 {
        let batch = rows(1984 + 3 * step..1987 + 3 * step);
        append_with(&mut writer, "f", &batch).unwrap();
        sent.push(batch);
    }
    let frame = frame(&scratch);
    let found = frame.batches().unwrap();
    assert_rows(&found, &sent);
    assert!(found.len() <= 2, "one chunk: whole words, and the open one");
    let n = frame.column::<Int64Type>("n").unwrap();
    assert!(n.iter().copied().eq(0..3484));
    let audit = writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
}

#[test]
fn strings_that_outgrow_their_run_begin_another_one() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().capacity(32 << 20).create("t").unwrap();
    writer.put("f", &rows(0..1984)).unwrap();
    let mut sent = vec![rows(0..1984)];
    let large = |row: i64| format!("{row} ").repeat(20_000);
    for step in 0..12 {
        let batch = rows(1984 + 3 * step..1987 + 3 * step);
        let text = StringArray::from_iter((0..3).map(|row| Some(large(step + row))));
        let view = StringViewArray::from_iter_values((0..3).map(|row| large(step * row)));
        let mut columns = batch.columns().to_vec();
        (columns[3], columns[4]) = (Arc::new(text), Arc::new(view));
        let batch = RecordBatch::try_new(flat(), columns).unwrap();
        append_with(&mut writer, "f", &batch).unwrap();
        sent.push(batch);
        assert_rows(&frame(&scratch).batches().unwrap(), &sent);
        let audit = writer.audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
    }
}

#[test]
fn first_null_begins_another_chunk() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("t").unwrap();
    let batch = |first: usize, rows: usize, null: Option<usize>| {
        let price: Float64Array =
            (first..first + rows).map(|row| (Some(row) != null).then_some(row as f64)).collect();
        let symbol = StringArray::from_iter_values((first..first + rows).map(|row| row.to_string()));
        RecordBatch::try_new(prices(), vec![Arc::new(price), Arc::new(symbol)]).unwrap()
    };
    let mut sent = vec![batch(0, 20_000, None)];
    writer.put("f", &sent).unwrap();
    for step in 0..200 {
        let next = batch(20_000 + step * 3, 3, Some(20_300));
        append_with(&mut writer, "f", &next).unwrap();
        sent.push(next);
    }
    let frame = frame(&scratch);
    assert_rows(&frame.batches().unwrap(), &sent);
    assert!(frame.batches().unwrap().len() <= 3);
}

#[test]
fn rows_that_came_to_nothing_leave_the_frame_as_it_was() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("t").unwrap();
    writer.put("f", &rows(0..1984)).unwrap();
    writer.trim(u64::MAX).unwrap(); // frees what only older versions had
    let before = writer.audit().unwrap();
    let error = writer.append_with("f", 3, |columns| {
        columns.take::<Int64Type>("n")?.fill(-1);
        columns.strings("text")?.append("not there")?;
        columns.take::<Float64Type>("no such").map(drop)
    });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::ColumnMissing);
    let error = writer.append_with("f", 3, |columns| columns.take::<Int64Type>("n").map(drop));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(writer.append_with("other", 3, |_| Ok(())).unwrap_err().kind(), ErrorKind::FrameMissing);
    assert_eq!(writer.version(), 2);
    assert_eq!(writer.audit().unwrap(), before);
    append_with(&mut writer, "f", &rows(1984..1990)).unwrap();
    assert_rows(&frame(&scratch).batches().unwrap(), &[rows(0..1990)]);
}

#[test]
fn transaction_appends_in_place_again_and_again_beside_other_changes() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("t").unwrap();
    writer.put("f", &rows(0..1984)).unwrap();
    let mut transaction = writer.begin().unwrap();
    let fill_one = |columns: &mut shmframe::Columns<'_>, row: i64| {
        for (field, array) in flat().fields().iter().zip(rows(row..row + 1).columns()) {
            fill(columns, field, array)?;
        }
        Ok(())
    };
    for row in 1984..1994 {
        transaction.append_with("f", 1, |columns| fill_one(columns, row)).unwrap();
        transaction.put("other", &numbers(row, 3)).unwrap();
    }
    let refused = transaction.append_with("f", 1, |columns| columns.take::<Int64Type>("n").map(drop));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidArgument);
    transaction.append_with("f", 1, |columns| fill_one(columns, 1994)).unwrap();
    transaction.commit().unwrap();
    assert_rows(&frame(&scratch).batches().unwrap(), &[rows(0..1995)]);
    let audit = writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
}

#[test]
fn bytes_behind_the_rows_are_zero_whoever_wrote_there() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("t").unwrap();
    writer.put("f", &numbers(0, 20_000)).unwrap();
    let mut transaction = writer.begin().unwrap();
    let dropped = transaction.append_with("f", 100, |columns| {
        columns.take::<Int64Type>("x")?.fill(-1);
        Ok(())
    });
    dropped.unwrap();
    drop(transaction);
    writer
        .append_with("f", 100, |columns| {
            assert!(columns.take::<Int64Type>("x")?.iter().all(|value| *value == 0));
            Ok(())
        })
        .unwrap();
    let batches = frame(&scratch).batches().unwrap();
    let found = batches[0]["x"].as_primitive::<Int64Type>();
    assert!(found.values()[20_000..].iter().all(|value| *value == 0));
}
