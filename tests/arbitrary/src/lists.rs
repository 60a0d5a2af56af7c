//! Arrays of lists, list views, maps and lists of a fixed size.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{Buffer, NullBuffer};
use arrow::datatypes::{DataType, FieldRef};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::arrays::{array, numbers, validity};

/// The most values of one list.
const MOST: usize = 4;

/// Lists or maps. Their values may begin before the first list and go on behind the last; null lists may have values.
pub(crate) fn list(
    data_type: &DataType,
    field: &FieldRef,
    rows: usize,
    nullable: bool,
    most: usize,
) -> BoxedStrategy<ArrayRef> {
    let (data_type, field) = (data_type.clone(), Arc::clone(field));
    (vec(0..MOST, rows), 0..3_usize, 0..3_usize, validity(rows, nullable))
        .prop_flat_map(move |(lengths, before, after, nulls)| {
            let mut offsets = vec![before];
            offsets.extend(lengths.iter().scan(before, |end, length| {
                *end += length;
                Some(*end)
            }));
            let values = array(field.data_type(), offsets[rows] + after, field.is_nullable(), most);
            let data_type = data_type.clone();
            values.prop_map(move |values| assemble(&data_type, rows, &[&offsets], &values, nulls.clone()))
        })
        .boxed()
}

/// List views: one behind the other, or anywhere among the values.
pub(crate) fn view(
    data_type: &DataType,
    field: &FieldRef,
    rows: usize,
    nullable: bool,
    most: usize,
) -> BoxedStrategy<ArrayRef> {
    let (data_type, field) = (data_type.clone(), Arc::clone(field));
    let spread = prop_oneof![1 => Just(None), 2 => (0..rows + 100).prop_map(Some)];
    (vec(0..MOST, rows), numbers(rows), spread, validity(rows, nullable))
        .prop_flat_map(move |(mut sizes, numbers, spread, nulls)| {
            let count = spread.unwrap_or_else(|| sizes.iter().sum());
            let mut end = 0;
            let mut offsets = Vec::with_capacity(sizes.len());
            for (size, number) in sizes.iter_mut().zip(&numbers) {
                let offset = if spread.is_some() { *number as usize % (count + 1) } else { end };
                *size = (*size).min(count - offset);
                end += *size;
                offsets.push(offset);
            }
            let values = array(field.data_type(), count, field.is_nullable(), most);
            let data_type = data_type.clone();
            values.prop_map(move |values| {
                assemble(&data_type, rows, &[&offsets, &sizes], &values, nulls.clone())
            })
        })
        .boxed()
}

fn assemble(
    data_type: &DataType,
    rows: usize,
    numbers: &[&[usize]],
    values: &ArrayRef,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let wide = matches!(data_type, DataType::LargeList(_) | DataType::LargeListView(_));
    let buffer = |numbers: &&[usize]| match wide {
        true => numbers.iter().map(|number| *number as i64).collect::<Buffer>(),
        false => numbers.iter().map(|number| *number as i32).collect::<Buffer>(),
    };
    let data = ArrayData::builder(data_type.clone())
        .len(rows)
        .buffers(numbers.iter().map(buffer).collect())
        .add_child_data(values.to_data())
        .nulls(nulls);
    make_array(data.build().expect("offsets of values"))
}

/// Lists of a fixed size.
pub(crate) fn fixed(
    field: &FieldRef,
    size: i32,
    rows: usize,
    nullable: bool,
    most: usize,
) -> BoxedStrategy<ArrayRef> {
    let field = Arc::clone(field);
    let values = array(field.data_type(), rows * size as usize, field.is_nullable(), most);
    (values, validity(rows, nullable))
        .prop_map(move |(values, nulls)| {
            let lists = FixedSizeListArray::try_new_with_length(field.clone(), size, values, nulls, rows);
            Arc::new(lists.expect("so many values")) as ArrayRef
        })
        .boxed()
}
