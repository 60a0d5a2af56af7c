//! Rows that are appended arrive behind those that were there, whatever their types, and nothing that was published changes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use arrow::array::{Array, ArrayData, ArrayRef, RecordBatch};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shmframe::{ErrorKind, Reader, Snapshot, Writer, WriterOptions, arrow};
use shmframe_arbitrary::{Coverage, Limits, batches, every_kind, schema};
use std::cell::RefCell;
use std::sync::Arc;

fn segment(test: &str) -> (Writer, Reader) {
    let name = format!("test-appending-{test}-{}", std::process::id());
    let writer = WriterOptions::new().create(&name).unwrap();
    (writer, Reader::open(&name).unwrap())
}

/// Checks that the rows of `found` are those of `sent`, wherever either was cut.
fn assert_rows(found: &[RecordBatch], sent: &[RecordBatch]) {
    let count = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    assert_eq!(count(found), count(sent));
    let (mut left, mut right) = (found.iter().cloned(), sent.iter().cloned());
    let (mut one, mut other): (Option<RecordBatch>, Option<RecordBatch>) = (None, None);
    loop {
        let full = |batch: &RecordBatch| batch.num_rows() > 0;
        one = one.filter(full).or_else(|| left.find(full));
        other = other.filter(full).or_else(|| right.find(full));
        let (Some(found), Some(sent)) = (&one, &other) else { return };
        let rows = found.num_rows().min(sent.num_rows());
        assert_eq!(found.slice(0, rows).columns(), sent.slice(0, rows).columns());
        let rest = |batch: &RecordBatch| batch.slice(rows, batch.num_rows() - rows);
        (one, other) = (Some(rest(found)), Some(rest(sent)));
    }
}

/// A snapshot that is held, what it was to have, and every byte that its arrays reach.
struct Held {
    snapshot: Snapshot,
    sent: Vec<RecordBatch>,
    bytes: Vec<u8>,
}

impl Held {
    fn new(reader: &Reader, sent: &[RecordBatch]) -> Self {
        let snapshot = reader.snapshot().unwrap();
        let bytes = reached(&snapshot);
        Self { snapshot, sent: sent.to_vec(), bytes }
    }

    fn check(&self) {
        assert_rows(&self.snapshot.frame("f").unwrap().batches().unwrap(), &self.sent);
        assert_eq!(reached(&self.snapshot), self.bytes, "a published byte has changed");
    }
}

fn reached(snapshot: &Snapshot) -> Vec<u8> {
    fn add(data: &ArrayData, bytes: &mut Vec<u8>) {
        data.nulls().iter().for_each(|nulls| bytes.extend_from_slice(nulls.validity()));
        data.buffers().iter().for_each(|buffer| bytes.extend_from_slice(buffer));
        data.child_data().iter().for_each(|child| add(child, bytes));
    }
    let mut bytes = Vec::new();
    for batch in snapshot.frame("f").unwrap().batches().unwrap() {
        batch.columns().iter().for_each(|column: &ArrayRef| add(&column.to_data(), &mut bytes));
    }
    bytes
}

/// The free extents that the writer works with are those that a recovery would find.
fn check_audit(writer: &mut Writer) {
    let audit = writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
}

/// Puts the first batch as often as it says, and appends the others one by one.
fn check_growth((writer, reader): &mut (Writer, Reader), steps: &[RecordBatch], times: usize) {
    let first = vec![steps[0].clone(); times];
    match writer.put("f", &first) {
        Err(error) if error.kind() == ErrorKind::CapacityExceeded => return,
        put => drop(put.unwrap()),
    }
    let mut sent = first;
    let mut held = vec![Held::new(reader, &sent)];
    for step in &steps[1..] {
        writer.append("f", step).unwrap();
        sent.push(step.clone());
        held.push(Held::new(reader, &sent));
        held.iter().for_each(Held::check);
        check_audit(writer);
    }
    check_audit(writer);
    writer.remove("f").unwrap();
}

#[test]
fn rows_of_any_type_arrive_behind_the_others_and_nothing_published_changes() {
    let segment = RefCell::new(segment("any"));
    let coverage = Coverage::new();
    let limits = Limits::default();
    let strategy = schema(&limits).prop_flat_map(move |schema| {
        (batches(&schema, &limits), Just(schema), prop_oneof![Just(1_usize), Just(40), Just(2000)])
    });
    TestRunner::new(Config::with_cases(200))
        .run(&strategy, |(batches, schema, times)| {
            coverage.record(&schema, &batches);
            if !batches.is_empty() {
                check_growth(&mut segment.borrow_mut(), &batches, times);
            }
            Ok(())
        })
        .unwrap();
    segment.into_inner().0.remove_segment().unwrap();
}

#[test]
fn every_type_grows_beyond_the_small_size() {
    let segment = RefCell::new(segment("every"));
    let limits = Limits::default();
    let schema = every_kind();
    TestRunner::new(Config::with_cases(20))
        .run(&batches(&schema, &limits), |batches| {
            if !batches.is_empty() {
                let steps: Vec<_> = batches.iter().cycle().take(24).cloned().collect();
                check_growth(&mut segment.borrow_mut(), &steps, 30);
            }
            Ok(())
        })
        .unwrap();
    segment.into_inner().0.remove_segment().unwrap();
}

#[test]
fn append_creates_a_frame_that_is_missing() {
    let (mut writer, reader) = segment("missing");
    let numbers: ArrayRef = Arc::new(arrow::array::Int32Array::from(vec![1, 2, 3]));
    let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    writer.append("new", &batch).unwrap();
    writer.append("new", &batch).unwrap();
    assert_rows(
        &reader.snapshot().unwrap().frame("new").unwrap().batches().unwrap(),
        &[batch.clone(), batch],
    );
    writer.remove_segment().unwrap();
}
