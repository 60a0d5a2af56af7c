//! Arrays of unions.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::UnionFields;
use proptest::prelude::*;

use crate::arrays::{array, numbers};

/// Sparse ones.
pub(crate) fn sparse(
    fields: &UnionFields,
    rows: usize,
    nullable: bool,
    most: usize,
) -> BoxedStrategy<ArrayRef> {
    let fields = fields.clone();
    let lengths = vec![rows; fields.len()];
    (numbers(rows), children(&fields, &lengths, nullable, most))
        .prop_map(move |(numbers, children)| {
            let type_ids = type_ids(&fields, &numbers);
            let union = UnionArray::try_new(fields.clone(), type_ids, None, children);
            Arc::new(union.expect("type ids of fields")) as ArrayRef
        })
        .boxed()
}

/// Dense ones, whose children are as long as they must be or longer: each value used once and in order, or any.
pub(crate) fn dense(
    fields: &UnionFields,
    rows: usize,
    nullable: bool,
    most: usize,
) -> BoxedStrategy<ArrayRef> {
    let fields = fields.clone();
    (numbers(rows), any::<bool>(), 0..6_usize)
        .prop_flat_map(move |(numbers, ordered, more)| {
            let type_ids = type_ids(&fields, &numbers);
            let lengths: Vec<_> = fields
                .iter()
                .map(|(type_id, _)| more + type_ids.iter().filter(|id| **id == type_id).count())
                .collect();
            let mut next = vec![more / 2; 128];
            let offset = |(type_id, number): (&i8, &u64)| {
                let place = fields.iter().position(|(id, _)| id == *type_id).expect("a field");
                let at = &mut next[*type_id as usize];
                *at += 1;
                if ordered { (*at - 1) as i32 } else { ((number >> 8) % lengths[place] as u64) as i32 }
            };
            let offsets: ScalarBuffer<i32> = type_ids.iter().zip(&numbers).map(offset).collect();
            let fields = fields.clone();
            children(&fields, &lengths, nullable, most).prop_map(move |children| {
                let union =
                    UnionArray::try_new(fields.clone(), type_ids.clone(), Some(offsets.clone()), children);
                Arc::new(union.expect("offsets of values")) as ArrayRef
            })
        })
        .boxed()
}

fn type_ids(fields: &UnionFields, numbers: &[u64]) -> ScalarBuffer<i8> {
    let ids: Vec<i8> = fields.iter().map(|(type_id, _)| type_id).collect();
    numbers.iter().map(|number| ids[*number as usize % ids.len()]).collect()
}

fn children(
    fields: &UnionFields,
    lengths: &[usize],
    nullable: bool,
    most: usize,
) -> Vec<BoxedStrategy<ArrayRef>> {
    let fields = fields.iter().zip(lengths);
    let child = |((_, field), length): ((i8, &arrow::datatypes::FieldRef), &usize)| {
        array(field.data_type(), *length, nullable && field.is_nullable(), most)
    };
    fields.map(child).collect()
}
