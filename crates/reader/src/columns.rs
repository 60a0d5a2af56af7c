//! From nodes and buffers to Arrow arrays: which of them belong to which column, and how they are put together.

use crate::error::ReadKind;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use shmframe_format::Result;
use shmframe_format::columns::Span;
use shmframe_format::frame::State;
use shmframe_segment::{ArrayDraft, ArrayParts, PinnedFrame, Validation};

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
pub(crate) fn build_column(
    frame: &PinnedFrame,
    span: &Span,
    data_type: &DataType,
    validation: Validation,
) -> Result<ArrayRef> {
    let mut cursor = Cursor { frame, node: span.nodes.start, buffer: span.buffers.start };
    cursor.parts(data_type)?.build(validation)
}

/// Walks the nodes and buffers of a column, depth-first.
struct Cursor<'a> {
    frame: &'a PinnedFrame,
    node: usize,
    buffer: usize,
}

impl Cursor<'_> {
    fn build(&mut self, data_type: &DataType) -> Result<ArrayDraft> {
        self.parts(data_type)?.draft()
    }

    fn parts(&mut self, data_type: &DataType) -> Result<ArrayParts> {
        let state = self.frame.checked().state();
        let Some(node) = state.nodes.get(self.node) else { return Err(ReadKind::Batch.into()) };
        self.node += 1;
        let first = self.buffer;
        self.buffer += node.buffers as usize;
        let own = first + node.validity as usize;
        let validity = match node.validity {
            0 => None,
            _ => Some((self.frame.buffer(first)?, node.nulls as usize)),
        };
        let buffers = (own..self.buffer).map(|index| self.frame.buffer(index)).collect::<Result<_>>()?;
        let children = self.children(data_type)?;
        if children.len() != node.children as usize {
            return Err(ReadKind::Batch.into());
        }
        let length = node.length as usize;
        Ok(ArrayParts { data_type: data_type.clone(), length, validity, buffers, children })
    }

    fn children(&mut self, data_type: &DataType) -> Result<Vec<ArrayDraft>> {
        match data_type {
            DataType::Struct(fields) => fields.iter().map(|field| self.build(field.data_type())).collect(),
            DataType::Union(fields, _) => {
                fields.iter().map(|(_, field)| self.build(field.data_type())).collect()
            }
            DataType::Dictionary(_, values) => Ok(vec![self.build(values)?]),
            DataType::List(field)
            | DataType::LargeList(field)
            | DataType::ListView(field)
            | DataType::LargeListView(field)
            | DataType::FixedSizeList(field, _)
            | DataType::Map(field, _) => Ok(vec![self.build(field.data_type())?]),
            DataType::RunEndEncoded(ends, values) => {
                Ok(vec![self.build(ends.data_type())?, self.build(values.data_type())?])
            }
            DataType::Null
            | DataType::Boolean
            | DataType::Int8
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
            | DataType::Interval(_)
            | DataType::FixedSizeBinary(_)
            | DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView => Ok(Vec::new()),
        }
    }
}
