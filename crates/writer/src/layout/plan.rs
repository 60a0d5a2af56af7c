//! What a chunk will look like.

use std::borrow::Cow;
use std::iter;
use std::ops::Range;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, SchemaRef};
use shmframe_format::Result;

use super::dictionary::KeyPlan;
use super::planner::{self, Limits};
use super::ranges::Places;
use super::unions::UnionPlan;
use super::views::ViewPlan;
use shmframe_format::addressing::{Addressing, OffsetWidth};
use shmframe_format::columns::Span;
use shmframe_format::table::NodeItem;
use shmframe_segment::BufferDraft;

/// How batches of one schema are laid out as one chunk. It holds the batches' arrays, not copies of them.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) rows: u64,
    pub(crate) nodes: Vec<NodePlan>,
    /// One for each node.
    pub(crate) sources: Vec<Source>,
    /// In bytes, one for each buffer.
    pub(crate) lengths: Vec<u64>,
    /// One for each buffer.
    pub(crate) addressing: Vec<Addressing>,
    pub(crate) pieces: Vec<ArrayRef>,
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

impl NodePlan {
    /// The node's item in a state record.
    pub(crate) fn item(&self) -> NodeItem {
        NodeItem {
            length: self.length,
            nulls: self.null_count,
            buffers: self.buffer_count,
            children: self.child_count,
            validity: u32::from(self.has_validity),
            pieces: 0,
        }
    }
}

/// Where the buffers of a node come from.
pub(crate) struct Source {
    /// The arrays that stand behind each other, in `Plan::pieces`. For a column, one for each batch.
    pub(crate) pieces: Range<usize>,
    pub(crate) rule: Rule,
    /// Whether it belongs to a column that grows in place.
    pub(crate) grows: bool,
}

/// How the pieces become the node's buffers.
pub(crate) enum Rule {
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

    /// As [`Plan::new`], in the memory of a plan that nobody needs any more: it saves allocations.
    ///
    /// # Errors
    /// Those of [`Plan::new`].
    pub(crate) fn in_place_of(spare: Self, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Self> {
        planner::plan_in_place_of(spare, schema, batches, &Limits::ARROW)
    }

    /// Lets go of all arrays, and keeps memory for another plan.
    pub(crate) fn clear(&mut self) {
        let Self { rows, nodes, sources, lengths, addressing, pieces } = self;
        *rows = 0;
        nodes.clear();
        sources.clear();
        lengths.clear();
        addressing.clear();
        pieces.clear();
    }

    /// Plans a chunk of so many rows, from the arrays of each column.
    ///
    /// # Errors
    /// Those of [`Plan::new`].
    pub(crate) fn of_columns(
        schema: &SchemaRef,
        columns: Vec<Vec<ArrayRef>>,
        rows: u64,
        limits: &Limits,
    ) -> Result<Self> {
        planner::plan_columns(schema, columns.into_iter().map(Cow::Owned), rows, limits, Self::default())
    }

    /// Plans one column of a chunk, that of the rows of all arrays.
    ///
    /// # Errors
    /// Those of [`Plan::new`].
    pub(crate) fn of_column(field: &Field, arrays: Vec<ArrayRef>, limits: &Limits) -> Result<Self> {
        planner::plan_column(field, arrays, limits)
    }

    /// Plans the values of a dictionary.
    ///
    /// # Errors
    /// Those of [`Plan::new`].
    pub(crate) fn of_values(data_type: &DataType, arrays: Vec<ArrayRef>, limits: &Limits) -> Result<Self> {
        planner::plan_values(data_type, arrays, limits)
    }

    /// The arrays that stand behind each other in a node.
    pub(crate) fn pieces_of(&self, node: usize) -> &[ArrayRef] {
        &self.pieces[self.sources[node].pieces.clone()]
    }

    /// The tree that begins at `node`, whose first buffer is `buffer`.
    pub(crate) fn tree(&self, node: usize, buffer: usize) -> Span {
        let (mut end, mut buffers, mut missing) = (node, buffer, 1);
        while missing > 0 {
            missing += self.nodes[end].child_count;
            missing -= 1;
            buffers += self.nodes[end].buffer_count as usize;
            end += 1;
        }
        Span { nodes: node..end, buffers: buffer..buffers }
    }

    /// The trees of the columns.
    pub(crate) fn columns(&self) -> impl Iterator<Item = Span> + '_ {
        let (mut node, mut buffer) = (0, 0);
        iter::from_fn(move || {
            let column = (node < self.nodes.len()).then(|| self.tree(node, buffer))?;
            (node, buffer) = (column.nodes.end, column.buffers.end);
            Some(column)
        })
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
