//! What must hold of a state record: by itself, and against the layout of its frame.

use crate::addressing::{Addressing, WORD_ROWS};
use crate::columns::Span;
use crate::error::Result;
use crate::frame::{Layout, State};
use crate::geometry::PADDING;
use crate::record::{RecordKind, damaged};
use crate::table::{BufferItem, BufferStateItem, NodeItem};

/// Rows that a frame ever has, and values of a node, at the most: Arrow counts them as 64-bit signed numbers.
const LENGTH_LIMIT: u64 = i64::MAX as u64;

impl State {
    /// Checks that no buffer that may grow has room where another one has bytes or room: who appends would write over
    /// published bytes. Of a reader nothing but wrong data could come of it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    pub fn check_room(&self, layout: &Layout) -> Result<()> {
        let last = layout.buffers.len() - self.chunks.last().map_or(0, |chunk| chunk.buffers as usize);
        let ends = |(place, state): (&BufferItem, &BufferStateItem)| {
            (place.offset, place.offset + state.length, place.offset + place.capacity)
        };
        let buffers: Vec<_> = layout.buffers.iter().zip(&self.buffers).map(ends).collect();
        let mut rooms: Vec<(u64, u64)> = buffers[last..].iter().map(|(_, end, room)| (*end, *room)).collect();
        rooms.sort_unstable();
        let meet = rooms.windows(2).any(|pair| pair[0].1 > pair[1].0);
        let covered = |(start, end, _): &(u64, u64, u64)| {
            let first = rooms.partition_point(|room| room.1 <= *start);
            start < end && rooms.get(first).is_some_and(|room| room.0 < *end)
        };
        if meet || buffers.iter().any(covered) {
            return Err(damaged(RecordKind::State, "buffers that lie in each other's room"));
        }
        Ok(())
    }

    /// Checks that chunks, nodes and buffers are whole, and add up.
    pub(crate) fn check_chunks(&self) -> Result<()> {
        let mut nodes = self.nodes.as_slice();
        let mut buffers = self.buffers.as_slice();
        let mut rows = 0_u64;
        for chunk in &self.chunks {
            let mine = nodes.split_at_checked(chunk.nodes as usize);
            let held = buffers.split_at_checked(chunk.buffers as usize);
            let (Some((mine, other_nodes)), Some((held, other_buffers))) = (mine, held) else {
                return Err(damaged(RecordKind::State, "chunks with more nodes or buffers than there are"));
            };
            check_trees(mine, held.len())?;
            (nodes, buffers) = (other_nodes, other_buffers);
            rows = rows.saturating_add(chunk.rows);
        }
        // More than can be counted to, also with all rows that are to come.
        let past_the_end = self.first_row.saturating_add(rows) > LENGTH_LIMIT;
        if rows == self.rows && nodes.is_empty() && buffers.is_empty() && !past_the_end {
            return Ok(());
        }
        Err(damaged(RecordKind::State, "chunks that do not add up to the frame"))
    }

    /// Checks that the frame fits its layout. Its chunks add up.
    pub(crate) fn check_layout(&self, layout: &Layout) -> Result<()> {
        let fits = self.generation == layout.generation
            && self.chunks.len() == layout.chunks as usize
            && self.buffers.len() == layout.buffers.len();
        let lengths = self.buffers.iter().zip(&layout.buffers);
        let inside = |(state, place): (&BufferStateItem, &BufferItem)| {
            state.length.checked_add(PADDING).is_some_and(|end| end <= place.capacity)
        };
        if !fits || !lengths.into_iter().all(inside) {
            return Err(damaged(RecordKind::State, "a frame that does not fit its layout"));
        }
        for chunk in self.chunks_in(layout) {
            for span in Span::trees(chunk.nodes) {
                let column = Column {
                    nodes: &chunk.nodes[span.nodes],
                    states: &chunk.states[span.buffers.clone()],
                    places: &chunk.places[span.buffers],
                };
                column.check(chunk.rows)?;
            }
        }
        Ok(())
    }
}

/// Checks that `nodes` are whole trees, depth-first, over so many buffers.
fn check_trees(nodes: &[NodeItem], buffers: usize) -> Result<()> {
    let mut missing = Vec::new();
    let mut held = 0_u64;
    if nodes.iter().any(|node| node.length > LENGTH_LIMIT) {
        return Err(damaged(RecordKind::State, "a node that is too long"));
    }
    for node in nodes {
        while missing.last() == Some(&0) {
            missing.pop();
        }
        if let Some(open) = missing.last_mut() {
            *open -= 1;
        }
        missing.push(node.children);
        held += u64::from(node.buffers);
    }
    if missing.iter().any(|open| *open > 0) || held != buffers as u64 {
        return Err(damaged(RecordKind::State, "nodes that do not add up to trees"));
    }
    Ok(())
}

/// One column of one chunk.
struct Column<'a> {
    nodes: &'a [NodeItem],
    states: &'a [BufferStateItem],
    places: &'a [BufferItem],
}

impl Column<'_> {
    fn check(&self, rows: u64) -> Result<()> {
        let [root, others @ ..] = self.nodes else { return Ok(()) };
        let before = root.length.checked_sub(rows);
        let in_words = before.is_some_and(|before| root.pieces == 1 || before.is_multiple_of(WORD_ROWS));
        if !in_words || root.pieces > 1 || others.iter().any(|node| node.pieces != 0) {
            return Err(damaged(RecordKind::State, "a column that does not fit its chunk"));
        }
        if root.pieces == 1 {
            self.check_pieces(root)?;
        }
        let mut buffer = 0;
        for node in self.nodes {
            let end = buffer + node.buffers as usize;
            let (states, places) = (&self.states[buffer..end], &self.places[buffer..end]);
            check_validity(node, root.length, states, places)?;
            let long = states.iter().zip(places).all(|(state, place)| is_long(state, place, root.length));
            if !long {
                return Err(damaged(RecordKind::State, "buffers that are too short for their rows"));
            }
            buffer = end;
        }
        Ok(())
    }

    /// The pieces of a column add up to it, and rows cannot be told apart in them.
    fn check_pieces(&self, root: &NodeItem) -> Result<()> {
        let (mut at, mut rows) = (1, 0_u64);
        while at < self.nodes.len() {
            rows = rows.saturating_add(self.nodes[at].length);
            at = Span::of_tree(self.nodes, at, 0).nodes.end;
        }
        let bytes = self.places.iter().all(|place| Addressing::of(place) == Some(Addressing::Bytes));
        if rows == root.length && bytes && (root.buffers, root.validity, root.nulls) == (0, 0, 0) {
            return Ok(());
        }
        Err(damaged(RecordKind::State, "pieces that do not add up to their column"))
    }
}

/// Whether a buffer is long enough for so many rows of its column; the rows of a bitmap's last word may stand in the record.
fn is_long(state: &BufferStateItem, place: &BufferItem, rows: u64) -> bool {
    let Some(addressing) = Addressing::of(place) else { return false };
    let whole = addressing.length(rows).is_some_and(|length| length <= state.length);
    let open =
        addressing.closed_length(rows) == Some(state.length) && state.open_word >> (rows % WORD_ROWS) == 0;
    whole || open
}

fn check_validity(
    node: &NodeItem,
    rows: u64,
    states: &[BufferStateItem],
    places: &[BufferItem],
) -> Result<()> {
    let fits = match (node.validity, states.first(), places.first().and_then(Addressing::of)) {
        (0, _, _) => node.nulls == 0,
        (1, Some(state), Some(Addressing::Bytes)) => state.length >= node.length.div_ceil(8),
        (1, Some(_), Some(Addressing::Bitmap(bits))) => {
            rows.checked_mul(u64::from(bits)) == Some(node.length)
        }
        _ => false,
    };
    if fits && node.nulls <= node.length {
        return Ok(());
    }
    Err(damaged(RecordKind::State, "nulls that do not fit their validity bitmap"))
}
