//! Strings and views: offsets, bytes and data buffers.

use super::*;
use arrow::array::{BinaryViewArray, LargeStringArray, StringArray, StringViewArray, StringViewBuilder};

/// Strings of several types, each so long.
fn rows(rows: usize, length: usize) -> RecordBatch {
    let values: Vec<Option<String>> =
        (0..rows).map(|row| (row % 7 != 3).then(|| format!("{row:0>length$}"))).collect();
    batch(vec![
        ("narrow", Arc::new(StringArray::from(values.clone()))),
        ("wide", Arc::new(LargeStringArray::from(values.clone()))),
        ("view", Arc::new(StringViewArray::from(values.iter().map(|v| v.as_deref()).collect::<Vec<_>>()))),
        (
            "bytes",
            Arc::new(BinaryViewArray::from(
                values.iter().map(|v| v.as_ref().map(String::as_bytes)).collect::<Vec<_>>(),
            )),
        ),
    ])
}

#[test]
fn offsets_go_on_behind_the_last_one_and_bytes_behind_the_last_byte() {
    let mut frame = Frame::of(&rows(6400, 20));
    let before: Vec<_> = (0..4).map(|column| frame.last(column)).collect();
    frame.append(&rows(3, 30));
    frame.append(&rows(100, 5));
    assert_eq!(frame.chunks(), 1);
    for (column, before) in before.iter().enumerate() {
        let after = frame.last(column);
        assert_eq!(after.places, before.places, "nothing moves");
    }
    let offsets = frame.last(0).states[1].length;
    assert_eq!(offsets, (6400 + 103 + 1) * 4);
}

#[test]
fn offsets_that_would_overflow_begin_new_bytes_in_the_same_run() {
    let limits = Limits { offset: 200_000, ..Limits::ARROW };
    let mut frame = Frame::within(&rows(6400, 20), limits, StoreOptions::default().capacity);
    for _ in 0..8 {
        frame.append(&rows(1000, 20));
        assert!(frame.last(0).states[2].length <= 200_000);
    }
    assert_eq!(frame.chunks(), 2);
    let (first, second) = (frame.column(0, 0), frame.column(1, 0));
    let end = |column: &Column, buffer: usize| {
        let place = column.places[buffer];
        place.offset + place.capacity
    };
    assert_eq!(end(&first, 2), end(&second, 2));
    let (wide, went_on) = (frame.column(0, 1), frame.column(1, 1));
    assert_eq!(wide.places[2], went_on.places[2], "64-bit offsets go on in the same bytes");
    assert_eq!(
        wide.places[1].offset + wide.states[1].length - 8,
        went_on.places[1].offset,
        "and share the last one"
    );
}

#[test]
fn rows_that_alone_overflow_are_an_error_and_change_nothing() {
    let limits = Limits { offset: 200_000, ..Limits::ARROW };
    let mut frame = Frame::within(&rows(6400, 20), limits, StoreOptions::default().capacity);
    let error = frame.stage(&rows(20_000, 20), |_| panic!("it fails before")).unwrap_err();
    assert_eq!(error.kind(), shmframe_format::ErrorKind::CapacityExceeded);
    frame.check();
    frame.append(&rows(10, 20));
}

#[test]
fn views_go_on_in_their_last_data_buffer_while_it_may_be_longer() {
    let limits = Limits { view_data: 300_000, ..Limits::ARROW };
    let mut frame = Frame::within(&rows(6400, 4), limits, StoreOptions::default().capacity);
    assert_eq!(frame.last(2).places.len(), 2, "all values stand in their views");
    let mut counts = Vec::new();
    for _ in 0..12 {
        frame.append(&rows(1000, 80));
        counts.push(frame.last(2).places.len() - 2);
    }
    assert_eq!(frame.chunks(), 1);
    assert_eq!(counts, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
}

#[test]
fn data_buffers_that_views_share_are_joined_behind_the_last_one() {
    let mut builder = StringViewBuilder::new().with_fixed_block_size(64);
    ["first ", "second ", "third "].iter().for_each(|word| builder.append_value(word.repeat(7)));
    let words = builder.finish();
    assert!(words.data_buffers().len() > 1);
    let again: arrow::array::UInt32Array = (0..300).map(|row| row % 3).collect();
    let shared = arrow::compute::take(&words, &again, None).unwrap();
    let rows = |count: usize, views: ArrayRef| batch(vec![("n", numbers(count)), ("v", views)]);
    let long = StringViewArray::from(vec!["a value that is too long for its view"; ROWS]);
    let mut frame = Frame::of(&rows(ROWS, Arc::new(long)));
    let data = frame.last(1).states[1].length;
    for times in 1..4 {
        frame.append(&rows(300, Arc::clone(&shared)));
        let column = frame.last(1);
        assert_eq!(column.places.len(), 2);
        let joined: usize = words.data_buffers().iter().map(arrow::buffer::Buffer::len).sum();
        assert_eq!(
            column.states[1].length,
            data + times * joined as u64,
            "each is stored once for each append"
        );
    }
}
