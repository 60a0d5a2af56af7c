//! What a chunk will look like.

use std::ops::Range;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use shmframe_format::Result;

use super::dictionary::KeyPlan;
use super::planner::{self, Limits};
use super::ranges::Places;
use super::unions::UnionPlan;
use super::views::ViewPlan;
use shmframe_format::addressing::{Addressing, OffsetWidth};
use shmframe_segment::BufferDraft;

/// How batches of one schema are laid out as one chunk. It holds the batches' arrays, not copies of them.
pub(crate) struct Plan {
    pub(super) rows: u64,
    pub(super) nodes: Vec<NodePlan>,
    /// One for each node.
    pub(super) sources: Vec<Source>,
    /// In bytes, one for each buffer.
    pub(super) lengths: Vec<u64>,
    /// One for each buffer.
    pub(super) addressing: Vec<Addressing>,
    pub(super) pieces: Vec<ArrayRef>,
}

/// One node of the chunk: a column, or what stands below one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodePlan {
    /// In rows; below lists, unions, dictionaries and runs, how many values there are.
    pub(crate) length: u64,
    /// How many of them are null.
    pub(crate) null_count: u64,
    /// Whether the node's first buffer is a validity bitmap: if it has nulls.
    pub(crate) has_validity: bool,
    /// How many buffers stand at this node itself, with the validity bitmap.
    pub(crate) buffer_count: u32,
    /// How many nodes stand directly below this one.
    pub(crate) child_count: u32,
}

/// Where the buffers of a node come from.
pub(super) struct Source {
    /// The arrays that stand behind each other, in `Plan::pieces`. For a column, one for each batch.
    pub(super) pieces: Range<usize>,
    pub(super) rule: Rule,
}

/// How the pieces become the node's buffers.
pub(super) enum Rule {
    /// There are none but validity.
    NoBuffers,
    Bits,
    /// Values of this many bytes.
    Fixed(usize),
    Strings(OffsetWidth),
    Views(ViewPlan),
    /// Keys of this many bytes.
    Keys(usize, KeyPlan),
    Lists(OffsetWidth),
    /// For each piece, where its values went.
    ListViews(OffsetWidth, Vec<Places>),
    SparseUnion,
    DenseUnion(UnionPlan),
}

impl Plan {
    /// Plans the chunk that holds the rows of all batches. Takes time for batches and columns, not for rows, except
    /// for long views, list views, dense unions, runs and dictionaries that differ.
    ///
    /// # Errors
    ///
    /// - `SchemaMismatch` if a batch has other fields than `schema` (metadata of the schema as a whole may differ),
    ///   different dictionaries for a field whose dictionary claims an order, or nulls in a field declared without.
    /// - `TypeNotSupported` if a field has a type that Arrow itself takes for none.
    /// - `CapacityExceeded` if all batches together have too many bytes or values for a column's 32-bit offsets, too
    ///   many dictionary values for its keys, or too many rows for its run ends.
    pub(crate) fn new(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Self> {
        planner::plan(schema, batches, &Limits::ARROW)
    }

    /// How many rows the chunk has.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// The nodes, depth-first, columns in schema order.
    pub(crate) fn nodes(&self) -> &[NodePlan] {
        &self.nodes
    }

    /// The lengths of all buffers in bytes, in the order of the nodes; per node, validity first.
    pub(crate) fn buffer_lengths(&self) -> impl ExactSizeIterator<Item = u64> {
        self.lengths.iter().copied()
    }

    /// The buffers, in the same order, as they are to be written: none of them has room to grow.
    pub(crate) fn buffers(&self) -> Vec<BufferDraft> {
        let buffers = self.lengths.iter().zip(&self.addressing);
        buffers.map(|(&length, &addressing)| BufferDraft { length, addressing, room: 0 }).collect()
    }
}
