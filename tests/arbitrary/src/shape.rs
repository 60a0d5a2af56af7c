//! What can be special about a schema and its batches, besides the types.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, SchemaRef};

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

fn array_shapes(array: &ArrayRef, note: &mut impl FnMut(Shape, bool)) {
    if let Some(nulls) = array.nulls() {
        note(Shape::Nulls, nulls.null_count() > 0);
        note(Shape::NullsOnly, nulls.null_count() > 0 && nulls.null_count() == array.len());
        note(Shape::ValidityWithoutNulls, nulls.null_count() == 0);
        note(Shape::OddOffset, nulls.null_count() > 0 && nulls.offset() % 8 != 0);
    }
    if let Some(parent) = array.as_struct_opt() {
        note(Shape::StructWithoutFields, parent.num_columns() == 0);
        parent.columns().iter().for_each(|child| array_shapes(child, note));
    }
    if let Some(dictionary) = array.as_any_dictionary_opt() {
        note(Shape::EmptyDictionary, dictionary.values().is_empty());
        note(Shape::NullsInDictionary, dictionary.values().null_count() > 0);
        array_shapes(dictionary.values(), note);
    }
}
