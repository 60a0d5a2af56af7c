//! Rows are cut off the front of a frame: a state of fewer rows, and a layout only where a whole chunk or piece goes.

use crate::addressing::{Addressing, WORD_ROWS};
use crate::columns::Span;
use crate::error::Result;
use crate::frame::{Layout, State};
use crate::table::{BufferItem, NodeItem};
use core::ops::Range;

/// A frame after rows were cut off its front.
#[derive(Debug)]
pub struct Cut {
    /// What a version sees of it.
    pub state: State,
    /// Where its buffers stand, if some of them went.
    pub layout: Option<Layout>,
    /// Rows that were cut off: as many as were asked for, or up to 63 fewer.
    pub rows: u64,
}

/// Cuts up to `rows` rows off the front of a frame: whole chunks but the last one, and whole words of [`WORD_ROWS`] rows of a
/// chunk. Nothing if that is none.
///
/// `zeros` counts the zero bits of a bitmap that stands at this place.
///
/// # Errors
/// Those of `zeros`.
pub fn cut_front(
    layout: &Layout,
    state: &State,
    rows: u64,
    mut zeros: impl FnMut(&BufferItem, Range<u64>) -> Result<u64>,
) -> Result<Option<Cut>> {
    let gone = whole_chunks(state, rows);
    let gone_rows: u64 = state.chunks[..gone].iter().map(|chunk| chunk.rows).sum();
    let Some(first) = state.chunks.get(gone) else { return Ok(None) };
    let within = (rows - gone_rows).min(first.rows) / WORD_ROWS * WORD_ROWS;
    let cut = gone_rows + within;
    if cut == 0 {
        return Ok(None);
    }
    let mut parts = Parts::without_chunks(layout, state, gone);
    if within > 0 {
        parts.cut_first(within, &mut zeros)?;
    }
    let Parts { layout: mut after, mut state, changed } = parts;
    state.rows -= cut;
    state.first_row += cut;
    after.leave_out_unused_extents();
    Ok(Some(Cut { state, layout: changed.then_some(after), rows: cut }))
}

/// How many chunks go whole.
fn whole_chunks(state: &State, rows: u64) -> usize {
    let mut left = rows;
    let goes = |chunk: &&crate::table::ChunkItem| match left.checked_sub(chunk.rows) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let last = state.chunks.len().saturating_sub(1);
    state.chunks[..last].iter().take_while(goes).count()
}

struct Parts {
    layout: Layout,
    state: State,
    /// Whether buffers went.
    changed: bool,
}

impl Parts {
    fn without_chunks(layout: &Layout, state: &State, gone: usize) -> Self {
        let (mut layout, mut state) = (layout.clone(), state.clone());
        let nodes: usize = state.chunks[..gone].iter().map(|chunk| chunk.nodes as usize).sum();
        let buffers: usize = state.chunks[..gone].iter().map(|chunk| chunk.buffers as usize).sum();
        state.chunks.drain(..gone);
        state.nodes.drain(..nodes);
        state.buffers.drain(..buffers);
        layout.buffers.drain(..buffers);
        layout.chunks -= gone as u32;
        Self { layout, state, changed: gone > 0 }
    }

    /// Cuts rows off the first chunk, fewer than it has or all of them.
    fn cut_first(
        &mut self,
        rows: u64,
        zeros: &mut impl FnMut(&BufferItem, Range<u64>) -> Result<u64>,
    ) -> Result<()> {
        let before = self.state.chunks[0].rows;
        self.state.chunks[0].rows -= rows;
        let (mut node, mut buffer) = (0, 0);
        while node < self.state.chunks[0].nodes as usize {
            let root = self.state.nodes[node];
            if root.pieces == 1 {
                self.drop_pieces(node, buffer);
            } else {
                let first = root.length - before;
                self.cut_column(node, buffer, first..first + rows, zeros)?;
            }
            let span = Span::of_tree(&self.state.nodes, node, buffer);
            (node, buffer) = (span.nodes.end, span.buffers.end);
        }
        Ok(())
    }

    /// Takes the nulls of rows that go off the nodes of a column.
    fn cut_column(
        &mut self,
        node: usize,
        mut buffer: usize,
        rows: Range<u64>,
        zeros: &mut impl FnMut(&BufferItem, Range<u64>) -> Result<u64>,
    ) -> Result<()> {
        let span = Span::of_tree(&self.state.nodes, node, buffer);
        for NodeItem { nulls, buffers, validity, .. } in &mut self.state.nodes[span.nodes] {
            let place = &self.layout.buffers[buffer..][..*buffers as usize];
            if let (1, Some(place)) = (*validity, place.first())
                && let Some(Addressing::Bitmap(bits)) = Addressing::of(place)
            {
                let bits = u64::from(bits);
                *nulls = nulls.saturating_sub(zeros(place, rows.start * bits..rows.end * bits)?);
            }
            buffer += *buffers as usize;
        }
        Ok(())
    }

    /// Drops the pieces of a column that have none of the chunk's rows any more.
    fn drop_pieces(&mut self, root: usize, buffer: usize) {
        let rows = self.state.chunks[0].rows;
        while let Some(piece) = self.state.nodes.get(root + 1)
            && self.state.nodes[root].children > 0
            && self.state.nodes[root].length - piece.length >= rows
        {
            let length = piece.length;
            let span = Span::of_tree(&self.state.nodes, root + 1, buffer);
            let node = &mut self.state.nodes[root];
            node.length -= length;
            node.children -= 1;
            self.state.chunks[0].nodes -= span.nodes.len() as u32;
            self.state.chunks[0].buffers -= span.buffers.len() as u32;
            self.state.nodes.drain(span.nodes);
            self.state.buffers.drain(span.buffers.clone());
            self.layout.buffers.drain(span.buffers);
            self.changed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{BufferStateItem, ChunkItem, ExtentItem, RecordReference};

    fn node(length: u64, buffers: u32, children: u32) -> NodeItem {
        NodeItem { length, nulls: 0, buffers, children, validity: 0, pieces: 0 }
    }

    /// A chunk of 100 rows with a number; then one of 300 rows with a number and nulls, and with lists of two pieces.
    fn frame() -> (Layout, State) {
        let schema = RecordReference { offset: 0, length: 0, version: 0, epoch: 0, checksum: 0 };
        let places = [
            Addressing::Values(64).item(0, 1 << 20),
            Addressing::Bitmap(1).item(2 << 20, 1 << 20),
            Addressing::Values(64).item(800, (1 << 20) - 800),
            Addressing::Bytes.item(4 << 20, 4096),
            Addressing::Bytes.item(5 << 20, 4096),
        ];
        let extent = |at: u64, length| ExtentItem { offset: at << 20, length, version: 2 };
        let layout = Layout {
            schema,
            generation: 9,
            chunks: 2,
            extents: vec![extent(0, 1 << 20), extent(2, 1 << 20), extent(4, 4096), extent(5, 4096)],
            buffers: places.to_vec(),
        };
        let numbers = NodeItem { nulls: 30, validity: 1, ..node(300, 2, 0) };
        let pieces = NodeItem { pieces: 1, ..node(300, 0, 2) };
        let state = State {
            generation: 9,
            rows: 400,
            first_row: 1000,
            chunks: vec![
                ChunkItem { rows: 100, nodes: 1, buffers: 1 },
                ChunkItem { rows: 300, nodes: 4, buffers: 4 },
            ],
            nodes: vec![node(100, 1, 0), numbers, pieces, node(200, 1, 0), node(100, 1, 0)],
            buffers: [800, 32, 2400, 800, 400]
                .map(|length| BufferStateItem { length, open_word: 0 })
                .to_vec(),
        };
        (layout, state)
    }

    fn cut(rows: u64) -> Option<Cut> {
        let (layout, state) = frame();
        cut_front(&layout, &state, rows, |_, bits| Ok((bits.end - bits.start) / 64)).unwrap()
    }

    #[test]
    fn rows_go_in_whole_words_and_the_layout_stays() {
        assert!(cut(63).is_none());
        let after = cut(99).unwrap();
        assert_eq!((after.rows, after.state.first_row, after.state.rows), (64, 1064, 336));
        assert_eq!(after.state.chunks[0].rows, 36);
        assert!(after.layout.is_none());
        let used = after.state.used(&frame().0);
        assert_eq!(used[0].start, 512, "rows before the first one are not used");
    }

    #[test]
    fn whole_chunks_and_pieces_go_and_nulls_of_the_others_stay() {
        let after = cut(100).unwrap();
        assert_eq!((after.rows, after.state.chunks.len()), (100, 1));
        let layout = after.layout.unwrap();
        assert_eq!((layout.chunks, layout.buffers.len(), layout.extents.len()), (1, 4, 4));
        let after = cut(100 + 200).unwrap();
        assert_eq!((after.rows, after.state.rows, after.state.first_row), (292, 108, 1292));
        assert_eq!((after.state.nodes[0].nulls, after.state.nodes[0].length), (27, 300));
        assert_eq!(after.state.nodes[1].length, 300, "the first piece still has 8 rows");
        let after = cut(100 + 256).unwrap();
        assert_eq!((after.state.nodes[1].length, after.state.nodes[1].children), (100, 1));
        let layout = after.layout.unwrap();
        assert_eq!(layout.extents.len(), 3);
        let used = after.state.used(&layout);
        assert_eq!(
            used[1].start,
            2 << 20,
            "32 bytes of the bitmap went: free bytes begin at multiples of 64"
        );
    }

    #[test]
    fn last_chunk_keeps_what_does_not_fill_a_word() {
        let after = cut(u64::MAX).unwrap();
        assert_eq!((after.rows, after.state.rows), (100 + 256, 44));
    }
}
