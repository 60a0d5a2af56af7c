//! Known tables.

use arrow::array::{
    Array, ArrayData, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Int64Array,
    LargeBinaryArray, LargeStringArray, NullArray, RecordBatch, StringArray, StringViewArray, StructArray,
    make_array,
};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UnionMode};
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

/// A batch without rows, of a column of lists of lists of lists and so on.
///
/// # Panics
/// Never: the schema has the column.
#[must_use]
pub fn nested(name: &str, depth: usize) -> RecordBatch {
    let item = |data_type| Arc::new(Field::new("item", data_type, true));
    let data_type = (0..depth).fold(DataType::Int8, |data_type, _| DataType::List(item(data_type)));
    RecordBatch::new_empty(Arc::new(Schema::new(vec![Field::new(name, data_type, true)])))
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
        DataType::List(field) => {
            children(data_type, nulls, vec![offsets(4)], vec![column(field.data_type())])
        }
        DataType::LargeList(field) => {
            children(data_type, nulls, vec![offsets(8)], vec![column(field.data_type())])
        }
        DataType::ListView(field) => {
            children(data_type, nulls, list_views(4), vec![column(field.data_type())])
        }
        DataType::LargeListView(field) => {
            children(data_type, nulls, list_views(8), vec![column(field.data_type())])
        }
        DataType::Map(field, _) => children(data_type, nulls, vec![offsets(4)], vec![entries(field)]),
        DataType::FixedSizeList(field, size) => {
            let values = column(field.data_type());
            let values: Vec<&dyn Array> = (0..*size).map(|_| values.as_ref()).collect();
            let values = arrow::compute::concat(&values).expect("arrays of one type");
            children(data_type, nulls, Vec::new(), vec![values])
        }
        DataType::Union(fields, mode) => {
            let ids: Vec<i8> = fields.iter().map(|(id, _)| id).collect();
            let ids = (0..ROWS).map(|row| ids[row % ids.len()]).collect::<Buffer>();
            let places = integers(0..ROWS as u64, 4);
            let buffers = if *mode == UnionMode::Dense { vec![ids, places] } else { vec![ids] };
            let columns = fields.iter().map(|(_, field)| column(field.data_type())).collect();
            children(data_type, None, buffers, columns)
        }
        DataType::RunEndEncoded(ends, values) => {
            let width = ends.data_type().primitive_width().unwrap_or(0);
            let number = |row: usize| [2, 3, ROWS as u64].get(row).copied().unwrap_or(9);
            let ends = make_array(fixed(ends.data_type(), width, None, number)).slice(0, 3);
            children(data_type, None, Vec::new(), vec![ends, column(values.data_type()).slice(0, 3)])
        }
        DataType::FixedSizeBinary(width) => {
            make_array(fixed(data_type, *width as usize, nulls, |row| row as u64 * 0x0101))
        }
        primitive => {
            let width = primitive.primitive_width().expect("a type of one width");
            make_array(fixed(primitive, width, nulls, |row| row as u64 * 13))
        }
    }
}

/// An array with children.
fn children(
    data_type: &DataType,
    nulls: Option<NullBuffer>,
    buffers: Vec<Buffer>,
    children: Vec<ArrayRef>,
) -> ArrayRef {
    let children = children.iter().map(Array::to_data).collect();
    let builder = ArrayData::builder(data_type.clone()).len(ROWS).nulls(nulls);
    make_array(builder.buffers(buffers).child_data(children).build().expect("an array of the type"))
}

fn integers(numbers: impl IntoIterator<Item = u64>, width: usize) -> Buffer {
    let bytes: Vec<u8> =
        numbers.into_iter().flat_map(|number| number.to_le_bytes().into_iter().take(width)).collect();
    Buffer::from(bytes.as_slice())
}

fn offsets(width: usize) -> Buffer {
    integers([0, 0, 1, 3, 3, 6, 7, 7], width)
}

/// Offsets and sizes: backwards, overlapping, and with a gap.
fn list_views(width: usize) -> Vec<Buffer> {
    vec![integers([5, 4, 4, 0, 0, 7, 1], width), integers([2, 1, 3, 0, 2, 0, 1], width)]
}

fn entries(field: &Field) -> ArrayRef {
    let DataType::Struct(fields) = field.data_type() else { panic!("entries, not {field}") };
    let keys: ArrayRef = Arc::new(StringArray::from_iter_values(TEXTS));
    Arc::new(StructArray::new(fields.clone(), vec![keys, column(fields[1].data_type())], None))
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
