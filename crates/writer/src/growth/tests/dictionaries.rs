//! Growing dictionaries: keys, values, and what the writer knows of them.

use super::*;
use arrow::array::{DictionaryArray, Int32Array, StringArray};
use arrow::datatypes::{Int8Type, Int32Type};

/// Rows that name these values; none is a null.
fn words(values: impl Iterator<Item = Option<u32>>) -> ArrayRef {
    let words: Vec<_> = values.map(|value| value.map(|value| format!("word {value}"))).collect();
    Arc::new(words.iter().map(Option::as_deref).collect::<DictionaryArray<Int32Type>>())
}

fn rows(values: impl Iterator<Item = Option<u32>> + Clone) -> RecordBatch {
    batch(vec![("n", numbers(values.clone().count())), ("d", words(values))])
}

#[test]
fn values_are_added_once_and_keys_go_on() {
    let mut frame = Frame::of(&rows((0..ROWS as u32).map(|row| Some(row % 10))));
    assert_eq!(frame.last(1).nodes[1].length, 10);
    frame.append(&rows([7, 3, 12, 12, 11, 0].into_iter().map(Some)));
    assert_eq!(frame.last(1).nodes[1].length, 12);
    frame.append(&rows([11, 12, 13].into_iter().map(Some)));
    assert_eq!(frame.last(1).nodes[1].length, 13);
    assert_eq!(frame.chunks(), 1);
    frame.append(&rows([Some(11), None, Some(20)].into_iter()));
    frame.append(&rows([None, Some(20)].into_iter()));
    assert_eq!((frame.chunks(), frame.last(1).nodes[1].length), (2, 14), "nulls stand in the keys");
}

#[test]
fn values_are_read_again_by_a_writer_that_does_not_know_them() {
    let mut frame = Frame::of(&rows((0..ROWS as u32).map(|row| Some(row % 10))));
    frame.append(&rows([10, 11].into_iter().map(Some)));
    frame.values.clear();
    frame.append(&rows([11, 5, 12].into_iter().map(Some)));
    assert_eq!(frame.last(1).nodes[1].length, 13);
}

#[test]
fn values_of_a_transaction_that_came_to_nothing_are_not_known() {
    let mut frame = Frame::of(&rows((0..ROWS as u32).map(|row| Some(row % 10))));
    frame.append(&rows([10].into_iter().map(Some)));
    frame.stage(&rows([11, 12].into_iter().map(Some)), |staging| drop(staging)).unwrap();
    frame.check();
    frame.append(&rows([12, 13].into_iter().map(Some)));
    frame.append(&rows([11, 12, 13].into_iter().map(Some)));
    assert_eq!(frame.last(1).nodes[1].length, 14);
}

#[test]
fn used_up_keys_begin_a_chunk_with_a_dictionary_of_its_own() {
    let keys = |values: std::ops::Range<i32>, rows: usize| -> ArrayRef {
        let keys = (0..rows).map(|row| (row % values.len()) as i8).collect::<Vec<_>>();
        let values = Arc::new(Int32Array::from_iter_values(values));
        Arc::new(DictionaryArray::<Int8Type>::new(keys.into(), values))
    };
    let rows = |values, count| batch(vec![("n", numbers(count)), ("d", keys(values, count))]);
    let mut frame = Frame::of(&rows(0..100, ROWS));
    frame.append(&rows(50..128, 200));
    assert_eq!((frame.chunks(), frame.last(1).nodes[1].length), (1, 128), "the last key is used");
    frame.append(&rows(100..130, 100));
    assert_eq!((frame.chunks(), frame.last(1).nodes[1].length), (2, 30));
    frame.append(&rows(0..98, 100));
    assert_eq!((frame.chunks(), frame.last(1).nodes[1].length), (2, 128));
    let (before, after) = (frame.column(0, 1), frame.column(1, 1));
    assert_eq!(
        before.places[0].offset + before.states[0].length,
        after.places[0].offset,
        "keys go on in their run"
    );
}

#[test]
fn values_with_nulls_are_kept_in_pieces_of_a_new_chunk() {
    let keys = |values: Vec<Option<&str>>| -> ArrayRef {
        let keys = (0..100).map(|row| row % values.len() as i32).collect::<Vec<_>>();
        Arc::new(DictionaryArray::<Int32Type>::new(keys.into(), Arc::new(StringArray::from(values))))
    };
    let rows = |values| batch(vec![("n", numbers(100)), ("d", keys(values))]);
    let mut frame = Frame::of(&batch(vec![
        ("n", numbers(ROWS)),
        ("d", words((0..ROWS as u32).map(|row| Some(row % 10)))),
    ]));
    frame.append(&rows(vec![Some("a"), None]));
    assert_eq!(frame.chunks(), 2);
    frame.append(&rows(vec![Some("b"), Some("c")]));
    frame.append(&rows(vec![None, Some("c")]));
    assert_eq!((frame.chunks(), frame.last(1).nodes[0].pieces), (2, 1));
}
