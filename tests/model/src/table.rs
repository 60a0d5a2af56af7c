//! Known tables.

use arrow::array::{
    ArrayData, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Int64Array, LargeBinaryArray,
    LargeStringArray, NullArray, RecordBatch, StringArray, StringViewArray, StructArray, make_array,
};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::collections::HashMap;
use std::sync::Arc;

/// A batch of one column `x` of 64-bit integers: `rows` of them, counting from `first`.
///
/// # Panics
/// Never: the schema has the column.
#[must_use]
pub fn numbers(first: i64, rows: usize) -> RecordBatch {
    let values = Int64Array::from_iter_values((first..).take(rows));
    let schema = Schema::new(vec![Field::new("x", DataType::Int64, false)]);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(values)]).expect("one column of its type")
}

/// Seven rows with a column for each of these types, with and without nulls; always the same.
///
/// # Panics
/// If a type is not supported.
#[must_use]
pub fn all_types(types: impl IntoIterator<Item = (String, DataType)>) -> RecordBatch {
    let metadata = |text: &str| HashMap::from([("about".to_owned(), text.to_owned())]);
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = types
        .into_iter()
        .map(|(name, data_type)| {
            let field = Field::new(&name, data_type.clone(), true).with_metadata(metadata(&name));
            (field, column(&data_type))
        })
        .unzip();
    let schema: SchemaRef = Arc::new(Schema::new(fields).with_metadata(metadata("all types")));
    RecordBatch::try_new(schema, columns).expect("columns as the schema says")
}

const ROWS: usize = 7;
const TEXTS: [&str; ROWS] = ["", "a", "größe", "more than twelve bytes, so not in a view", "𝄞", "b", "列"];

fn column(data_type: &DataType) -> ArrayRef {
    let nulls = Some(NullBuffer::from(vec![true, true, false, true, false, true, true]));
    let texts = || (0..).zip(TEXTS).map(|(row, text)| (row != 2 && row != 4).then_some(text));
    let blobs = || texts().map(|text| text.map(str::as_bytes));
    match data_type {
        DataType::Null => Arc::new(NullArray::new(ROWS)),
        DataType::Boolean => {
            Arc::new(BooleanArray::new((0..ROWS).map(|row| row % 3 == 0).collect::<Vec<_>>().into(), nulls))
        }
        DataType::Utf8 => Arc::new(texts().collect::<StringArray>()),
        DataType::LargeUtf8 => Arc::new(texts().collect::<LargeStringArray>()),
        DataType::Utf8View => Arc::new(texts().collect::<StringViewArray>()),
        DataType::Binary => Arc::new(blobs().collect::<BinaryArray>()),
        DataType::LargeBinary => Arc::new(blobs().collect::<LargeBinaryArray>()),
        DataType::BinaryView => Arc::new(blobs().collect::<BinaryViewArray>()),
        DataType::Struct(fields) => {
            let columns = fields.iter().map(|field| column(field.data_type())).collect();
            Arc::new(StructArray::new(fields.clone(), columns, nulls))
        }
        DataType::Dictionary(key, _) => {
            let keys = fixed(key, key.primitive_width().unwrap_or(0), nulls, |row| row as u64 % 5);
            let values = values(data_type);
            let data = keys.into_builder().data_type(data_type.clone()).add_child_data(values.to_data());
            make_array(data.build().expect("keys of values"))
        }
        DataType::FixedSizeBinary(width) => {
            make_array(fixed(data_type, *width as usize, nulls, |row| row as u64 * 0x0101))
        }
        primitive => {
            let width = primitive.primitive_width().expect("a supported type");
            make_array(fixed(primitive, width, nulls, |row| row as u64 * 13))
        }
    }
}

/// The values of a dictionary: five of them.
fn values(data_type: &DataType) -> ArrayRef {
    let DataType::Dictionary(_, values) = data_type else { panic!("a dictionary, not {data_type}") };
    let values = column(values).slice(0, 5);
    assert!(values.as_any_dictionary_opt().is_none(), "no dictionary of dictionaries");
    values
}

/// Numbers of a width, little-endian.
fn fixed(
    data_type: &DataType,
    width: usize,
    nulls: Option<NullBuffer>,
    number: impl Fn(usize) -> u64,
) -> ArrayData {
    let value = |row| number(row).to_le_bytes().into_iter().chain(std::iter::repeat(0)).take(width);
    let bytes: Vec<u8> = (0..ROWS).flat_map(value).collect();
    let builder = ArrayData::builder(data_type.clone()).len(ROWS).nulls(nulls);
    builder.add_buffer(Buffer::from(bytes.as_slice())).build().expect("values of the type")
}
