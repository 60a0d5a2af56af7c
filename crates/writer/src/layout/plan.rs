//! What a chunk will look like.

use std::ops::Range;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use shmframe_format::Result;

use super::dictionary::KeyPlan;
use super::kind::OffsetWidth;
use super::planner::{self, Limits};
use super::views::ViewPlan;

/// How batches of one schema are laid out as one chunk. It holds the batches' arrays, not copies of them.
pub(crate) struct Plan {
    pub(super) rows: u64,
    pub(super) nodes: Vec<NodePlan>,
    /// One for each node.
    pub(super) sources: Vec<Source>,
    /// In bytes, one for each buffer.
    pub(super) lengths: Vec<u64>,
    pub(super) pieces: Vec<ArrayRef>,
}

/// One node of the chunk: a column, a field of a struct, or the values of a dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodePlan {
    /// In rows; for the values of a dictionary, how many there are.
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
    /// One array for each batch (for the values of a dictionary, for each different dictionary), in `Plan::pieces`.
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
}

impl Plan {
    /// Plans the chunk that holds the rows of all batches. Takes time for batches and columns, not for rows, except
    /// for long views and for dictionaries that differ.
    ///
    /// # Errors
    ///
    /// - `SchemaMismatch` if a batch has other fields than `schema` (metadata of the schema as a whole may differ),
    ///   or different dictionaries for a field whose dictionary claims an order.
    /// - `TypeNotSupported` if a field has a type without a layout rule.
    /// - `CapacityExceeded` if all batches together have too many bytes for a column's 32-bit offsets, or too many
    ///   dictionary values for its keys.
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
}
