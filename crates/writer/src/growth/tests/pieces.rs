//! Columns that do not grow in place.

use super::*;
use arrow::array::{DictionaryArray, FixedSizeListArray, Int8Array, ListArray, RunArray, StringArray};
use arrow::datatypes::{Int8Type, Int16Type, Int32Type};

fn lists(first: usize, rows: usize) -> ArrayRef {
    let list =
        |row: usize| (row % 5 != 4).then(|| (0..row % 4).map(|value| Some(value as i32)).collect::<Vec<_>>());
    Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>((first..first + rows).map(list)))
}

#[test]
fn there_are_few_pieces_and_each_row_is_copied_few_times() {
    let mut frame = Frame::of(&batch(vec![("n", numbers(ROWS)), ("l", lists(0, ROWS))]));
    let (mut most, mut first) = (0, ROWS);
    for _ in 0..300 {
        frame.append(&batch(vec![("n", numbers(3)), ("l", lists(first, 3))]));
        first += 3;
        let column = frame.last(1);
        assert_eq!((column.nodes[0].pieces, column.nodes[0].length), (1, first as u64));
        most = most.max(column.nodes[0].children);
    }
    assert_eq!(frame.chunks(), 1);
    assert!((3..12).contains(&most), "{most} pieces");
}

#[test]
fn pieces_that_cannot_be_merged_stay_apart() {
    let ordered = Field::new("o", DataType::Dictionary(DataType::Int8.into(), DataType::Utf8.into()), true)
        .with_dict_is_ordered(true);
    let runs = RunArray::<Int16Type>::try_new(&vec![30_000_i16].into(), &Int8Array::from(vec![1])).unwrap();
    let fields = vec![
        ordered,
        Field::new("r", runs.data_type().clone(), true),
        Field::new("n", DataType::Int64, true),
    ];
    let schema = Arc::new(Schema::new(fields));
    let rows = |words: Vec<&str>| {
        let keys = Int8Array::from(vec![0; 30_000]);
        let words = DictionaryArray::<Int8Type>::new(keys, Arc::new(StringArray::from(words)));
        batch_of(&schema, vec![Arc::new(words), Arc::new(runs.clone()), numbers(30_000)])
    };
    let mut frame = Frame::of(&rows(vec!["a", "b"]));
    for words in [vec!["b", "a"], vec!["c"], vec!["c", "d"]] {
        frame.append(&rows(words));
    }
    assert_eq!(frame.last(1).nodes[0].children, 4, "Int16 counts no further");
    assert_eq!(frame.chunks(), 1);
}

#[test]
fn nulls_in_a_list_of_a_fixed_size_begin_a_chunk_with_pieces() {
    let pairs = |rows: usize, null: bool| -> ArrayRef {
        let pair = |row: usize| Some(vec![Some(row as i32), (!null || !row.is_multiple_of(3)).then_some(1)]);
        Arc::new(FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>((0..rows).map(pair), 2))
    };
    let rows = |count: usize, null| batch(vec![("n", numbers(count)), ("p", pairs(count, null))]);
    let mut frame = Frame::of(&rows(ROWS, false));
    frame.append(&rows(7, false));
    assert_eq!((frame.chunks(), frame.last(1).nodes[0].pieces), (1, 0));
    frame.append(&rows(7, true));
    assert_eq!(frame.chunks(), 2);
    frame.append(&rows(7, false));
    frame.append(&rows(7, true));
    assert_eq!((frame.chunks(), frame.last(1).nodes[0].pieces), (2, 1));
    let (before, after) = (frame.column(0, 0), frame.column(1, 0));
    let value = |column: &Column| column.places.last().copied().unwrap();
    assert_eq!(value(&before).offset + before.states.last().unwrap().length, value(&after).offset);
}
