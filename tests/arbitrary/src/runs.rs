//! Run-end encoded arrays.

use arrow::array::*;
use arrow::datatypes::{DataType, FieldRef};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::arrays::array;

/// Runs that end with the last row or behind it.
pub(crate) fn runs(
    data_type: &DataType,
    ends: &FieldRef,
    values: &FieldRef,
    rows: usize,
    nullable: bool,
    most: usize,
) -> BoxedStrategy<ArrayRef> {
    let (data_type, ends, values) = (data_type.clone(), ends.data_type().clone(), values.clone());
    vec(1..6_usize, rows)
        .prop_flat_map(move |lengths| {
            let mut covered = Vec::new();
            for length in lengths {
                match covered.last() {
                    Some(end) if *end >= rows => break,
                    last => covered.push(last.unwrap_or(&0) + length),
                }
            }
            let ends = run_ends(&ends, &covered);
            let nullable = nullable && values.is_nullable();
            let values = array(values.data_type(), ends.len(), nullable, most);
            let data_type = data_type.clone();
            values.prop_map(move |values| {
                let data = ArrayData::builder(data_type.clone())
                    .len(rows)
                    .add_child_data(ends.to_data())
                    .add_child_data(values.to_data());
                make_array(data.build().expect("ends of values"))
            })
        })
        .boxed()
}

fn run_ends(data_type: &DataType, ends: &[usize]) -> ArrayRef {
    let ends = ends.iter().map(|end| *end as i64);
    match data_type {
        DataType::Int16 => std::sync::Arc::new(Int16Array::from_iter_values(ends.map(|end| end as i16))),
        DataType::Int32 => std::sync::Arc::new(Int32Array::from_iter_values(ends.map(|end| end as i32))),
        _ => std::sync::Arc::new(Int64Array::from_iter_values(ends)),
    }
}
