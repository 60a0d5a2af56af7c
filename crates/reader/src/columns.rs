//! Which nodes and buffers belong to which column.

use crate::error::ReadKind;
use shmframe_format::Result;
use shmframe_format::columns::Span;
use shmframe_format::frame::State;

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
