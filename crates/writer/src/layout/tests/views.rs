//! Where the long values of views go.

use std::sync::Arc;

use arrow::array::*;

use super::rebuild::{batches_of, fill, round_trip_arrays, round_trip_within};
use crate::layout::planner::{self, Limits};
use shmframe_format::ErrorKind;

fn long(n: usize) -> String {
    format!("a value longer than twelve bytes, number {n:05}")
}

const LONG: u64 = 46;

fn array(rows: usize) -> ArrayRef {
    Arc::new(StringViewArray::from_iter((0..rows).map(|n| match n % 4 {
        0 => None,
        1 => Some("short".to_owned()),
        _ => Some(long(n)),
    })))
}

fn small() -> Limits {
    Limits { view_data: 200, block_rows: 5, block_bytes: 100, ..Limits::ARROW }
}

#[test]
fn only_bytes_of_the_rows_that_are_left_are_kept() {
    let array = array(100);
    let (schema, batches) = batches_of(&[array.slice(5, 10), array.slice(40, 3)]);
    let plan = planner::plan(&schema, &batches, &Limits::ARROW).unwrap();
    let lengths: Vec<_> = plan.buffer_lengths().collect();
    assert_eq!(lengths, [2, 13 * 16, (5 + 1) * LONG]);
    round_trip_arrays(&[array.slice(5, 10), array.slice(40, 3)]);
}

#[test]
fn bytes_under_nulls_are_not_kept() {
    let full: StringViewArray = (0..4).map(|n| Some(long(n))).collect();
    let nulls = arrow::buffer::NullBuffer::from(vec![false, true, false, true]);
    let array: ArrayRef =
        Arc::new(StringViewArray::new(full.views().clone(), full.data_buffers().to_vec(), Some(nulls)));
    let (schema, batches) = batches_of(std::slice::from_ref(&array));
    let plan = planner::plan(&schema, &batches, &Limits::ARROW).unwrap();
    assert_eq!(plan.buffer_lengths().last(), Some(2 * LONG));
    round_trip_arrays(&[array]);
}

#[test]
fn short_values_need_no_data_buffer() {
    let array: ArrayRef = Arc::new(StringViewArray::from_iter_values(["a", "exactly12byt", ""]));
    let (schema, batches) = batches_of(&[array]);
    assert_eq!(planner::plan(&schema, &batches, &Limits::ARROW).unwrap().nodes()[0].buffer_count, 1);
}

#[test]
fn data_buffers_end_before_their_limit() {
    let array = array(60);
    let pieces = [array.clone(), array.slice(7, 21)];
    let (schema, batches) = batches_of(&pieces);
    let plan = planner::plan(&schema, &batches, &small()).unwrap();
    let data: Vec<_> = plan.buffer_lengths().skip(2).collect();
    assert!(data.len() > 5 && data.iter().all(|length| (1..=200).contains(length)), "{data:?}");
    assert_eq!(data.iter().sum::<u64>(), (30 + 11) * LONG);
    round_trip_within(&schema, &batches, &small()).unwrap();
}

#[test]
fn data_buffer_is_filled_to_its_limit_and_not_above() {
    let array: ArrayRef = Arc::new(StringViewArray::from_iter_values((0..4).map(long)));
    let (schema, batches) = batches_of(&[array]);
    for (view_data, expected) in [(2 * LONG, vec![2 * LONG; 2]), (2 * LONG - 1, vec![LONG; 4])] {
        let limits = Limits { view_data: view_data as usize, block_rows: 1, ..Limits::ARROW };
        let plan = planner::plan(&schema, &batches, &limits).unwrap();
        assert_eq!(plan.buffer_lengths().skip(1).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn rows_that_are_written_in_one_go_fit_their_data_buffer() {
    let limits = Limits { view_data: 100, block_rows: 50, block_bytes: 10_000, ..Limits::ARROW };
    let (schema, batches) = batches_of(&[array(60)]);
    round_trip_within(&schema, &batches, &limits).unwrap();
}

#[test]
fn value_longer_than_a_data_buffer_is_an_error() {
    let array: ArrayRef = Arc::new(StringViewArray::from_iter_values(["x".repeat(201)]));
    let (schema, batches) = batches_of(&[array]);
    let error = round_trip_within(&schema, &batches, &small()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CapacityExceeded);
    assert!(error.to_string().contains("field \"c\""), "{error}");
}

#[test]
fn shared_bytes_are_kept_as_they_are() {
    let one: StringViewArray = [Some("-"), Some(&long(1)), None, Some("short")].into_iter().collect();
    let views: Vec<u128> = (0..400).map(|row| one.views()[row % 4]).collect();
    let nulls = arrow::buffer::NullBuffer::from_iter((0..400).map(|row| row % 4 != 2));
    let repeated = StringViewArray::new(views.into(), one.data_buffers().to_vec(), Some(nulls)).slice(3, 300);
    let other: ArrayRef = Arc::new(StringViewArray::from_iter_values([long(7), long(8)]));
    let pieces = [other.clone(), Arc::new(repeated.clone()) as ArrayRef, other, Arc::new(repeated)];
    let (schema, batches) = batches_of(&pieces);
    let plan = planner::plan(&schema, &batches, &Limits::ARROW).unwrap();
    let data: Vec<_> = plan.buffer_lengths().skip(2).collect();
    assert_eq!(data, [2 * LONG, LONG], "each buffer once, although four pieces have them");
    fill(&plan, 1, 64);
    round_trip_arrays(&pieces);
}

#[test]
fn batches_that_overlap_keep_their_buffers_once() {
    let values: Vec<_> = (0..40).map(long).collect();
    let array: ArrayRef = Arc::new(StringViewArray::from_iter_values(values));
    let pieces = [array.slice(0, 30), array.slice(5, 35)];
    let (schema, batches) = batches_of(&pieces);
    let plan = planner::plan(&schema, &batches, &Limits::ARROW).unwrap();
    assert_eq!(plan.buffer_lengths().skip(1).sum::<u64>(), 40 * LONG);
    round_trip_arrays(&pieces);
}

#[test]
fn shared_bytes_are_copied_when_their_buffer_is_too_long_to_keep() {
    let text = long(1).repeat(6);
    let mut builder = StringViewBuilder::new();
    let block = builder.append_block(arrow::buffer::Buffer::from(text.as_bytes()));
    for _ in 0..20 {
        builder.try_append_view(block, 3, 100).unwrap();
    }
    let array: ArrayRef = Arc::new(builder.finish());
    let (schema, batches) = batches_of(&[array]);
    let plan = planner::plan(&schema, &batches, &small()).unwrap();
    assert!(plan.buffer_lengths().skip(1).all(|length| length <= 200));
    assert_eq!(plan.buffer_lengths().skip(1).sum::<u64>(), 2000);
    round_trip_within(&schema, &batches, &small()).unwrap();
}
