//! Every type, whole and in odd slices.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::*;

use super::rebuild::{round_trip, round_trip_arrays, schema_of};
use crate::layout::Plan;
use crate::layout::kind::Kind;

const ROWS: usize = 150;

fn nulls(rows: usize) -> NullBuffer {
    NullBuffer::new(BooleanBuffer::collect_bool(rows, |row| row % 3 != 1 && row % 7 != 2))
}

/// Whole, sliced at odd offsets, empty, and without nulls.
fn pieces(array: &ArrayRef) -> Vec<ArrayRef> {
    let slices = [(0, ROWS), (3, 7), (5, 0), (0, 1), (1, 140), (77, 64), (149, 1), (13, 9)];
    slices.into_iter().map(|(first, rows)| array.slice(first, rows)).collect()
}

fn survives(array: ArrayRef) {
    assert!(array.null_count() > 0 || array.data_type() == &DataType::Null);
    round_trip_arrays(&pieces(&array));
    for piece in pieces(&array) {
        round_trip_arrays(&[piece]);
    }
    round_trip(&schema_of(array.data_type()), &[]);
}

fn fixed_width_types() -> Vec<DataType> {
    use DataType::*;
    use TimeUnit::*;
    let zone = Some(Arc::from("Europe/Berlin"));
    let mut types = vec![
        Int8,
        Int16,
        Int32,
        Int64,
        UInt8,
        UInt16,
        UInt32,
        UInt64,
        Float16,
        Float32,
        Float64,
        Date32,
        Date64,
        Decimal32(9, 2),
        Decimal64(18, -2),
        Decimal128(38, 10),
        Decimal256(76, 0),
        Time32(Second),
        Time32(Millisecond),
        Time64(Microsecond),
        Time64(Nanosecond),
        Interval(IntervalUnit::YearMonth),
        Interval(IntervalUnit::DayTime),
        Interval(IntervalUnit::MonthDayNano),
        FixedSizeBinary(1),
        FixedSizeBinary(13),
        FixedSizeBinary(0),
    ];
    for unit in [Second, Millisecond, Microsecond, Nanosecond] {
        types.extend([Timestamp(unit, None), Timestamp(unit, zone.clone()), Duration(unit)]);
    }
    types
}

fn fixed_width_array(data_type: &DataType) -> ArrayRef {
    let Some(Kind::Fixed(width)) = Kind::of(data_type) else { panic!("{data_type} is of fixed width") };
    // Small values, so that decimals are within their precision.
    let byte = |at: usize| if at % width < 3 { (at * 31 % 127) as u8 } else { 0 };
    let values: Vec<u8> = (0..ROWS * width).map(byte).collect();
    let data = ArrayData::builder(data_type.clone())
        .len(ROWS)
        .add_buffer(Buffer::from(values.as_slice()))
        .nulls(Some(nulls(ROWS)))
        .build()
        .unwrap();
    make_array(data)
}

fn words() -> impl Iterator<Item = Option<String>> {
    (0..ROWS).map(|row| nulls(ROWS).is_valid(row).then(|| "né".repeat(row % 12)))
}

fn blobs() -> impl Iterator<Item = Option<Vec<u8>>> {
    words().map(|word| word.map(String::into_bytes))
}

#[test]
fn values_of_fixed_width_survive() {
    for data_type in fixed_width_types() {
        survives(fixed_width_array(&data_type));
    }
}

#[test]
fn booleans_survive() {
    let bits = BooleanBuffer::collect_bool(ROWS, |row| row % 5 < 2);
    survives(Arc::new(BooleanArray::new(bits, Some(nulls(ROWS)))));
}

#[test]
fn null_arrays_survive_without_buffers() {
    survives(Arc::new(NullArray::new(ROWS)));
    let array: ArrayRef = Arc::new(NullArray::new(ROWS));
    let (schema, batches) = super::rebuild::batches_of(&[array]);
    let plan = Plan::new(&schema, &batches).unwrap();
    assert_eq!((plan.buffer_lengths().len(), plan.nodes()[0].null_count), (0, 0));
}

#[test]
fn strings_and_binary_survive() {
    survives(Arc::new(words().collect::<StringArray>()));
    survives(Arc::new(words().collect::<LargeStringArray>()));
    survives(Arc::new(blobs().collect::<BinaryArray>()));
    survives(Arc::new(blobs().collect::<LargeBinaryArray>()));
}

#[test]
fn views_survive() {
    survives(Arc::new(words().collect::<StringViewArray>()));
    survives(Arc::new(blobs().collect::<BinaryViewArray>()));
}

#[test]
fn dictionaries_with_every_key_type_survive() {
    fn with_keys<K: ArrowDictionaryKeyType>() {
        let words = words().map(|word| word.map(|word| word[..word.len() / 3 * 3].to_owned()));
        let mut builder = StringDictionaryBuilder::<K>::new();
        words.for_each(|word| builder.append_option(word));
        survives(Arc::new(builder.finish()));
    }
    with_keys::<Int8Type>();
    with_keys::<Int16Type>();
    with_keys::<Int32Type>();
    with_keys::<Int64Type>();
    with_keys::<UInt8Type>();
    with_keys::<UInt16Type>();
    with_keys::<UInt32Type>();
    with_keys::<UInt64Type>();
}

#[test]
fn dictionaries_of_every_value_type_survive() {
    let keys = || Int16Array::new((0..ROWS as i16).rev().collect(), Some(nulls(ROWS)));
    let mut values: Vec<ArrayRef> = fixed_width_types().iter().map(fixed_width_array).collect();
    values.push(Arc::new(words().collect::<StringArray>()));
    values.push(Arc::new(words().collect::<StringViewArray>()));
    values.push(Arc::new(BooleanArray::new(BooleanBuffer::new_set(ROWS), Some(nulls(ROWS)))));
    values.push(nested());
    for values in values {
        survives(Arc::new(DictionaryArray::new(keys(), values)));
    }
}

fn nested() -> ArrayRef {
    let number: ArrayRef = fixed_width_array(&DataType::Int32);
    let word: ArrayRef = Arc::new(words().collect::<StringArray>());
    let inner_fields = Fields::from(vec![Field::new("word", DataType::Utf8, true)]);
    let inner_nulls = NullBuffer::new(BooleanBuffer::collect_bool(ROWS, |row| row % 5 != 0));
    let inner = StructArray::new(inner_fields.clone(), vec![word], Some(inner_nulls));
    let fields = Fields::from(vec![
        Field::new("number", DataType::Int32, true),
        Field::new("inner", DataType::Struct(inner_fields), true),
    ]);
    let outer_nulls = NullBuffer::new(BooleanBuffer::collect_bool(ROWS, |row| row % 4 != 3));
    Arc::new(StructArray::new(fields, vec![number, Arc::new(inner)], Some(outer_nulls)))
}

#[test]
fn nested_structs_survive_with_validity_at_each_level() {
    survives(nested());
    let (schema, batches) = super::rebuild::batches_of(&[nested()]);
    let plan = Plan::new(&schema, &batches).unwrap();
    let children: Vec<_> = plan.nodes().iter().map(|node| node.child_count).collect();
    assert_eq!(children, [2, 0, 1, 0]);
    let counts: Vec<_> = plan.nodes().iter().map(|node| node.null_count).collect();
    let expected = |is_null: fn(usize) -> bool| (0..ROWS).filter(|row| is_null(*row)).count() as u64;
    assert_eq!(counts[0], expected(|row| row % 4 == 3));
    assert_eq!(counts[1], expected(|row| row % 3 == 1 || row % 7 == 2), "not those of the parent");
    assert_eq!(counts[2], expected(|row| row % 5 == 0));
}

#[test]
fn struct_without_fields_keeps_its_rows() {
    let array = StructArray::new_empty_fields(ROWS, Some(nulls(ROWS)));
    survives(Arc::new(array));
}

#[test]
fn validity_is_left_out_when_the_slices_have_no_nulls() {
    let array: ArrayRef = Arc::new(Int32Array::from(vec![None, Some(1), Some(2), None]));
    let (schema, batches) = super::rebuild::batches_of(&[array.slice(1, 2), array.slice(2, 1)]);
    let plan = Plan::new(&schema, &batches).unwrap();
    assert!(!plan.nodes()[0].has_validity);
    assert_eq!(plan.buffer_lengths().collect::<Vec<_>>(), [12]);
}

#[test]
fn zero_rows_of_strings_have_one_zero_offset() {
    let schema = schema_of(&DataType::LargeUtf8);
    let plan = Plan::new(&schema, &[]).unwrap();
    assert_eq!(plan.buffer_lengths().collect::<Vec<_>>(), [8, 0]);
    assert_eq!(super::rebuild::fill(&plan, 1, 64)[0], [0; 8]);
}

#[test]
fn rows_are_counted_without_columns() {
    let schema = Arc::new(Schema::empty());
    let options = RecordBatchOptions::new().with_row_count(Some(21));
    let batch = RecordBatch::try_new_with_options(schema.clone(), vec![], &options).unwrap();
    assert_eq!(round_trip(&schema, &[batch.clone(), batch]).num_rows(), 42);
}

#[test]
fn bytes_behind_the_last_row_are_left_out() {
    let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![2, 3, 3, 5]));
    let array: ArrayRef = Arc::new(BinaryArray::new(offsets, Buffer::from(b"__abc____"), None));
    let (schema, batches) = super::rebuild::batches_of(&[array.clone(), array.slice(1, 2)]);
    let plan = Plan::new(&schema, &batches).unwrap();
    assert_eq!(super::rebuild::fill(&plan, 1, 64)[1], b"abcbc");
    round_trip(&schema, &batches);
}

#[test]
fn values_longer_than_the_array_are_cut() {
    let bytes = Buffer::from(&[1, 0, 0, 0, 2, 0, 0, 0, 9, 9][..]);
    let array: ArrayRef = Arc::new(Int32Array::new(ScalarBuffer::from(bytes), None));
    assert_eq!(round_trip_arrays(&[array.clone(), array]).len(), 4);
}
