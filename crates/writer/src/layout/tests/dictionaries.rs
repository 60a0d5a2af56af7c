//! One dictionary from many.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::*;
use shmframe_format::ErrorKind;

use super::rebuild::{batches_of, round_trip, round_trip_arrays, round_trip_within};
use crate::layout::Plan;
use crate::layout::planner::Limits;

fn encoded<K: ArrowDictionaryKeyType>(words: impl IntoIterator<Item = Option<String>>) -> ArrayRef {
    let mut builder = StringDictionaryBuilder::<K>::new();
    words.into_iter().for_each(|word| builder.append_option(word));
    Arc::new(builder.finish())
}

fn numbered(range: std::ops::Range<usize>) -> impl Iterator<Item = Option<String>> {
    range.map(|n| (n % 10 != 9).then(|| format!("value {n}")))
}

fn values_of(array: &ArrayRef) -> usize {
    array.as_any_dictionary().values().len()
}

#[test]
fn slices_of_one_dictionary_share_it() {
    let array = encoded::<Int8Type>(numbered(0..50));
    let found = round_trip_arrays(&[array.slice(3, 20), array.slice(40, 10), array.slice(0, 1)]);
    assert_eq!(values_of(&found), 45);
}

#[test]
fn equal_dictionaries_are_shared() {
    let arrays = [0, 1, 2].map(|_| encoded::<Int8Type>(numbered(0..50)));
    assert_eq!(values_of(&round_trip_arrays(&arrays)), 45);
}

#[test]
fn dictionaries_that_alternate_are_each_kept_once() {
    let (a, b) = (encoded::<Int8Type>(numbered(0..20)), encoded::<Int8Type>(numbered(30..55)));
    let found = round_trip_arrays(&[a.clone(), b.clone(), a.slice(5, 9), b, a]);
    assert_eq!(values_of(&found), 18 + 23);
}

#[test]
fn different_dictionaries_stand_behind_each_other() {
    let arrays = [0, 40, 80].map(|first| encoded::<UInt16Type>(numbered(first..first + 43)));
    assert_eq!(values_of(&round_trip_arrays(&arrays)), 3 * 39);
}

#[test]
fn more_different_dictionaries_than_are_compared_survive() {
    let arrays: Vec<_> = (0..60).map(|n| encoded::<Int32Type>(numbered(n % 20..n % 20 + 5))).collect();
    round_trip_arrays(&arrays);
}

#[test]
fn one_of_the_last_dictionaries_is_found_again_behind_many() {
    let firsts = (0..40).chain([35, 39, 38]);
    let arrays: Vec<_> = firsts.map(|n| encoded::<Int32Type>(numbered(n * 10..n * 10 + 5))).collect();
    assert_eq!(values_of(&round_trip_arrays(&arrays)), 40 * 5);
}

#[test]
fn dictionaries_that_just_fit_their_keys_are_not_merged() {
    let array =
        |first: usize| encoded::<Int8Type>((first..first + 64).map(|n| Some(format!("{n}")))).slice(0, 9);
    assert_eq!(values_of(&round_trip_arrays(&[array(0), array(64)])), 128);
}

#[test]
fn dictionaries_that_overflow_their_keys_are_merged() {
    // 12 x 100 values, but only 128 different ones: every key of an Int8 is needed.
    let words = |step: usize| (0..100).map(move |n| Some(format!("value {}", (n * step) % 128)));
    let arrays: Vec<_> = (1..13).map(|step| encoded::<Int8Type>(words(step * 2 + 1))).collect();
    assert_eq!(values_of(&round_trip_arrays(&arrays)), 128);
}

#[test]
fn merged_dictionaries_hold_only_values_that_rows_use() {
    let arrays: Vec<_> =
        (0..4).map(|n| encoded::<UInt8Type>(numbered(n * 90..n * 90 + 90)).slice(7, 11)).collect();
    assert_eq!(values_of(&round_trip_arrays(&arrays)), 4 * 10);
}

#[test]
fn dictionaries_of_numbers_views_and_structs_are_merged() {
    let numbers =
        |n: i64| Arc::new(Int64Array::from_iter((0..100).map(|i| (i > 3).then_some(i + n)))) as ArrayRef;
    let views = |n: i64| {
        Arc::new(StringViewArray::from_iter_values(
            (0..100).map(|i| format!("a long enough value {}", i + n)),
        )) as ArrayRef
    };
    let booleans =
        |n: i64| Arc::new(BooleanArray::from_iter((0..100).map(|i| Some((i + n) % 3 == 0)))) as ArrayRef;
    let structs = |n: i64| {
        let field = Arc::new(Field::new("x", DataType::Int64, true));
        Arc::new(StructArray::from(vec![(field, numbers(n))])) as ArrayRef
    };
    let makers: [&dyn Fn(i64) -> ArrayRef; 4] = [&numbers, &views, &booleans, &structs];
    for make in makers {
        let keys = Int8Array::from_iter((0..100).map(|key| (key % 7 != 0).then_some(key)));
        let array = |n| Arc::new(DictionaryArray::new(keys.clone(), make(n))) as ArrayRef;
        let found = round_trip_arrays(&[array(0), array(5), array(9)]);
        assert!(values_of(&found) <= 128);
    }
}

#[test]
fn more_values_than_keys_is_an_error() {
    let words = |first: usize| (first..first + 100).map(|n| Some(format!("value {n}")));
    let (schema, batches) = batches_of(&[encoded::<Int8Type>(words(0)), encoded::<Int8Type>(words(29))]);
    let error = round_trip_within(&schema, &batches, &Limits::ARROW).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CapacityExceeded);
    assert!(error.to_string().contains("field \"c\""), "{error}");
    assert!(error.report().remedy.contains("wider keys"), "{error}");
    // One fewer fits.
    round_trip_arrays(&[encoded::<Int8Type>(words(0)), encoded::<Int8Type>(words(28))]);
}

#[test]
fn keys_under_nulls_may_be_anything() {
    let keys = |wild: i8| {
        let nulls = arrow::buffer::NullBuffer::from(vec![true, false, true, false]);
        Int8Array::new(ScalarBuffer::from(vec![1, wild, 0, -wild]), Some(nulls))
    };
    let values = |n: usize| Arc::new((0..100).map(|i| Some(format!("{}", i + n))).collect::<StringArray>());
    let array = |wild, n| Arc::new(DictionaryArray::new(keys(wild), values(n))) as ArrayRef;
    round_trip_arrays(&[array(127, 0)]);
    round_trip_arrays(&[array(127, 0), array(-1, 0)]);
    let small = |wild, n| {
        let values = Arc::new(StringArray::from(vec![format!("{n}"), format!("{}", n + 1)]));
        Arc::new(DictionaryArray::new(keys(wild), values)) as ArrayRef
    };
    round_trip_arrays(&[small(127, 0), small(101, 1)]);
    round_trip_arrays(&[array(127, 0), array(-128 + 1, 1)]);
}

#[test]
fn nulls_among_the_values_stay_there() {
    let values = Arc::new(StringArray::from(vec![Some("a"), None, Some("b")]));
    let keys = Int32Array::from(vec![Some(1), Some(0), None, Some(2)]);
    let array: ArrayRef = Arc::new(DictionaryArray::new(keys, values));
    let (schema, batches) = batches_of(&[array]);
    let plan = Plan::new(&schema, &batches).unwrap();
    assert_eq!(plan.nodes().iter().map(|node| node.null_count).collect::<Vec<_>>(), [1, 1]);
    round_trip(&schema, &batches);
}

#[test]
fn ordered_dictionaries_must_be_equal() {
    let array = |first: usize| encoded::<Int8Type>(numbered(first..first + 9));
    let (schema, _) = batches_of(&[array(0)]);
    let field = schema.field(0).clone().with_dict_is_ordered(true);
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = |first| RecordBatch::try_new(schema.clone(), vec![array(first)]).unwrap();
    round_trip(&schema, &[batch(0), batch(0)]);
    let error = round_trip_within(&schema, &[batch(0), batch(1)], &Limits::ARROW).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
    assert!(error.to_string().contains("order"), "{error}");
}

#[test]
fn ordered_dictionaries_that_grow_are_the_longest_one() {
    let encoded = |count| encoded::<Int8Type>((0..count).map(|n| Some(format!("value {n}"))));
    let arrays = [encoded(3), encoded(0), encoded(7), encoded(5).slice(2, 2)];
    let field = Field::new("c", arrays[0].data_type().clone(), true).with_dict_is_ordered(true);
    let schema = Arc::new(Schema::new(vec![field]));
    let batches = arrays.map(|array| RecordBatch::try_new(schema.clone(), vec![array]).unwrap());
    assert_eq!(values_of(round_trip(&schema, &batches).column(0)), 7);
}
