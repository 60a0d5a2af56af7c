//! A column of one chunk, of every type.

use super::seen::{Cut, Seen, columns, grows, pinned};
use arrow::array::{Array, ArrayRef, RecordBatch};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use shmframe::{ErrorKind, Validation, Writer};
use shmframe_arbitrary::{Coverage, Limits, batches, every_kind};
use shmframe_format::columns::Span;
use shmframe_model::{Scratch, cases, for_each_buffer};
use shmframe_segment::{PinnedFrame, Store, StoreOptions};
use std::cell::RefCell;
use std::ops::Range;

/// A frame that was put, and what it holds.
pub(super) struct Put {
    pub(super) scratch: Scratch,
    writer: RefCell<Writer>,
}

impl Put {
    pub(super) fn new() -> Self {
        let scratch = Scratch::new();
        let writer = RefCell::new(scratch.writer().create("s").unwrap());
        Self { scratch, writer }
    }

    /// Puts batches, several times over: many bitmap words.
    pub(super) fn put(&self, frame: &str, sent: &[RecordBatch]) -> (PinnedFrame, RecordBatch) {
        let sent = [sent; 6].concat();
        self.writer.borrow_mut().put(frame, &sent).unwrap();
        let snapshot = self.scratch.reader().open("s").unwrap().snapshot().unwrap();
        let [whole] = snapshot.frame(frame).unwrap().batches().unwrap().try_into().unwrap();
        (pinned(&self.scratch, "s", frame), whole)
    }
}

pub(super) fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

/// Draws batches of a column of each kind, at least one.
pub(super) fn drawn(limits: &Limits) -> impl Strategy<Value = Vec<RecordBatch>> + Clone + use<> {
    let schema = every_kind();
    batches(&schema, limits).prop_map(move |drawn| match drawn.is_empty() {
        true => vec![RecordBatch::new_empty(schema.clone())],
        false => drawn,
    })
}

/// Checks that arrays are these rows, one behind the other, with nulls as counted.
fn assert_rows(arrays: &[ArrayRef], expected: &ArrayRef) {
    let mut at = 0;
    for array in arrays {
        array.to_data().validate_full().unwrap();
        assert_eq!(array, &expected.slice(at, array.len()), "rows {at} and on");
        at += array.len();
    }
    assert_eq!(at, expected.len());
}

/// Checks that every buffer lies in place, open words excepted.
fn assert_in_place(seen: &Seen, array: &ArrayRef) {
    for_each_buffer(&array.to_data(), &mut |bytes| {
        let open_word = bytes.len() == 8;
        assert!(bytes.is_empty() || open_word || seen.contains_address(bytes.as_ptr()), "a copy");
    });
}

fn assert_body_and_tail(arrays: &[ArrayRef], cut: Cut) {
    let lengths: Vec<usize> = arrays.iter().map(Array::len).collect();
    let body = (cut.rows / 64 * 64 - cut.skipped) as usize;
    match lengths.as_slice() {
        [_] => {}
        [first, tail] => {
            assert!(cut.open && *first == body && (1..64).contains(tail), "{lengths:?} of {cut:?}");
        }
        _ => panic!("{lengths:?} of {cut:?}"),
    }
}

#[test]
fn column_of_which_some_rows_are_seen_is_a_body_and_a_tail_of_exactly_these() {
    let put = Put::new();
    let (coverage, two) = (Coverage::new(), RefCell::new(0));
    let schema = every_kind();
    let limits = Limits { batches: 3, ..Limits::default() };
    let strategy = (drawn(&limits), any::<Index>(), any::<Index>(), any::<bool>());
    let check = |sent: &[RecordBatch], rows: Index, skipped: Index, open: bool| {
        coverage.record(&schema, sent);
        let (frame, whole) = put.put("frame", sent);
        for (index, column) in columns(&frame).into_iter().enumerate() {
            let (field, expected) = (schema.field(index), whole.column(index));
            let all = whole.num_rows();
            let rows = if grows(field.data_type()) { rows.index(all + 1) } else { all };
            let skipped = skipped.index(rows / 64 + 1) * 64;
            let cut = Cut { rows: rows as u64, skipped: skipped as u64, open };
            let seen = Seen::cut(&frame, &column, field.data_type(), cut);
            for validation in [Validation::Layout, Validation::Full] {
                let arrays = seen.build(field.data_type(), validation).unwrap();
                assert_rows(&arrays, &expected.slice(skipped, rows - skipped));
                arrays.iter().for_each(|array| assert_in_place(&seen, array));
                assert_body_and_tail(&arrays, cut);
                *two.borrow_mut() += usize::from(arrays.len() == 2);
            }
        }
    };
    runner(cases(96, 1500))
        .run(&strategy, |(sent, rows, skipped, open)| {
            check(&sent, rows, skipped, open);
            Ok(())
        })
        .unwrap();
    assert!(*two.borrow() > 100, "{} columns with a body and a tail", two.borrow());
    assert_eq!(coverage.missing_kinds(), []);
}

#[test]
fn rows_in_front_are_cut_off_also_where_records_do_not_tell_rows_apart() {
    let put = Put::new();
    let check = |sent: &[RecordBatch], skipped: Index| {
        let (frame, whole) = put.put("frame", sent);
        for (index, column) in columns(&frame).into_iter().enumerate() {
            let (data_type, all) = (whole.column(index).data_type(), whole.num_rows());
            let skipped = skipped.index(all / 64 + 1) * 64;
            let cut = Cut { rows: all as u64, skipped: skipped as u64, open: false };
            let seen = Seen::cut(&frame, &column, data_type, cut).without_rows();
            let arrays = seen.build(data_type, Validation::Full).unwrap();
            assert_eq!(arrays.len(), 1);
            assert_rows(&arrays, &whole.column(index).slice(skipped, all - skipped));
        }
    };
    runner(cases(32, 500))
        .run(&(drawn(&Limits::default()), any::<Index>()), |(sent, skipped)| {
            check(&sent, skipped);
            Ok(())
        })
        .unwrap();
}

#[test]
fn column_in_pieces_is_one_array_for_each_piece_of_which_rows_are_seen() {
    let put = Put::new();
    let schema = every_kind();
    let limits = Limits { batches: 2, rows: 30, ..Limits::default() };
    let drawn = drawn(&limits);
    let seen_rows = RefCell::new(0);
    let strategy = (drawn.clone(), drawn.clone(), drawn, any::<Index>());
    let check = |sent: [&[RecordBatch]; 3], skipped: Index| {
        let names = ["a", "b", "c"];
        let frames: Vec<_> = names.into_iter().zip(sent).map(|(name, sent)| put.put(name, sent)).collect();
        let all: usize = frames.iter().map(|(_, whole)| whole.num_rows()).sum();
        let skipped = skipped.index(all + 1);
        let spans: Vec<Vec<Span>> = frames.iter().map(|(frame, _)| columns(frame)).collect();
        for (index, field) in schema.fields().iter().enumerate() {
            let pieces: Vec<_> = (0..3).map(|at| (frames[at].0.clone(), spans[at][index].clone())).collect();
            let seen = Seen::in_pieces(&pieces, skipped as u64);
            for validation in [Validation::Layout, Validation::Full] {
                let arrays = seen.build(field.data_type(), validation).unwrap();
                let mut hidden = skipped;
                let mut found = arrays.iter();
                for (_, whole) in &frames {
                    let from = hidden.min(whole.num_rows());
                    hidden -= from;
                    if from < whole.num_rows() {
                        let expected = whole.column(index).slice(from, whole.num_rows() - from);
                        assert_rows(std::slice::from_ref(found.next().unwrap()), &expected);
                    }
                }
                assert!(found.all(|array| skipped == all && array.is_empty()));
                *seen_rows.borrow_mut() += all - skipped;
            }
        }
    };
    runner(cases(48, 800))
        .run(&strategy, |(a, b, c, skipped)| {
            check([&a, &b, &c], skipped);
            Ok(())
        })
        .unwrap();
    assert!(*seen_rows.borrow() > 1000);
}

pub(super) fn numbers() -> RecordBatch {
    let values: arrow::array::Int64Array =
        (0..100).map(|row: i64| (row % 3 != 0 || row < 64).then_some(row)).collect();
    RecordBatch::try_from_iter([("x", std::sync::Arc::new(values) as ArrayRef)]).unwrap()
}

#[test]
fn nulls_stand_in_the_record_and_only_those_of_the_tail_are_counted() {
    let put = Put::new();
    let (frame, whole) = put.put("frame", &[numbers()]);
    let data_type = whole.column(0).data_type();
    let mut seen =
        Seen::cut(&frame, &columns(&frame)[0], data_type, Cut { rows: 200, skipped: 64, open: true });
    let nulls = |seen: &Seen| -> Vec<usize> {
        let arrays = seen.build(data_type, Validation::Layout).unwrap();
        arrays.iter().map(Array::null_count).collect()
    };
    let right = nulls(&seen);
    // A count that nobody who counts would find.
    seen.nodes()[0].nulls += 50;
    assert_eq!(nulls(&seen), [right[0] + 50, right[1]]);
}

#[test]
fn only_bytes_that_stand_behind_one_another_are_joined() {
    let put = Put::new();
    let (frame, whole) = put.put("frame", &[numbers()]);
    let values = &whole.column(0).to_data().buffers()[0].clone();
    let joined = |parts: &[(usize, Range<u64>)]| frame.joined(parts.iter().cloned());
    let bytes = joined(&[(1, 8..16), (1, 16..48)]).unwrap().unwrap();
    assert_eq!(bytes.as_ref(), &values[8..48]);
    assert_eq!(bytes.as_ref().as_ptr(), values[8..].as_ptr());
    assert!(joined(&[]).unwrap().unwrap().as_ref().is_empty());
    for apart in [[(1, 8..16), (1, 24..48)], [(1, 8..16), (1, 8..16)], [(0, 0..8), (1, 0..8)]] {
        assert!(joined(&apart).unwrap().is_none());
    }
    for outside in [[(1, 0..4801)], [(1, Range { start: 2, end: 1 })], [(2, 0..1)], [(1, u64::MAX..u64::MAX)]]
    {
        assert_eq!(joined(&outside).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn transaction_reads_a_frame_back_as_copies_that_stay() {
    let put = Put::new();
    let (frame, whole) = put.put("frame", &[numbers()]);
    let location =
        shmframe_segment::Location::new(Some(put.scratch.path()), "s", shmframe::Trust::default()).unwrap();
    drop(put.writer);
    let mut store = Store::open(&location, StoreOptions::default()).unwrap();
    let mut transaction = store.begin().unwrap();
    let records = transaction.frame_records("frame").unwrap().unwrap();
    let copies = transaction.copied(&records).unwrap();
    let (column, data_type) = (&columns(&frame)[0], whole.column(0).data_type());
    let arrays = shmframe_segment::build_column(&copies, 600, column, data_type, Validation::Full).unwrap();
    assert_rows(&arrays, whole.column(0));
    for_each_buffer(&arrays[0].to_data(), &mut |bytes| assert!(!frame.contains_address(bytes.as_ptr())));
    transaction.remove_frame("frame").unwrap();
    assert_eq!(transaction.copied(&records).unwrap_err().kind(), ErrorKind::InvalidArgument);
    drop(transaction);
    assert_rows(&arrays, whole.column(0));
}
