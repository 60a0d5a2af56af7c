//! Schemas.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, UnionMode};
use proptest::collection::{hash_map, hash_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

use crate::Kind;

/// How large the drawn things get.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The most columns of a schema.
    pub columns: usize,
    /// How many types deep a column may nest, besides dictionaries.
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

/// Draws a schema of all types, nested into each other, with metadata. Column names differ.
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

/// Whether an array of the type has a logical null in every row, or may not do without.
fn always_null(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null => true,
        DataType::Dictionary(_, values) => always_null(values),
        DataType::RunEndEncoded(_, values) => always_null(values.data_type()),
        DataType::Union(fields, _) => fields.iter().any(|(_, field)| always_null(field.data_type())),
        _ => false,
    }
}

fn metadata() -> impl Strategy<Value = HashMap<String, String>> {
    let text = || select(vec!["", "unit", "ARROW:extension:name", "größe", "x"]).prop_map(str::to_owned);
    prop_oneof![3 => Just(HashMap::new()), 1 => hash_map(text(), text(), 1..3)]
}

/// Draws a type that nests at most `depth` deep.
fn data_type(depth: u32) -> BoxedStrategy<DataType> {
    if depth == 0 {
        return prop_oneof![9 => simple(), 2 => dictionary(simple())].boxed();
    }
    let inner = || data_type(depth - 1);
    prop_oneof![
        9 => simple(),
        2 => dictionary(simple()),
        2 => dictionary(inner()),
        2 => fields(3, depth - 1).prop_map(DataType::Struct),
        5 => list(inner()),
        2 => map(inner(), inner()),
        3 => union(depth - 1),
        3 => runs(inner()),
    ]
    .boxed()
}

fn item(data_type: impl Strategy<Value = DataType>) -> impl Strategy<Value = FieldRef> {
    (select(vec!["item", "element", ""]), data_type, any::<bool>(), metadata()).prop_map(
        |(name, data_type, nullable, metadata)| {
            let nullable = nullable || always_null(&data_type);
            Arc::new(Field::new(name, data_type, nullable).with_metadata(metadata))
        },
    )
}

fn list(value: impl Strategy<Value = DataType>) -> impl Strategy<Value = DataType> {
    let kind = select(vec![Kind::List, Kind::LargeList, Kind::ListView, Kind::LargeListView]);
    let kind = prop_oneof![4 => kind, 1 => Just(Kind::FixedSizeList)];
    (kind, item(value), 0..4).prop_map(|(kind, field, size)| match kind {
        Kind::List => DataType::List(field),
        Kind::LargeList => DataType::LargeList(field),
        Kind::ListView => DataType::ListView(field),
        Kind::LargeListView => DataType::LargeListView(field),
        _ => DataType::FixedSizeList(field, size),
    })
}

fn map(
    key: impl Strategy<Value = DataType>,
    value: impl Strategy<Value = DataType>,
) -> impl Strategy<Value = DataType> {
    (key, item(value), any::<bool>()).prop_map(|(key, value, sorted)| {
        let key = if always_null(&key) { DataType::Utf8 } else { key };
        let entries = DataType::Struct(vec![Arc::new(Field::new("key", key, false)), value].into());
        DataType::Map(Arc::new(Field::new("entries", entries, false)), sorted)
    })
}

fn union(depth: u32) -> impl Strategy<Value = DataType> {
    let type_ids = hash_set(0..=127_i8, 3);
    let mode = select(vec![UnionMode::Sparse, UnionMode::Dense]);
    (fields(2, depth), item(simple()), type_ids, mode).prop_map(|(fields, more, type_ids, mode)| {
        // Rows need a field.
        let fields = fields.iter().cloned().chain([more]);
        DataType::Union(type_ids.into_iter().zip(fields).collect(), mode)
    })
}

fn runs(value: impl Strategy<Value = DataType>) -> impl Strategy<Value = DataType> {
    let ends = select(vec![DataType::Int16, DataType::Int32, DataType::Int64]);
    (ends, item(value))
        .prop_map(|(ends, values)| DataType::RunEndEncoded(Arc::new(Field::new("ends", ends, false)), values))
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
        .filter(|data_type| !data_type.is_nested() && !matches!(data_type, DataType::Dictionary(_, _)));
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
