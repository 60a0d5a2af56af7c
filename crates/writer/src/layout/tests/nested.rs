//! Types with children: what is gathered, what stays, and what is refused.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::*;
use shmframe_format::{Error, ErrorKind};

use super::rebuild::{batches_of, fill, round_trip, round_trip_arrays, round_trip_within, schema_of};
use crate::layout::Plan;
use crate::layout::planner::Limits;

fn item(data_type: DataType, nullable: bool) -> FieldRef {
    Arc::new(Field::new("item", data_type, nullable))
}

fn numbers(count: i32) -> ArrayRef {
    Arc::new(Int32Array::from_iter_values(0..count))
}

fn list(offsets: Vec<i32>, values: ArrayRef, nulls: Option<NullBuffer>) -> ArrayRef {
    let field = item(values.data_type().clone(), true);
    Arc::new(ListArray::new(field, OffsetBuffer::new(offsets.into()), values, nulls))
}

fn view(offsets: Vec<i32>, sizes: Vec<i32>, values: ArrayRef, nulls: Option<NullBuffer>) -> ArrayRef {
    let field = item(values.data_type().clone(), true);
    Arc::new(ListViewArray::new(field, offsets.into(), sizes.into(), values, nulls))
}

fn union(type_ids: Vec<i8>, offsets: Option<Vec<i32>>, children: Vec<ArrayRef>) -> ArrayRef {
    let fields = (0..).map(|id: i8| id * 60).zip(&children);
    let fields = fields.map(|(id, child)| (id, item(child.data_type().clone(), true))).collect();
    let offsets = offsets.map(ScalarBuffer::from);
    Arc::new(UnionArray::try_new(fields, type_ids.into(), offsets, children).unwrap())
}

fn runs(ends: &[i16], values: ArrayRef) -> ArrayRef {
    Arc::new(RunArray::<Int16Type>::try_new(&Int16Array::from(ends.to_vec()), &values).unwrap())
}

/// The lengths of the nodes of a column made of these arrays, which must come back.
fn lengths(arrays: &[ArrayRef]) -> Vec<u64> {
    round_trip_arrays(arrays);
    let (schema, batches) = batches_of(arrays);
    Plan::new(&schema, &batches).unwrap().nodes().iter().map(|node| node.length).collect()
}

fn refused_within(arrays: &[ArrayRef], offset: usize) -> Error {
    let (schema, batches) = batches_of(arrays);
    round_trip_within(&schema, &batches, &Limits { offset, ..Limits::ARROW }).unwrap_err()
}

#[test]
fn lists_keep_the_values_that_their_rows_cover() {
    let lists = list(vec![10, 12, 12, 20, 21], numbers(40), None);
    assert_eq!(lengths(std::slice::from_ref(&lists)), [4, 11]);
    assert_eq!(lengths(&[lists.slice(1, 2), lists.slice(3, 1), lists.slice(2, 0)]), [3, 9]);
    let (schema, batches) = batches_of(&[lists.slice(2, 2), lists.slice(0, 1)]);
    let plan = Plan::new(&schema, &batches).unwrap();
    let filled = fill(&plan, 1, 64);
    assert_eq!(Buffer::from(filled[0].as_slice()).typed_data::<i32>(), [0, 8, 9, 11]);
}

#[test]
fn null_list_keeps_the_values_that_it_covers() {
    let lists = list(vec![0, 2, 5, 6], numbers(6), Some(vec![true, false, true].into()));
    assert_eq!(lengths(&[lists]), [3, 6]);
}

#[test]
fn list_views_keep_only_what_valid_rows_refer_to() {
    let nulls = Some(vec![true, true, false, true, true].into());
    let views = view(vec![900, 0, 300, 5, 905], vec![10, 10, 99, 3, 10], numbers(1000), nulls);
    assert_eq!(lengths(std::slice::from_ref(&views)), [5, 10 + 15], "overlaps stay overlaps");
    assert_eq!(lengths(&[views.slice(2, 1)]), [1, 0]);
    assert_eq!(lengths(&[views.slice(3, 2), views.slice(1, 1)]), [3, 3 + 10 + 10]);
}

#[test]
fn dense_union_keeps_only_what_rows_refer_to() {
    let words: ArrayRef = Arc::new(StringArray::from_iter_values((0..500).map(|n| format!("word {n}"))));
    let array = union(vec![0, 60, 0, 60, 0], Some(vec![499, 8, 0, 8, 250]), vec![words, numbers(9)]);
    assert_eq!(lengths(std::slice::from_ref(&array)), [5, 3, 1], "the shared value stays shared");
    assert_eq!(lengths(&[array.slice(1, 1), array.slice(3, 2)]), [3, 1, 2]);
}

#[test]
fn sparse_union_is_cut_with_its_children() {
    let array = union(vec![0, 60, 60, 0], None, vec![numbers(4), Arc::new(NullArray::new(4))]);
    assert_eq!(lengths(&[array.slice(1, 3), array.slice(0, 1)]), [4, 4, 4]);
}

#[test]
fn runs_are_cut_and_counted_from_the_first_row() {
    let array = runs(&[3, 5, 10], numbers(3));
    assert_eq!(lengths(std::slice::from_ref(&array)), [10, 3, 3]);
    let pieces = [array.slice(4, 4), array.slice(1, 1), array.slice(7, 0), array.slice(2, 8)];
    assert_eq!(lengths(&pieces), [13, 6, 6]);
    let (schema, batches) = batches_of(&pieces);
    let plan = Plan::new(&schema, &batches).unwrap();
    let ends = Buffer::from(fill(&plan, 1, 64)[0].as_slice());
    assert_eq!(ends.typed_data::<i16>(), [1, 4, 5, 6, 8, 13]);
}

#[test]
fn run_ends_that_overflow_name_the_wider_types() {
    let array = runs(&[i16::MAX], numbers(1));
    round_trip_arrays(&[array.slice(0, 100), array.slice(0, i16::MAX as usize - 100)]);
    let (schema, batches) = batches_of(&[array.clone(), array.slice(0, 1)]);
    let error = Plan::new(&schema, &batches).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::CapacityExceeded);
    assert!(error.to_string().contains("field \"c\""), "{error}");
    assert!(error.report().remedy.contains("Int32"), "{error}");
}

#[test]
fn values_that_32_bit_offsets_cannot_reach_are_refused() {
    let lists = list(vec![0, 50], numbers(50), None);
    let views = view(vec![0], vec![50], numbers(50), None);
    let unions = union(vec![0; 50], Some((0..50).collect()), vec![numbers(50)]);
    for (array, remedy) in [(lists, "LargeList"), (views, "LargeListView"), (unions, "fewer rows")] {
        let error = refused_within(&[array.clone(), array.clone()], 99);
        assert_eq!(error.kind(), ErrorKind::CapacityExceeded);
        assert!(error.report().found.contains("100"), "{error}");
        assert!(error.report().remedy.contains(remedy), "{error}");
        let (schema, batches) = batches_of(&[array.clone(), array]);
        round_trip_within(&schema, &batches, &Limits { offset: 100, ..Limits::ARROW }).unwrap();
    }
}

#[test]
fn arrays_of_no_width_keep_their_rows() {
    let nulls = || Some(NullBuffer::from(vec![true, false, true]));
    let of_nothing = |nulls| {
        FixedSizeListArray::try_new_with_length(
            item(DataType::Utf8, true),
            0,
            new_empty_array(&DataType::Utf8),
            nulls,
            3,
        )
    };
    let empty_structs: ArrayRef = Arc::new(StructArray::new_empty_fields(3, nulls()));
    let arrays: [ArrayRef; 6] = [
        Arc::new(of_nothing(nulls()).unwrap()),
        Arc::new(of_nothing(None).unwrap()),
        list(vec![0, 2, 2, 3], empty_structs.clone(), nulls()),
        list(vec![0, 2, 2, 3], Arc::new(NullArray::new(3)), None),
        union(vec![0, 60, 0], None, vec![empty_structs, Arc::new(NullArray::new(3))]),
        runs(&[2, 3], Arc::new(NullArray::new(2))),
    ];
    for array in arrays {
        assert_eq!(round_trip_arrays(&[array.clone(), array.slice(1, 2), array.slice(3, 0)]).len(), 5);
        round_trip(&schema_of(array.data_type()), &[]);
    }
}

#[test]
fn union_without_fields_has_no_rows() {
    for offsets in [None, Some(ScalarBuffer::from(vec![]))] {
        let union = UnionArray::try_new(UnionFields::empty(), vec![].into(), offsets, vec![]).unwrap();
        let union = Arc::new(union) as ArrayRef;
        round_trip(&schema_of(union.data_type()), &[]);
        assert_eq!(round_trip_arrays(&[union.clone(), union]).len(), 0);
    }
}

#[test]
fn nulls_that_a_null_parent_hides_are_no_nulls() {
    let child: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None, Some(3), Some(4)]));
    let field = item(DataType::Int32, false);
    let nulls = |bits: &[bool]| Some(NullBuffer::from(bits));
    let hidden = nulls(&[true, false, true, true]);
    let structs = StructArray::new(vec![field.clone()].into(), vec![child.clone()], hidden);
    let pairs = FixedSizeListArray::new(field, 2, child, nulls(&[false, true]));
    for array in [Arc::new(structs) as ArrayRef, Arc::new(pairs)] {
        round_trip_arrays(&[array.slice(1, 1), array.clone(), array.slice(0, 1)]);
    }
}

#[test]
fn dictionaries_of_types_that_cannot_be_compared_are_merged_by_use() {
    let dictionary = || {
        let keys = Int8Array::from_iter_values(0..100);
        let words = Arc::new(StringArray::from_iter_values((0..100).map(|n| format!("{n}")))) as ArrayRef;
        let lists = list((0..=100).collect(), Arc::new(DictionaryArray::new(keys, words)), None);
        Arc::new(DictionaryArray::new(Int8Array::from_iter_values(0..100), lists)) as ArrayRef
    };
    let nan = |value: f64| {
        let values = list((0..=100).collect(), Arc::new(Float64Array::from(vec![value; 100])), None);
        Arc::new(DictionaryArray::new(Int8Array::from_iter_values(0..100), values)) as ArrayRef
    };
    // Equal, so shared; different and comparable; twice too many.
    assert_eq!(lengths(&[dictionary(), dictionary()])[1], 100);
    assert_eq!(lengths(&[nan(1.0), nan(2.0)])[1], 2);
    let other = |n: usize| dictionary().as_any_dictionary().values().slice(n, 100 - n);
    let shifted = Arc::new(DictionaryArray::new(Int8Array::from_iter_values(0..50), other(50))) as ArrayRef;
    assert_eq!(lengths(&[dictionary().slice(0, 20), shifted.slice(0, 30)])[1], 50);
}

#[test]
fn dictionaries_of_dictionaries_survive() {
    let inner = |words: [&str; 3]| {
        let words = Arc::new(StringArray::from_iter_values(words)) as ArrayRef;
        Arc::new(DictionaryArray::new(UInt8Array::from(vec![2, 0, 1, 1]), words)) as ArrayRef
    };
    let outer = |inner| {
        let keys = Int16Array::from(vec![Some(3), None, Some(0), Some(2)]);
        Arc::new(DictionaryArray::new(keys, inner)) as ArrayRef
    };
    let (a, b) = (outer(inner(["x", "y", "z"])), outer(inner(["p", "q", "x"])));
    assert_eq!(lengths(&[a.slice(1, 2), b, a]), [10, 8, 6]);
}
