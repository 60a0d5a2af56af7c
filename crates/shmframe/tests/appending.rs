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
        (
            batches(&schema, &limits),
            Just(schema),
            prop_oneof![2 => Just(1_usize), 2 => Just(40), 1 => Just(1000)],
        )
    });
    TestRunner::new(Config::with_cases(120))
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
    TestRunner::new(Config::with_cases(8))
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

fn numbers(columns: &[(&str, &[Option<i32>])]) -> RecordBatch {
    let array =
        |values: &[Option<i32>]| Arc::new(arrow::array::Int32Array::from(values.to_vec())) as ArrayRef;
    RecordBatch::try_from_iter_with_nullable(
        columns.iter().map(|(name, values)| (*name, array(values), true)),
    )
    .unwrap()
}

fn batches_of(reader: &Reader, frame: &str) -> Vec<RecordBatch> {
    reader.snapshot().unwrap().frame(frame).unwrap().batches().unwrap()
}

#[test]
fn other_schema_is_an_error_that_tells_the_differences_and_changes_nothing() {
    let (mut writer, reader) = segment("schema");
    let rows = numbers(&[("a", &[Some(1)]), ("b", &[Some(2)])]);
    let version = writer.put("f", &rows).unwrap();
    let error = writer.append("f", &numbers(&[("b", &[Some(1)]), ("c", &[None])])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
    for part in [
        "frame \"f\"",
        "\"a\" is missing",
        "\"b\" is number 0, not 1",
        "\"c\" is one that the frame does not have",
    ] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(writer.version(), version);
    assert_rows(&batches_of(&reader, "f"), &[rows]);
    writer.remove_segment().unwrap();
}

#[test]
fn new_nullable_columns_are_null_in_older_rows() {
    let (mut writer, reader) = segment("new-columns");
    let many: Vec<_> = (0..20_000).map(Some).collect();
    for old in [vec![Some(1), None], many] {
        let nulls = vec![None; old.len()];
        writer.put("f", &numbers(&[("a", &old)])).unwrap();
        writer.append("f", &numbers(&[("a", &[Some(7)])])).unwrap();
        let rows = numbers(&[("x", &[Some(8)]), ("a", &[Some(9)]), ("y", &[None])]);
        writer.append_new_columns("f", &rows).unwrap();
        let older = numbers(&[("x", &nulls), ("a", &old), ("y", &nulls)]);
        let between = numbers(&[("x", &[None]), ("a", &[Some(7)]), ("y", &[None])]);
        assert_rows(&batches_of(&reader, "f"), &[older, between, rows.clone()]);
        writer.append("f", &rows).unwrap();
        writer.append_new_columns("f", &rows).unwrap();
        let error = writer.append_new_columns("f", &numbers(&[("a", &[None])])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
        check_audit(&mut writer);
    }
    writer.remove_segment().unwrap();
}

#[test]
fn appends_of_a_transaction_are_seen_together_with_its_other_changes_or_not_at_all() {
    let (mut writer, reader) = segment("together");
    let many = numbers(&[("a", &(0..20_000).map(Some).collect::<Vec<_>>())]);
    let few = numbers(&[("a", &[Some(1), None])]);
    writer.put("old", &many).unwrap();
    writer.put("gone", &few).unwrap();
    let change = |writer: &mut Writer, commit: fn(shmframe::Transaction<'_>)| {
        let mut transaction = writer.begin().unwrap();
        transaction.put("new", &many).unwrap();
        transaction.append("new", &few).unwrap();
        transaction.append("old", &few).unwrap();
        transaction.append("old", &many).unwrap();
        transaction.append("small", &few).unwrap();
        transaction.append("small", &few).unwrap();
        transaction.remove("gone").unwrap();
        transaction.append("gone", &many).unwrap();
        let refused = transaction.append("old", &numbers(&[("b", &[None])])).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::SchemaMismatch);
        commit(transaction);
    };
    for round in 0..3 {
        change(&mut writer, |transaction| drop(transaction));
        check_audit(&mut writer);
        assert_eq!(reader.snapshot().unwrap().frames().unwrap().len(), if round == 0 { 2 } else { 4 });
        if round == 0 {
            change(&mut writer, |transaction| assert!(transaction.commit().unwrap() > 0));
        }
    }
    check_audit(&mut writer);
    assert_rows(&batches_of(&reader, "new"), &[many.clone(), few.clone()]);
    assert_rows(&batches_of(&reader, "old"), &[many.clone(), few.clone(), many.clone()]);
    assert_rows(&batches_of(&reader, "small"), &[few.clone(), few]);
    assert_rows(&batches_of(&reader, "gone"), &[many]);
    writer.remove_segment().unwrap();
}

#[test]
fn writers_that_take_turns_append_to_the_same_frame() {
    let name = format!("test-appending-turns-{}", std::process::id());
    let mut writers = vec![WriterOptions::new().several_writers().create(&name).unwrap()];
    writers.push(WriterOptions::new().several_writers().open(&name).unwrap());
    let reader = Reader::open(&name).unwrap();
    let words = |words: &[&str]| {
        let words: arrow::array::DictionaryArray<arrow::datatypes::Int8Type> =
            words.iter().copied().collect();
        RecordBatch::try_from_iter([("w", Arc::new(words) as ArrayRef)]).unwrap()
    };
    let mut sent = vec![words(&["a", "b", "c"].repeat(30_000))];
    writers[0].append("f", &sent[0]).unwrap();
    for round in 0..40 {
        let rows = words(&[&format!("word {}", round / 3), "b", "c", &format!("other {round}")]);
        writers[round * 7 % 3 % 2].append("f", &rows).unwrap();
        sent.push(rows);
        assert_rows(&batches_of(&reader, "f"), &sent);
    }
    check_audit(&mut writers[1]);
    drop(writers.pop());
    let writer = writers.pop().unwrap();
    writer.remove_segment().unwrap();
}

#[test]
fn append_that_finds_no_memory_changes_nothing_of_its_transaction() {
    let name = format!("test-appending-quota-{}", std::process::id());
    let mut writer = WriterOptions::new().quota(8 << 20).create(&name).unwrap();
    let reader = Reader::open(&name).unwrap();
    let rows = |rows: i32, names: &[&str]| {
        let values: Vec<_> = (0..rows).map(Some).collect();
        numbers(&names.iter().map(|name| (*name, values.as_slice())).collect::<Vec<_>>())
    };
    let first = rows(50_000, &["a"]);
    writer.put("f", &first).unwrap();
    let mut transaction = writer.begin().unwrap();
    transaction.append("f", &rows(10, &["a"])).unwrap();
    let error = transaction.append("f", &rows(4 << 20, &["a"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    let error = transaction.append_new_columns("f", &rows(1 << 20, &["a", "b"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    transaction.append("f", &rows(10, &["a"])).unwrap();
    transaction.commit().unwrap();
    check_audit(&mut writer);
    assert_rows(&batches_of(&reader, "f"), &[first, rows(10, &["a"]), rows(10, &["a"])]);
    writer.remove_segment().unwrap();
}

/// Rows of numbers, some of them null, and as many words; of a schema of their own.
fn numbers_and_words(rows: std::ops::Range<i32>) -> RecordBatch {
    let number = |row: i32| (row % 7 != 0).then_some(row);
    let values: arrow::array::Int32Array = rows.clone().map(number).collect();
    let words = arrow::array::StringArray::from_iter_values(rows.map(|row| format!("word {row}")));
    RecordBatch::try_from_iter_with_nullable([
        ("number", Arc::new(values) as ArrayRef, true),
        ("word", Arc::new(words) as ArrayRef, true),
    ])
    .unwrap()
}

#[test]
fn what_one_append_leaves_to_the_next_is_memory_alone() {
    let (mut writer, reader) = segment("memory");
    let narrow = |rows: std::ops::Range<i32>| numbers(&[("a", &rows.map(Some).collect::<Vec<_>>())]);
    let mut sent = [vec![narrow(0..20_000)], vec![numbers_and_words(0..20_000)]];
    writer.put("narrow", &sent[0]).unwrap();
    writer.put("wide", &sent[1]).unwrap();
    for round in 0..60 {
        // Its memory is of the other frame, of what came to nothing, of an error, or of a frame that went.
        match round % 4 {
            0 => {
                let mut transaction = writer.begin().unwrap();
                transaction.append("wide", &numbers_and_words(0..100)).unwrap();
                transaction.append("narrow", &narrow(0..1)).unwrap();
                transaction.append("wide", &numbers_and_words(0..1)).unwrap();
            }
            1 => {
                let refused = writer.append("narrow", &numbers_and_words(0..3)).unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::SchemaMismatch);
            }
            2 => {
                writer.append("other", &narrow(0..20_000)).unwrap();
                writer.append("other", &narrow(0..3)).unwrap();
                writer.remove("other").unwrap();
            }
            _ => {}
        }
        let held = reader.snapshot().unwrap().frame("wide").unwrap();
        let rows = round..round + 1 + round % 5;
        writer.append("narrow", &narrow(rows.clone())).unwrap();
        sent[0].push(narrow(rows.clone()));
        writer.append("wide", &numbers_and_words(rows.clone())).unwrap();
        assert_rows(&held.batches().unwrap(), &sent[1]);
        sent[1].push(numbers_and_words(rows));
        assert_rows(&batches_of(&reader, "narrow"), &sent[0]);
        assert_rows(&batches_of(&reader, "wide"), &sent[1]);
        check_audit(&mut writer);
    }
    writer.remove_segment().unwrap();
}

#[test]
fn writer_whose_turn_comes_again_knows_nothing_of_the_frames_before() {
    let name = format!("test-appending-again-{}", std::process::id());
    let mut first = WriterOptions::new().several_writers().create(&name).unwrap();
    let mut second = WriterOptions::new().several_writers().open(&name).unwrap();
    let reader = Reader::open(&name).unwrap();
    let narrow = |rows: std::ops::Range<i32>| numbers(&[("a", &rows.map(Some).collect::<Vec<_>>())]);
    for round in 0..20 {
        first.put("f", &narrow(0..20_000)).unwrap();
        first.append("f", &narrow(0..3)).unwrap();
        // The same name, other columns; with rows of the one that was there before, staged and given up in between.
        second.put("f", &numbers_and_words(0..10_000 + round)).unwrap();
        second.append("f", &numbers_and_words(0..5)).unwrap();
        let refused = first.append("f", &narrow(0..3)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::SchemaMismatch);
        let mut transaction = first.begin().unwrap();
        transaction.append("f", &numbers_and_words(0..90)).unwrap();
        assert!(transaction.base_version().unwrap() > 0);
        drop(transaction);
        second.append("f", &numbers_and_words(5..6)).unwrap();
        first.append("f", &numbers_and_words(6..9)).unwrap();
        let sent = [0..10_000 + round, 0..5, 5..6, 6..9].map(numbers_and_words);
        assert_rows(&batches_of(&reader, "f"), &sent);
        check_audit(&mut first);
    }
    drop(second);
    first.remove_segment().unwrap();
}
