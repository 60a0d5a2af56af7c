//! What is refused, and what the refusal says.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::*;
use shmframe_format::{Error, ErrorKind};

use super::rebuild::{batches_of, round_trip_within, schema_of};
use crate::layout::Plan;
use crate::layout::planner::Limits;

fn refused(schema: Schema) -> Error {
    Plan::new(&Arc::new(schema), &[]).err().unwrap()
}

fn nested_in(data_type: DataType) -> Schema {
    let stop = DataType::Struct(vec![Field::new("at", data_type, true)].into());
    let trip =
        DataType::Struct(vec![Field::new("n", DataType::Int8, true), Field::new("stop", stop, true)].into());
    Schema::new(vec![Field::new("trip", trip, true)])
}

/// A map whose entries are these.
fn map(entries: DataType, nullable: bool) -> DataType {
    DataType::Map(Arc::new(Field::new("entries", entries, nullable)), false)
}

fn pairs(key_nullable: bool) -> DataType {
    let key = Field::new("k", DataType::Utf8, key_nullable);
    DataType::Struct(vec![key, Field::new("v", DataType::Utf8, true)].into())
}

fn runs(ends: DataType, nullable: bool) -> DataType {
    let ends = Arc::new(Field::new("run_ends", ends, nullable));
    DataType::RunEndEncoded(ends, Arc::new(Field::new("values", DataType::Utf8, true)))
}

/// Types that no array of Arrow's can have.
fn no_types() -> Vec<DataType> {
    let item = Arc::new(Field::new("item", DataType::Int32, true));
    let dictionary = |key| DataType::Dictionary(Box::new(key), Box::new(DataType::Utf8));
    vec![
        DataType::FixedSizeList(item, -1),
        DataType::FixedSizeBinary(-1),
        dictionary(DataType::Utf8),
        dictionary(DataType::Float32),
        map(pairs(false), true),
        map(pairs(true), false),
        map(DataType::Utf8, false),
        map(DataType::Struct(vec![Field::new("k", DataType::Utf8, false)].into()), false),
        runs(DataType::UInt32, false),
        runs(DataType::Int8, false),
        runs(DataType::Int32, true),
    ]
}

#[test]
fn field_of_no_type_is_named_by_its_path() {
    for data_type in no_types() {
        let error = refused(nested_in(data_type.clone()));
        assert_eq!(error.kind(), ErrorKind::TypeNotSupported);
        assert!(error.to_string().contains("\"trip.stop.at\""), "{error}");
        assert_eq!(error.report().found, data_type.to_string());
    }
    for data_type in [DataType::Utf8, map(pairs(false), false), runs(DataType::Int16, false)] {
        assert!(Plan::new(&Arc::new(nested_in(data_type)), &[]).is_ok());
    }
}

#[test]
fn values_of_no_type_are_named_by_the_path_through_what_holds_them() {
    let wrong = || Arc::new(Field::new("item", DataType::FixedSizeBinary(-1), true));
    let held = [
        (
            DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::List(wrong()))),
            "(dictionary values).item",
        ),
        (DataType::LargeListView(wrong()), "item"),
        (DataType::Union([(3, wrong())].into_iter().collect(), UnionMode::Dense), "item"),
    ];
    for (data_type, inner) in held {
        let error = refused(nested_in(data_type));
        assert!(error.to_string().contains(&format!("\"trip.stop.at.{inner}\"")), "{error}");
    }
}

fn mismatch(expected: Field, found: Field) -> Error {
    let schema = Arc::new(Schema::new(vec![expected]));
    let good = RecordBatch::new_empty(schema.clone());
    let bad = RecordBatch::new_empty(Arc::new(Schema::new(vec![found])));
    let error = Plan::new(&schema, &[good, bad]).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
    assert!(error.to_string().contains("batch 1"), "{error}");
    error
}

#[test]
fn field_that_differs_is_named_with_the_difference() {
    let field = Field::new("x", DataType::Int32, true);
    let name = mismatch(field.clone(), field.clone().with_name("y"));
    assert_eq!((name.report().expected.as_str(), name.report().found.as_str()), ("the name \"x\"", "\"y\""));
    let data_type = mismatch(field.clone(), field.clone().with_data_type(DataType::Utf8));
    assert_eq!(data_type.report().found, "Utf8");
    let nullable = mismatch(field.clone(), field.clone().with_nullable(false));
    assert!(nullable.report().expected.contains("nullable"));
    let metadata = HashMap::from([("unit".to_owned(), "m".to_owned())]);
    let metadata = mismatch(field.clone(), field.with_metadata(metadata));
    assert!(metadata.report().found.contains("unit"));
}

#[test]
fn field_that_differs_inside_a_struct_is_named_by_its_path() {
    let (expected, found) = (nested_in(DataType::Utf8), nested_in(DataType::LargeUtf8));
    let error = mismatch(expected.field(0).clone(), found.field(0).clone());
    assert!(error.to_string().contains("\"trip.stop.at\""), "{error}");
    assert_eq!(
        (error.report().expected.as_str(), error.report().found.as_str()),
        ("the type Utf8", "LargeUtf8")
    );
}

#[test]
fn another_number_of_columns_is_refused() {
    let schema = schema_of(&DataType::Int8);
    let error = Plan::new(&schema, &[RecordBatch::new_empty(Arc::new(Schema::empty()))]).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
    assert_eq!((error.report().expected.as_str(), error.report().found.as_str()), ("1 columns", "0"));
}

#[test]
fn metadata_of_the_schema_as_a_whole_may_differ() {
    let (schema, batches) = batches_of(&[Arc::new(Int8Array::from(vec![1, 2]))]);
    let metadata = HashMap::from([("made by".to_owned(), "x".to_owned())]);
    let other = Arc::new(schema.as_ref().clone().with_metadata(metadata));
    assert_eq!(Plan::new(&other, &batches).unwrap().rows(), 2);
}

#[test]
fn offsets_that_overflow_name_the_large_type() {
    let limits = Limits { offset: 100, ..Limits::ARROW };
    let strings: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(50)]));
    let binary: ArrayRef = Arc::new(BinaryArray::from_vec(vec![&[7; 50]]));
    for (array, large) in [(strings, "LargeUtf8"), (binary, "LargeBinary")] {
        let (schema, batches) = batches_of(&[array.clone(), array.clone()]);
        round_trip_within(&schema, &batches, &limits).unwrap();
        let (schema, batches) = batches_of(&[array.clone(), array.clone(), array]);
        let error = round_trip_within(&schema, &batches, &limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CapacityExceeded);
        assert!(error.to_string().contains("field \"c\""), "{error}");
        assert!(error.report().found.contains("150"), "{error}");
        assert!(error.report().remedy.contains(large), "{error}");
    }
    let large: ArrayRef = Arc::new(LargeStringArray::from(vec!["x".repeat(150)]));
    let (schema, batches) = batches_of(&[large]);
    round_trip_within(&schema, &batches, &limits).unwrap();
}

#[test]
fn rows_that_cannot_be_counted_are_refused() {
    let half: ArrayRef = Arc::new(NullArray::new(usize::MAX / 2 + 1));
    let (schema, batches) = batches_of(&[half.clone(), half]);
    let error = Plan::new(&schema, &batches).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::CapacityExceeded);
}

/// Readers take no array for one that has more than `isize::MAX` values.
#[test]
fn lengths_that_readers_refuse_are_refused() {
    let most = isize::MAX as usize;
    let nulls = |count| Arc::new(NullArray::new(count)) as ArrayRef;
    let item = || Arc::new(Field::new("item", DataType::Null, true));
    let list = |ends: [i64; 2]| {
        let offsets = OffsetBuffer::new(vec![0, ends[0], ends[1]].into());
        Arc::new(LargeListArray::new(item(), offsets, nulls(most), None)) as ArrayRef
    };
    let plan = |pieces: &[ArrayRef]| {
        let (schema, batches) = batches_of(pieces);
        Plan::new(&schema, &batches).err().map(|error| error.kind())
    };
    let refused = Some(ErrorKind::CapacityExceeded);
    assert_eq!(plan(&[nulls(most)]), None);
    assert_eq!(plan(&[nulls(most), nulls(1)]), refused);
    assert_eq!(plan(&[nulls(most + 1)]), refused);
    assert_eq!(plan(&[list([1, i64::MAX])]), None);
    assert_eq!(plan(&[list([1, i64::MAX]), list([0, 1])]), refused);
}

#[test]
fn dictionary_values_that_cannot_be_counted_are_refused() {
    let array = |count| {
        let values: ArrayRef = Arc::new(NullArray::new(count));
        Arc::new(DictionaryArray::new(Int64Array::from(vec![0, 1]), values)) as ArrayRef
    };
    let (schema, batches) = batches_of(&[array(usize::MAX), array(usize::MAX - 1)]);
    let error = Plan::new(&schema, &batches).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::CapacityExceeded);
    assert!(error.to_string().contains("\"c.(dictionary values)\""), "{error}");
}
