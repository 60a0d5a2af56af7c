//! What can be special about a schema and its batches, besides the types.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Int32Type, SchemaRef};

use crate::children::children;

macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A property of a case that a property test must have met.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Shape {
            $($(#[$doc])* $name,)*
        }

        impl Shape {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

shapes! {
    /// A schema without columns.
    NoColumns,
    /// A schema with metadata.
    SchemaMetadata,
    /// A field with metadata.
    FieldMetadata,
    /// A schema without batches.
    NoBatches,
    /// Several batches.
    SeveralBatches,
    /// A batch without rows.
    NoRows,
    /// An array with nulls.
    Nulls,
    /// An array that has nulls only.
    NullsOnly,
    /// An array with a validity bitmap that has no nulls.
    ValidityWithoutNulls,
    /// An array whose validity does not begin at a byte.
    OddOffset,
    /// A struct in a struct.
    NestedStruct,
    /// A list in a list.
    NestedList,
    /// A dictionary of dictionaries.
    NestedDictionary,
    /// Lists whose first one does not begin with the first value.
    ListBehindValues,
    /// A null list that has values.
    NullListWithValues,
    /// Lists of a fixed size of no values.
    ListsOfNothing,
    /// List views that overlap.
    OverlappingViews,
    /// List views that stand in another order than their values.
    UnorderedViews,
    /// A dense union whose offsets do not ascend.
    UnorderedUnion,
    /// A dense union with values that no row uses.
    UnusedUnionValues,
    /// Runs that begin in the middle of one.
    CutRuns,
    /// A struct without fields.
    StructWithoutFields,
    /// A dictionary without values.
    EmptyDictionary,
    /// A dictionary with nulls among its values.
    NullsInDictionary,
    /// Two batches whose arrays share a dictionary.
    SharedDictionary,
    /// Two batches whose dictionaries differ.
    DifferentDictionaries,
}

/// What is special about these.
pub(crate) fn shapes(schema: &SchemaRef, batches: &[RecordBatch]) -> BTreeSet<Shape> {
    let mut found = BTreeSet::new();
    let mut note = |shape, there: bool| {
        if there {
            found.insert(shape);
        }
    };
    note(Shape::NoColumns, schema.fields().is_empty());
    note(Shape::SchemaMetadata, !schema.metadata().is_empty());
    note(Shape::FieldMetadata, schema.flattened_fields().iter().any(|field| !field.metadata().is_empty()));
    note(Shape::NoBatches, batches.is_empty());
    note(Shape::SeveralBatches, batches.len() > 1);
    note(Shape::NoRows, batches.iter().any(|batch| batch.num_rows() == 0));
    note(Shape::NestedStruct, schema.fields().iter().any(|field| nests(field)));
    for batch in batches {
        batch.columns().iter().for_each(|column| array_shapes(column, &mut note));
    }
    for pair in batches.windows(2) {
        for (one, other) in pair[0].columns().iter().zip(pair[1].columns()) {
            if let (Some(one), Some(other)) = (one.as_any_dictionary_opt(), other.as_any_dictionary_opt()) {
                note(Shape::SharedDictionary, Arc::ptr_eq(one.values(), other.values()));
                note(Shape::DifferentDictionaries, one.values() != other.values());
            }
        }
    }
    found
}

fn nests(field: &Field) -> bool {
    match field.data_type() {
        DataType::Struct(fields) => {
            fields.iter().any(|field| matches!(field.data_type(), DataType::Struct(_)))
        }
        _ => false,
    }
}

fn is_list(data_type: &DataType) -> bool {
    use DataType::{FixedSizeList, LargeList, LargeListView, List, ListView};
    matches!(data_type, List(_) | LargeList(_) | ListView(_) | LargeListView(_) | FixedSizeList(_, _))
}

fn array_shapes(array: &ArrayRef, note: &mut impl FnMut(Shape, bool)) {
    if let Some(nulls) = array.nulls() {
        note(Shape::Nulls, nulls.null_count() > 0);
        note(Shape::NullsOnly, nulls.null_count() > 0 && nulls.null_count() == array.len());
        note(Shape::ValidityWithoutNulls, nulls.null_count() == 0);
        note(Shape::OddOffset, nulls.null_count() > 0 && nulls.offset() % 8 != 0);
    }
    if let Some(parent) = array.as_struct_opt() {
        note(Shape::StructWithoutFields, parent.num_columns() == 0);
    }
    if let Some(dictionary) = array.as_any_dictionary_opt() {
        note(Shape::EmptyDictionary, dictionary.values().is_empty());
        note(Shape::NullsInDictionary, dictionary.values().null_count() > 0);
        note(Shape::NestedDictionary, dictionary.values().as_any_dictionary_opt().is_some());
    }
    if let Some(lists) = array.as_list_opt::<i32>() {
        let offsets = lists.value_offsets();
        note(Shape::ListBehindValues, offsets[0] > 0);
        let covers = |row: usize| lists.is_null(row) && lists.value_length(row) > 0;
        note(Shape::NullListWithValues, (0..lists.len()).any(covers));
    }
    note(
        Shape::NestedList,
        is_list(array.data_type()) && children(array).iter().any(|child| is_list(child.data_type())),
    );
    if let Some(lists) = array.as_fixed_size_list_opt() {
        note(Shape::ListsOfNothing, lists.value_length() == 0 && !lists.is_empty());
    }
    if let Some(views) = array.as_list_view_opt::<i32>() {
        let rows: Vec<_> = views.value_offsets().iter().zip(views.value_sizes()).collect();
        let pairs = || rows.windows(2).filter(|pair| *pair[0].1 > 0 && *pair[1].1 > 0);
        note(Shape::UnorderedViews, pairs().any(|pair| pair[1].0 < pair[0].0));
        let overlaps = |pair: &[(&i32, &i32)]| {
            pair[1].0 < &(pair[0].0 + pair[0].1) && pair[0].0 < &(pair[1].0 + pair[1].1)
        };
        note(Shape::OverlappingViews, pairs().any(overlaps));
    }
    if let Some(union) = array.as_union_opt()
        && let Some(offsets) = union.offsets()
    {
        let rows: Vec<_> = union.type_ids().iter().zip(offsets).collect();
        note(
            Shape::UnorderedUnion,
            rows.windows(2).any(|pair| pair[0].0 == pair[1].0 && pair[1].1 < pair[0].1),
        );
        let values: usize = children(array).iter().map(Array::len).sum();
        note(Shape::UnusedUnionValues, values > union.len());
    }
    if let Some(runs) = array.as_run_opt::<Int32Type>() {
        let begins = |end: &i32| *end as usize == runs.offset();
        note(Shape::CutRuns, runs.offset() > 0 && !runs.run_ends().values().iter().any(begins));
    }
    children(array).iter().for_each(|child| array_shapes(child, note));
}
