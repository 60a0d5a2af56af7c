//! Bitmaps: open words, words that a put left partial, and the first null.

use super::*;
use arrow::array::BooleanArray;

/// Numbers, and bits of which every third is null if there are to be nulls.
fn rows(first: usize, rows: usize, nulls: bool) -> RecordBatch {
    let bits: BooleanArray =
        (first..first + rows).map(|row| (!nulls || row % 3 != 0).then_some(row % 5 == 0)).collect();
    batch(vec![("n", numbers(rows)), ("b", Arc::new(bits))])
}

#[test]
fn open_words_travel_in_the_state_record_and_go_in_place_when_they_are_whole() {
    let mut frame = Frame::of(&rows(0, ROWS, true));
    let mut first = ROWS;
    let mut lengths = Vec::new();
    for added in [3, 60, 1, 64, 130, 63, 1, 1] {
        frame.append(&rows(first, added, true));
        first += added;
        let column = frame.last(1);
        let open = first % 64;
        for state in &column.states {
            assert_eq!(state.length as usize, first / 64 * 8, "whole words stand in place");
            assert_eq!(state.open_word >> open, 0, "nothing behind the last row");
        }
        let validity =
            (first - open..first).filter(|row| row % 3 != 0).map(|row| 1 << (row % 64)).sum::<u64>();
        assert_eq!(column.states[0].open_word, validity);
        lengths.push(open);
    }
    assert_eq!(lengths, [3, 63, 0, 0, 2, 1, 2, 3]);
    assert_eq!(frame.chunks(), 1);
}

#[test]
fn partial_word_after_a_put_begins_a_chunk_and_values_stay_one_run() {
    let mut frame = Frame::of(&rows(0, ROWS + 1, true));
    frame.append(&rows(ROWS + 1, 5, true));
    assert_eq!(frame.chunks(), 2);
    let (before, after) = (frame.column(0, 0), frame.column(1, 0));
    let value = |column: &Column| column.places.last().copied().unwrap();
    let length = before.states.last().unwrap().length;
    assert_eq!(value(&after).offset, value(&before).offset + length, "values go on at once");
    let bits = frame.column(1, 1);
    assert!(bits.places.iter().all(|place| place.offset.is_multiple_of(64)));
    for added in 0..70 {
        frame.append(&rows(ROWS + 6 + added, 1, true));
    }
    assert_eq!(frame.chunks(), 2, "it has no partial word of its own");
}

#[test]
fn partial_rows_without_bitmaps_go_on_in_their_chunk() {
    let mut frame = Frame::of(&batch(vec![("n", numbers(ROWS + 1))]));
    frame.append(&batch(vec![("n", numbers(5))]));
    assert_eq!(frame.chunks(), 1);
}

#[test]
fn first_null_begins_one_chunk_with_all_bitmaps() {
    let nullable = |nulls: [&[bool]; 3]| {
        let names = ["a", "b", "c"].into_iter();
        batch(names.zip(nulls).map(|(name, nulls)| (name, number(&DataType::Int64, nulls))).collect())
    };
    let none = vec![false; ROWS];
    let mut frame = Frame::of(&nullable([&none, &none, &none]));
    frame.append(&nullable([&[false], &[false], &[false]]));
    assert_eq!(frame.chunks(), 1);
    frame.append(&nullable([&[false], &[true], &[false]]));
    assert_eq!(frame.chunks(), 2);
    for column in 0..3 {
        assert_eq!(frame.last(column).nodes[0].validity, 1);
    }
    frame.append(&nullable([&[true], &[false], &[false]]));
    frame.append(&nullable([&[false; 100], &[true; 100], &[true; 100]]));
    assert_eq!(frame.chunks(), 2, "another column's first null begins no chunk");
    assert_eq!((0..3).map(|column| frame.last(column).nodes[0].nulls).collect::<Vec<_>>(), [1, 101, 100]);
}

#[test]
fn small_frames_are_written_anew_as_one_chunk() {
    let mut frame = Frame::of(&rows(0, 1, false));
    let generation = frame.records().state().generation;
    for first in 1..200 {
        frame.append(&rows(first, 1, true));
        assert_eq!(frame.chunks(), 1);
    }
    assert_eq!(frame.records().state().generation, generation, "it is the same frame");
    let before = frame.last(0);
    frame.append(&rows(200, ROWS, true));
    assert_eq!(frame.chunks(), 1);
    assert_ne!(frame.last(0).places, before.places);
    let large = frame.last(0);
    frame.append(&rows(200 + ROWS, 24, true));
    frame.append(&rows(224 + ROWS, 1, true));
    let end = |column: &Column| column.places.last().map(|place| place.offset + place.capacity);
    assert_eq!(end(&frame.last(0)), end(&large), "numbers stay in one run");
}
