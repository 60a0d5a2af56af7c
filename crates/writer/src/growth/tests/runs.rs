//! Runs that are used up, and how much room there is.

use super::*;
use arrow::array::StringArray;

#[test]
fn used_up_run_begins_a_chunk_with_a_longer_one_while_the_others_go_on() {
    let text = |rows: usize, length: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..rows).map(|_| "x".repeat(length))))
    };
    let rows = |count: usize, length: usize| batch(vec![("n", numbers(count)), ("s", text(count, length))]);
    let mut frame = Frame::within(&rows(ROWS, 2), Limits::ARROW, 64 << 20);
    let first = (frame.last(0), frame.last(1));
    let mut runs = vec![first.1.places[1].capacity];
    for _ in 0..100 {
        frame.append(&rows(1000, 50));
        let run = frame.last(1).places[1].capacity;
        if run != *runs.last().unwrap() {
            runs.push(run);
        }
    }
    assert_eq!(frame.chunks(), runs.len());
    assert!(runs.len() > 1 && runs.len() < 8, "{runs:?}");
    assert!(runs.is_sorted(), "{runs:?}");
    let numbers = (frame.last(0).places[0], first.0.places[0]);
    assert_eq!(
        numbers.0.offset + numbers.0.capacity,
        numbers.1.offset + numbers.1.capacity,
        "one run of numbers"
    );
}

#[test]
fn frame_that_found_no_room_still_grows_in_few_chunks() {
    // The put takes most of what there is.
    let mut frame = Frame::within(&batch(vec![("n", numbers(400_000))]), Limits::ARROW, 16 << 20);
    for _ in 0..60 {
        frame.append(&batch(vec![("n", numbers(1000))]));
    }
    assert!(frame.chunks() < 10, "{}", frame.chunks());
}

#[test]
fn columns_of_a_put_share_the_room_by_their_bytes_for_each_row() {
    let bytes = arrow::compute::cast(&Int64Array::from(vec![1; ROWS * 4]), &DataType::Int8).unwrap();
    let mut frame = Frame::of(&batch(vec![("n", numbers(ROWS * 4)), ("b", bytes)]));
    let rows = |column: Column, width: u64| column.places[0].capacity / width;
    let (wide, narrow) = (rows(frame.last(0), 8), rows(frame.last(1), 1));
    assert!(wide.abs_diff(narrow) < 4096, "{wide} and {narrow}");
    assert!(wide > 64 << 20, "{wide}");
}

#[test]
fn twenty_columns_stay_in_one_run_up_to_64_million_rows() {
    let columns: Vec<_> = (0..20).map(|_| ("n", numbers(ROWS))).collect();
    let mut frame = Frame::of(&batch(columns));
    for column in 0..20 {
        assert!(frame.last(column).places[0].capacity / 8 > 64 << 20);
    }
}

#[test]
fn another_writer_goes_on_in_the_runs_that_it_finds() {
    let words = |rows: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..rows).map(|row| row.to_string())))
    };
    let rows = |count: usize| batch(vec![("n", numbers(count)), ("s", words(count))]);
    let mut frame = Frame::of(&rows(ROWS));
    let before = frame.last(1).places;
    for _ in 0..3 {
        frame.append(&rows(1000));
        frame.reopen();
        frame.check();
        frame.append(&rows(7));
    }
    assert_eq!(frame.chunks(), 1);
    assert_eq!(frame.last(1).places, before, "nothing moved");
}
