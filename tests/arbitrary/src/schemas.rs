//! Schemas.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

use crate::Kind;

/// How large the drawn things get.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The most columns of a schema.
    pub columns: usize,
    /// How many structs deep a column may be.
    pub depth: u32,
    /// The most batches.
    pub batches: usize,
    /// The most rows of a batch.
    pub rows: usize,
    /// The most values of a dictionary; five different ones must fit 8-bit keys.
    pub dictionary: usize,
}

impl Default for Limits {
    /// Small enough for hundreds of cases in a second or two, with bitmaps of more than one 64-bit word.
    fn default() -> Self {
        Self { columns: 6, depth: 2, batches: 5, rows: 90, dictionary: 20 }
    }
}

/// A schema with a nullable column of each [`Kind`], named after it.
#[must_use]
pub fn every_kind() -> SchemaRef {
    let field = |kind: &Kind| Field::new(format!("{kind:?}"), kind.example(), true);
    Arc::new(Schema::new(Kind::ALL.iter().map(field).collect::<Vec<_>>()))
}

/// Draws a schema of supported types, nested ones too, with metadata. Column names differ.
pub fn schema(limits: &Limits) -> impl Strategy<Value = SchemaRef> + use<> {
    (fields(limits.columns, limits.depth), metadata())
        .prop_map(|(fields, metadata)| Arc::new(Schema::new(fields).with_metadata(metadata)))
}

fn fields(most: usize, depth: u32) -> impl Strategy<Value = Fields> + use<> {
    let name = select(vec!["c", "", "naïve ", "a.b ", "列"]);
    let field = (name, data_type(depth), any::<bool>(), metadata());
    vec(field, 0..=most).prop_map(|drawn| {
        let numbered = drawn.into_iter().enumerate();
        let field = numbered.map(|(index, (name, data_type, nullable, metadata))| {
            let nullable = nullable || always_null(&data_type);
            Field::new(format!("{name}{index}"), data_type, nullable).with_metadata(metadata)
        });
        field.collect()
    })
}

fn always_null(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null => true,
        DataType::Dictionary(_, values) => always_null(values),
        _ => false,
    }
}

fn metadata() -> impl Strategy<Value = HashMap<String, String>> {
    let text = || select(vec!["", "unit", "ARROW:extension:name", "größe", "x"]).prop_map(str::to_owned);
    prop_oneof![3 => Just(HashMap::new()), 1 => hash_map(text(), text(), 1..3)]
}

/// Draws a supported type that nests at most `depth` structs.
fn data_type(depth: u32) -> BoxedStrategy<DataType> {
    if depth == 0 {
        return prop_oneof![9 => simple(), 2 => dictionary(simple())].boxed();
    }
    let structure = || fields(3, depth - 1).prop_map(DataType::Struct);
    prop_oneof![
        9 => simple(),
        3 => dictionary(simple()),
        1 => dictionary(structure()),
        2 => structure(),
    ]
    .boxed()
}

fn dictionary(value: impl Strategy<Value = DataType>) -> impl Strategy<Value = DataType> {
    let keys = Kind::ALL.iter().map(|kind| kind.example()).filter(DataType::is_dictionary_key_type);
    (select(keys.collect::<Vec<_>>()), value)
        .prop_map(|(key, value)| DataType::Dictionary(Box::new(key), Box::new(value)))
}

/// Draws a type without children, with parameters other than the example's.
fn simple() -> impl Strategy<Value = DataType> {
    let simple = Kind::ALL
        .iter()
        .map(|kind| kind.example())
        .filter(|data_type| !matches!(data_type, DataType::Struct(_) | DataType::Dictionary(_, _)));
    let zones = vec!["UTC", "+00:30", "-11:00", "Asia/Kathmandu", "Antarctica/Troll"];
    (select(simple.collect::<Vec<_>>()), 1..=9_u8, -4..=4_i8, select(zones)).prop_map(
        |(data_type, precision, scale, zone)| {
            let scale = scale.min(precision as i8);
            match data_type {
                DataType::Decimal32(_, _) => DataType::Decimal32(precision, scale),
                DataType::Decimal64(_, _) => DataType::Decimal64(precision + 9, scale),
                DataType::Decimal128(_, _) => DataType::Decimal128(precision + 29, scale),
                DataType::Decimal256(_, _) => DataType::Decimal256(precision + 67, scale),
                DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(unit, Some(zone.into())),
                DataType::FixedSizeBinary(_) => DataType::FixedSizeBinary(i32::from(precision) * 3 - 3),
                other => other,
            }
        },
    )
}
