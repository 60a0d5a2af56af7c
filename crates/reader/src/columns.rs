//! From nodes and buffers to Arrow arrays: which of them belong to which column, and how they are put together.

use crate::error::ReadKind;
use arrow::array::{ArrayData, ArrayRef};
use arrow::datatypes::DataType;
use shmframe_format::Result;
use shmframe_format::columns::Span;
use shmframe_format::frame::State;
use shmframe_segment::{ArrayParts, PinnedFrame, build_array, to_array};

/// Finds the columns' spans.
pub(crate) struct Columns;

impl Columns {
    /// For each chunk of a frame, the spans of its `columns` columns.
    pub(crate) fn of(state: &State, columns: usize) -> Result<Vec<Vec<Span>>> {
        let (mut node, mut buffer) = (0, 0);
        let mut chunks = Vec::with_capacity(state.chunks.len());
        for chunk in &state.chunks {
            let end = node + chunk.nodes as usize;
            let mut spans = Vec::with_capacity(columns);
            while node < end {
                let span = Span::of_tree(&state.nodes, node, buffer);
                (node, buffer) = (span.nodes.end, span.buffers.end);
                spans.push(span);
            }
            if spans.len() != columns {
                return Err(ReadKind::Columns { wanted: columns, found: spans.len() }.into());
            }
            chunks.push(spans);
        }
        Ok(chunks)
    }
}

/// Builds a column of this type, in place.
pub(crate) fn build_column(frame: &PinnedFrame, span: &Span, data_type: &DataType) -> Result<ArrayRef> {
    let mut cursor = Cursor { frame, node: span.nodes.start, buffer: span.buffers.start };
    cursor.build(data_type).map(to_array)
}

/// Walks the nodes and buffers of a column, depth-first.
struct Cursor<'a> {
    frame: &'a PinnedFrame,
    node: usize,
    buffer: usize,
}

impl Cursor<'_> {
    fn build(&mut self, data_type: &DataType) -> Result<ArrayData> {
        let child_types = child_types(data_type);
        let state = self.frame.checked().state();
        let node = match state.nodes.get(self.node) {
            Some(node) if node.children as usize == child_types.len() => node,
            _ => return Err(ReadKind::Batch.into()),
        };
        self.node += 1;
        let mut buffers = Vec::with_capacity(node.buffers as usize);
        for index in self.buffer..self.buffer + node.buffers as usize {
            buffers.push(self.frame.buffer(index)?);
        }
        self.buffer += node.buffers as usize;
        let validity = if node.validity == 1 { Some((buffers.remove(0), node.nulls as usize)) } else { None };
        let children = child_types.into_iter().map(|child| self.build(child)).collect::<Result<_>>()?;
        let length = node.length as usize;
        build_array(ArrayParts { data_type: data_type.clone(), length, validity, buffers, children })
    }
}

/// The types of an array's children.
fn child_types(data_type: &DataType) -> Vec<&DataType> {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        DataType::Dictionary(_, values) => vec![values],
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => vec![field.data_type()],
        DataType::Union(fields, _) => fields.iter().map(|(_, field)| field.data_type()).collect(),
        DataType::RunEndEncoded(ends, values) => vec![ends.data_type(), values.data_type()],
        _ => Vec::new(),
    }
}
