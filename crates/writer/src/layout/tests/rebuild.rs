//! Fills a plan and builds arrays from nothing but its nodes and buffers.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, make_array};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UnionMode};
use shmframe_format::Result;

use crate::layout::planner::{self, Limits};
use crate::layout::{NodePlan, Plan};

/// What stood in the destinations before.
const GARBAGE: u8 = 0xA5;

/// Fills the plan with tasks of at most `size` bytes.
pub(super) fn fill(plan: &Plan, threads: usize, size: usize) -> Vec<Vec<u8>> {
    let mut buffers: Vec<_> = plan.buffer_lengths().map(|length| vec![GARBAGE; length as usize]).collect();
    plan.fill_in(buffers.iter_mut().map(Vec::as_mut_slice).collect(), threads, size);
    buffers
}

/// Plans, fills in one go, in small tasks and with threads, rebuilds, and compares with the batches.
pub(super) fn round_trip(schema: &SchemaRef, batches: &[RecordBatch]) -> RecordBatch {
    round_trip_within(schema, batches, &Limits::ARROW).unwrap()
}

pub(super) fn round_trip_within(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    limits: &Limits,
) -> Result<RecordBatch> {
    let plan = planner::plan(schema, batches, limits)?;
    let mut buffers: Vec<_> = plan.buffer_lengths().map(|length| vec![GARBAGE; length as usize]).collect();
    plan.fill(buffers.iter_mut().map(Vec::as_mut_slice).collect(), 1);
    for (threads, size) in [(1, 1), (1, 24), (3, 16)] {
        assert_eq!(fill(&plan, threads, size), buffers, "{threads} threads, {size} bytes a task");
    }
    let rebuilt = rebuild(schema, &plan, &buffers);
    let mut first = 0;
    for batch in batches {
        for (column, expected) in rebuilt.columns().iter().zip(batch.columns()) {
            let found = column.slice(first, batch.num_rows());
            assert_eq!(&found, expected, "rows {first}..");
        }
        first += batch.num_rows();
    }
    assert_eq!(rebuilt.num_rows(), first);
    Ok(rebuilt)
}

/// One batch, its arrays fully validated, from what a plan says and wrote.
pub(super) fn rebuild(schema: &SchemaRef, plan: &Plan, buffers: &[Vec<u8>]) -> RecordBatch {
    let mut rebuilder = Rebuilder { nodes: plan.nodes().iter(), buffers: buffers.iter() };
    let columns = schema.fields().iter().map(|field| make_array(rebuilder.node(field.data_type()))).collect();
    assert!(rebuilder.nodes.next().is_none(), "all nodes belong to the schema");
    assert!(rebuilder.buffers.next().is_none(), "all buffers belong to nodes");
    let options = RecordBatchOptions::new().with_row_count(Some(plan.rows() as usize));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).unwrap()
}

struct Rebuilder<'a> {
    nodes: std::slice::Iter<'a, NodePlan>,
    buffers: std::slice::Iter<'a, Vec<u8>>,
}

impl Rebuilder<'_> {
    fn buffer(&mut self) -> Buffer {
        Buffer::from(self.buffers.next().unwrap().as_slice())
    }

    fn node(&mut self, data_type: &DataType) -> ArrayData {
        let node = *self.nodes.next().unwrap();
        let length = node.length as usize;
        assert_eq!(node.has_validity, node.null_count > 0);
        let validity = node.has_validity.then(|| self.buffer());
        if let Some(bits) = &validity {
            assert_eq!(bits.len(), length.div_ceil(8));
            let set: u32 = bits.iter().map(|byte| byte.count_ones()).sum();
            assert_eq!(u64::from(set), node.length - node.null_count, "bits past the end are zero");
        }
        let count = node.buffer_count as usize - usize::from(node.has_validity);
        let buffers: Vec<_> = (0..count).map(|_| self.buffer()).collect();
        let children: Vec<_> =
            (0..node.child_count as usize).map(|child| self.node(child_type(data_type, child))).collect();
        assert_normal(data_type, length, validity.as_ref(), &buffers, &children);
        let data = ArrayData::builder(data_type.clone())
            .len(length)
            .null_bit_buffer(validity)
            .buffers(buffers)
            .child_data(children)
            .build()
            .unwrap();
        data.validate_full().unwrap();
        assert_eq!(data.null_count() as u64, node.null_count);
        data
    }
}

/// The type of one of the children.
fn child_type(data_type: &DataType, child: usize) -> &DataType {
    match data_type {
        DataType::Struct(fields) => fields[child].data_type(),
        DataType::Dictionary(_, values) => values,
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => field.data_type(),
        DataType::Union(fields, _) => fields.iter().nth(child).unwrap().1.data_type(),
        DataType::RunEndEncoded(ends, values) => [ends, values][child].data_type(),
        other => panic!("{other} has no children"),
    }
}

/// What Arrow allows otherwise but a plan does not. Without a wildcard, so that a new type gets a normal form.
fn assert_normal(
    data_type: &DataType,
    length: usize,
    validity: Option<&Buffer>,
    buffers: &[Buffer],
    children: &[ArrayData],
) {
    let is_null = |row: usize| validity.is_some_and(|bits| bits[row / 8] >> (row % 8) & 1 == 0);
    let nulls = |buffer: usize, width: usize| {
        let rows = buffers[buffer].chunks_exact(width).enumerate();
        rows.filter(move |(row, _)| is_null(*row)).flat_map(|(_, bytes)| bytes.to_vec())
    };
    match data_type {
        DataType::Null => assert!(buffers.is_empty()),
        DataType::Boolean => {
            assert_eq!(buffers[0].len(), length.div_ceil(8));
            if !length.is_multiple_of(8) {
                assert_eq!(buffers[0][length / 8] >> (length % 8), 0, "bits past the end are zero");
            }
        }
        DataType::Utf8 | DataType::Binary => assert_narrow(length, &buffers[0], buffers[1].len()),
        DataType::LargeUtf8 | DataType::LargeBinary => assert_wide(length, &buffers[0], buffers[1].len()),
        DataType::List(_) | DataType::Map(_, _) => assert_narrow(length, &buffers[0], children[0].len()),
        DataType::LargeList(_) => assert_wide(length, &buffers[0], children[0].len()),
        DataType::ListView(_) | DataType::LargeListView(_) => {
            let width = if matches!(data_type, DataType::ListView(_)) { 4 } else { 8 };
            assert_eq!(buffers.iter().map(Buffer::len).collect::<Vec<_>>(), [length * width; 2]);
            for buffer in [0, 1] {
                assert!(nulls(buffer, width).all(|byte| byte == 0), "null list views are zero");
            }
        }
        DataType::FixedSizeList(_, size) => assert_eq!(children[0].len(), length * *size as usize),
        DataType::Utf8View | DataType::BinaryView => {
            assert!(nulls(0, 16).all(|byte| byte == 0), "null views are zero");
        }
        DataType::Dictionary(key, _) => {
            let width = key.primitive_width().unwrap();
            assert!(nulls(0, width).all(|byte| byte == 0), "null keys are zero");
        }
        DataType::Struct(_) | DataType::Union(_, UnionMode::Sparse) => {
            assert!(children.iter().all(|child| child.len() == length));
        }
        DataType::Union(_, UnionMode::Dense) => {
            assert_eq!(buffers.iter().map(Buffer::len).collect::<Vec<_>>(), [length, length * 4]);
        }
        DataType::RunEndEncoded(_, _) => {
            assert_eq!(children[0].len(), children[1].len());
            let ends = make_array(children[0].clone());
            let ends = arrow::compute::cast(&ends, &DataType::Int64).unwrap();
            let ends = ends.as_primitive::<arrow::datatypes::Int64Type>().values();
            assert_eq!(ends.last().copied().unwrap_or(0) as usize, length, "the last run ends with the rows");
        }
        DataType::FixedSizeBinary(width) => assert_eq!(buffers[0].len(), length * *width as usize),
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal32(_, _)
        | DataType::Decimal64(_, _)
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _)
        | DataType::Date32
        | DataType::Date64
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Timestamp(_, _)
        | DataType::Duration(_)
        | DataType::Interval(_) => {
            assert_eq!(buffers[0].len(), length * data_type.primitive_width().unwrap());
        }
    }
}

fn assert_narrow(length: usize, offsets: &Buffer, covered: usize) {
    let offsets = offsets.typed_data::<i32>();
    assert_eq!(offsets.len(), length + 1);
    assert_eq!((offsets[0], offsets[length] as usize), (0, covered));
}

fn assert_wide(length: usize, offsets: &Buffer, covered: usize) {
    let offsets = offsets.typed_data::<i64>();
    assert_eq!(offsets.len(), length + 1);
    assert_eq!((offsets[0], offsets[length] as usize), (0, covered));
}

/// A schema of one nullable column `c`.
pub(super) fn schema_of(data_type: &DataType) -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("c", data_type.clone(), true)]))
}

/// One batch for each array, all of one column `c`.
pub(super) fn batches_of(arrays: &[ArrayRef]) -> (SchemaRef, Vec<RecordBatch>) {
    let schema = schema_of(arrays[0].data_type());
    let batch = |array: &ArrayRef| RecordBatch::try_new(schema.clone(), vec![array.clone()]).unwrap();
    let batches = arrays.iter().map(batch).collect();
    (schema, batches)
}

/// Lays out the arrays as batches of one column, and gives the column back.
pub(super) fn round_trip_arrays(arrays: &[ArrayRef]) -> ArrayRef {
    let (schema, batches) = batches_of(arrays);
    round_trip(&schema, &batches).column(0).clone()
}
