//! Arrays of a given type and length.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::datatypes::{BinaryViewType, ByteViewType, DataType, Fields, StringViewType, UnionMode};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{lists, runs, unions, values};

/// Draws an array of `rows` rows, often a slice of a longer one. Without `nullable` it has no nulls, not even among
/// the values of a dictionary. Dictionaries have at most `most` values.
/// Neither have they among the values of runs and of unions.
pub(crate) fn array(
    data_type: &DataType,
    rows: usize,
    nullable: bool,
    most: usize,
) -> BoxedStrategy<ArrayRef> {
    let data_type = data_type.clone();
    let margin = prop_oneof![1 => Just((0, 0)), 2 => (0..13_usize, 0..4_usize)];
    margin
        .prop_flat_map(move |(before, after)| {
            let whole = whole(&data_type, before + rows + after, nullable, most);
            whole.prop_map(move |array| array.slice(before, rows))
        })
        .boxed()
}

fn whole(data_type: &DataType, rows: usize, nullable: bool, most: usize) -> BoxedStrategy<ArrayRef> {
    match data_type {
        DataType::Struct(fields) => structure(fields, rows, nullable, most),
        DataType::Dictionary(key, value) => dictionary(key, value, rows, nullable, most),
        DataType::List(field) | DataType::LargeList(field) | DataType::Map(field, _) => {
            lists::list(data_type, field, rows, nullable, most)
        }
        DataType::ListView(field) | DataType::LargeListView(field) => {
            lists::view(data_type, field, rows, nullable, most)
        }
        DataType::FixedSizeList(field, size) => lists::fixed(field, *size, rows, nullable, most),
        DataType::Union(fields, UnionMode::Sparse) => unions::sparse(fields, rows, nullable, most),
        DataType::Union(fields, UnionMode::Dense) => unions::dense(fields, rows, nullable, most),
        DataType::RunEndEncoded(ends, values) => runs::runs(data_type, ends, values, rows, nullable, most),
        simple => {
            let simple = simple.clone();
            (numbers(rows), validity(rows, nullable), any::<bool>())
                .prop_map(move |(numbers, nulls, flag)| from_numbers(&simple, &numbers, nulls, flag))
                .boxed()
        }
    }
}

pub(crate) fn numbers(count: usize) -> impl Strategy<Value = Vec<u64>> {
    vec(prop_oneof![1 => 0..8_u64, 2 => any::<u64>()], count)
}

pub(crate) fn validity(rows: usize, nullable: bool) -> BoxedStrategy<Option<NullBuffer>> {
    if !nullable {
        return Just(None).boxed();
    }
    prop_oneof![
        3 => Just(None),
        4 => vec(any::<bool>(), rows).prop_map(|bits| Some(NullBuffer::from(bits))),
        1 => Just(Some(NullBuffer::new_valid(rows))),
        1 => Just(Some(NullBuffer::new_null(rows))),
    ]
    .boxed()
}

fn structure(fields: &Fields, rows: usize, nullable: bool, most: usize) -> BoxedStrategy<ArrayRef> {
    let children = fields.iter().map(|field| array(field.data_type(), rows, field.is_nullable(), most));
    let children: Vec<_> = children.collect();
    let fields = fields.clone();
    (children, validity(rows, nullable))
        .prop_map(move |(children, nulls)| {
            let array = StructArray::try_new_with_length(fields.clone(), children, nulls, rows);
            Arc::new(array.expect("children as the fields say")) as ArrayRef
        })
        .boxed()
}

fn dictionary(
    key: &DataType,
    value: &DataType,
    rows: usize,
    nullable: bool,
    most: usize,
) -> BoxedStrategy<ArrayRef> {
    let (key, value) = (key.clone(), value.clone());
    let fewest = usize::from(!nullable && rows > 0);
    let values = (fewest..=most).prop_flat_map(move |count| array(&value, count, nullable, most));
    (values, numbers(rows), validity(rows, nullable))
        .prop_map(move |(values, numbers, nulls)| {
            let nulls = if values.is_empty() { Some(NullBuffer::new_null(rows)) } else { nulls };
            let valid = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            // The key of a null may be anything.
            let keys = numbers
                .iter()
                .enumerate()
                .map(|(row, number)| if valid(row) { number % values.len() as u64 } else { *number });
            let width = key.primitive_width().unwrap_or(8);
            let keys: Vec<u8> = keys.flat_map(|key| key.to_le_bytes().into_iter().take(width)).collect();
            let data = ArrayData::builder(DataType::Dictionary(
                Box::new(key.clone()),
                Box::new(values.data_type().clone()),
            ))
            .len(rows)
            .add_buffer(Buffer::from(keys.as_slice()))
            .add_child_data(values.to_data())
            .nulls(nulls.clone())
            .build();
            make_array(data.expect("keys of values"))
        })
        .boxed()
}

/// An array with the values that belong to the numbers; bytes may stand under nulls.
fn from_numbers(data_type: &DataType, numbers: &[u64], nulls: Option<NullBuffer>, flag: bool) -> ArrayRef {
    let texts = || numbers.iter().map(|number| values::text(*number));
    let blobs = || numbers.iter().map(|number| values::blob(*number));
    match data_type {
        DataType::Null => Arc::new(NullArray::new(numbers.len())),
        DataType::Boolean => {
            let bits = BooleanBuffer::collect_bool(numbers.len(), |row| numbers[row] % 2 == 1);
            Arc::new(BooleanArray::new(bits, nulls))
        }
        DataType::Utf8 => {
            let (offsets, bytes, _) = StringArray::from_iter_values(texts()).into_parts();
            Arc::new(StringArray::new(offsets, bytes, nulls))
        }
        DataType::LargeUtf8 => {
            let (offsets, bytes, _) = LargeStringArray::from_iter_values(texts()).into_parts();
            Arc::new(LargeStringArray::new(offsets, bytes, nulls))
        }
        DataType::Binary => {
            let (offsets, bytes, _) = BinaryArray::from_iter_values(blobs()).into_parts();
            Arc::new(BinaryArray::new(offsets, bytes, nulls))
        }
        DataType::LargeBinary => {
            let (offsets, bytes, _) = LargeBinaryArray::from_iter_values(blobs()).into_parts();
            Arc::new(LargeBinaryArray::new(offsets, bytes, nulls))
        }
        DataType::Utf8View => {
            let (views, buffers, _) = views::<StringViewType, _>(texts(), flag).into_parts();
            Arc::new(StringViewArray::new(views, buffers, nulls))
        }
        DataType::BinaryView => {
            let (views, buffers, _) = views::<BinaryViewType, _>(blobs(), flag).into_parts();
            Arc::new(BinaryViewArray::new(views, buffers, nulls))
        }
        fixed => {
            let width = match fixed {
                DataType::FixedSizeBinary(width) => *width as usize,
                primitive => primitive.primitive_width().expect("a type of fixed width"),
            };
            let bytes: Vec<u8> =
                numbers.iter().flat_map(|number| values::fixed(fixed, width, *number)).collect();
            let data = ArrayData::builder(fixed.clone())
                .len(numbers.len())
                .add_buffer(Buffer::from(bytes.as_slice()))
                .nulls(nulls)
                .build();
            make_array(data.expect("values of the type"))
        }
    }
}

/// Views into several small data buffers; `shared` ones of equal values point to the same bytes.
fn views<T: ByteViewType, V: AsRef<T::Native>>(
    values: impl Iterator<Item = V>,
    shared: bool,
) -> GenericByteViewArray<T> {
    let mut builder = GenericByteViewBuilder::<T>::new().with_fixed_block_size(200);
    if shared {
        builder = builder.with_deduplicate_strings();
    }
    values.for_each(|value| builder.append_value(value));
    builder.finish()
}
