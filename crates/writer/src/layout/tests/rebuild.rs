//! Fills a plan and builds arrays from nothing but its nodes and buffers.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, RecordBatch, RecordBatchOptions, make_array};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
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
        let children: Vec<_> = match data_type {
            DataType::Struct(fields) => fields.iter().map(|field| self.node(field.data_type())).collect(),
            DataType::Dictionary(_, values) => vec![self.node(values)],
            _ => Vec::new(),
        };
        assert_eq!(children.len(), node.child_count as usize);
        assert_normal(data_type, length, validity.as_ref(), &buffers);
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

/// What Arrow allows otherwise but a plan does not.
fn assert_normal(data_type: &DataType, length: usize, validity: Option<&Buffer>, buffers: &[Buffer]) {
    let nulls = |width: usize| {
        let is_null = |row: usize| validity.is_some_and(|bits| bits[row / 8] >> (row % 8) & 1 == 0);
        let rows = buffers[0].chunks_exact(width).enumerate();
        rows.filter(move |(row, _)| is_null(*row)).map(|(_, bytes)| bytes)
    };
    match data_type {
        DataType::Boolean => {
            assert_eq!(buffers[0].len(), length.div_ceil(8));
            if !length.is_multiple_of(8) {
                assert_eq!(buffers[0][length / 8] >> (length % 8), 0, "bits past the end are zero");
            }
        }
        DataType::Utf8 | DataType::Binary => {
            let offsets = buffers[0].typed_data::<i32>();
            assert_eq!(offsets.len(), length + 1);
            assert_eq!((offsets[0], offsets[length] as usize), (0, buffers[1].len()));
        }
        DataType::LargeUtf8 | DataType::LargeBinary => {
            let offsets = buffers[0].typed_data::<i64>();
            assert_eq!(offsets.len(), length + 1);
            assert_eq!((offsets[0], offsets[length] as usize), (0, buffers[1].len()));
        }
        DataType::Utf8View | DataType::BinaryView => {
            assert!(nulls(16).all(|view| view == [0; 16]), "null views are zero");
        }
        DataType::Dictionary(key, _) => {
            let width = key.primitive_width().unwrap();
            assert!(nulls(width).all(|key| key.iter().all(|byte| *byte == 0)), "null keys are zero");
        }
        other => {
            if let Some(width) = other.primitive_width() {
                assert_eq!(buffers[0].len(), length * width);
            }
        }
    }
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
