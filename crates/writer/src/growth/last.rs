//! The last chunk of a frame as it stands.

use core::ops::Range;
use shmframe_format::addressing::{Addressing, WORD_ROWS};
use shmframe_format::columns::Span;
use shmframe_format::frame::Chunk;
use shmframe_format::geometry::{ALIGNMENT, PADDING};
use shmframe_format::table::{BufferItem, NodeItem};
use shmframe_segment::FrameRecords;

/// The last chunk of a frame. Nodes and buffers are counted from its own first ones.
pub(super) struct Last<'f> {
    chunk: Chunk<'f>,
    /// Where its nodes and buffers begin among those of the frame.
    first: (usize, usize),
}

/// A node that stands there.
#[derive(Clone, Debug)]
pub(super) struct StandingNode {
    pub(super) item: NodeItem,
    /// Its number.
    pub(super) node: usize,
    /// Its buffers, validity included.
    pub(super) buffers: Range<usize>,
}

/// A buffer that stands there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) index: usize,
    pub(super) place: BufferItem,
    /// Bytes that the frame has of it.
    pub(super) length: u64,
    pub(super) open_word: u64,
}

impl<'f> Last<'f> {
    /// The last chunk; none if the frame has none.
    pub(super) fn of(frame: &'f FrameRecords) -> Option<Self> {
        let chunk = frame.chunks().last()?;
        let state = frame.state();
        let first = (state.nodes.len() - chunk.nodes.len(), state.buffers.len() - chunk.states.len());
        Some(Self { chunk, first })
    }

    pub(super) fn rows(&self) -> u64 {
        self.chunk.rows
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = Span> + use<'f> {
        Span::trees(self.chunk.nodes)
    }

    /// The node with this number, whose first buffer is `buffer`.
    pub(super) fn node(&self, node: usize, buffer: usize) -> Option<StandingNode> {
        let item = *self.chunk.nodes.get(node)?;
        let buffers = buffer..buffer + item.buffers as usize;
        (buffers.end <= self.chunk.states.len()).then_some(StandingNode { item, node, buffers })
    }

    pub(super) fn nodes(&self, range: Range<usize>) -> &'f [NodeItem] {
        &self.chunk.nodes[range]
    }

    pub(super) fn buffer(&self, index: usize) -> Option<Standing> {
        let (place, state) = (*self.chunk.places.get(index)?, self.chunk.states.get(index)?);
        Some(Standing { index, place, length: state.length, open_word: state.open_word })
    }

    /// The tree that begins at this node.
    pub(super) fn tree(&self, node: usize, buffer: usize) -> Span {
        Span::of_tree(self.chunk.nodes, node, buffer)
    }

    /// The trees of the pieces of a column that is in pieces; the column itself if it could be one.
    pub(super) fn pieces(&self, column: &Span) -> Vec<Span> {
        if self.chunk.nodes[column.nodes.start].pieces == 0 {
            return vec![column.clone()];
        }
        let (mut node, mut buffer) = (column.nodes.start + 1, column.buffers.start);
        let mut pieces = Vec::new();
        while node < column.nodes.end {
            let piece = self.tree(node, buffer);
            (node, buffer) = (piece.nodes.end, piece.buffers.end);
            pieces.push(piece);
        }
        pieces
    }

    /// Whether rows can be told apart in no buffer of a column.
    pub(super) fn has_only_bytes(&self, column: &Span) -> bool {
        let places = &self.chunk.places[column.buffers.clone()];
        places.iter().all(|place| Addressing::of(place) == Some(Addressing::Bytes))
    }

    /// Whether a column of a type that grows in place stands in pieces, or as one that could be a piece.
    pub(super) fn is_in_pieces(&self, column: &Span) -> bool {
        let in_pieces = self.chunk.nodes[column.nodes.start].pieces == 1;
        in_pieces || (self.has_only_bytes(column) && !column.buffers.is_empty())
    }

    /// Whether a column has validity bitmaps.
    pub(super) fn has_validity(&self, column: &Span) -> bool {
        self.chunk.nodes[column.nodes.clone()].iter().any(|node| node.validity == 1)
    }

    /// The same nodes and buffers, counted from the first ones of the frame.
    pub(super) fn in_frame(&self, span: &Span) -> Span {
        let by = |range: &Range<usize>, first: usize| range.start + first..range.end + first;
        Span { nodes: by(&span.nodes, self.first.0), buffers: by(&span.buffers, self.first.1) }
    }
}

/// The capacity of a buffer of so many bytes that has no room to grow.
pub(super) fn packed(length: u64) -> u64 {
    (length + PADDING).next_multiple_of(ALIGNMENT)
}

impl Standing {
    pub(super) fn addressing(&self) -> Option<Addressing> {
        Addressing::of(&self.place)
    }

    /// Whether there is room for so many bytes more.
    pub(super) fn has_room(&self, added: u64) -> bool {
        let end = self.length.checked_add(added).and_then(|end| end.checked_add(PADDING));
        added == 0 || (self.is_run() && end.is_some_and(|end| end <= self.place.capacity))
    }

    /// Whether another buffer, which has its last `shared` bytes too, has room for so many more behind it.
    pub(super) fn has_room_behind(&self, shared: u64, added: u64, addressing: Addressing) -> bool {
        let BufferItem { offset, capacity, .. } = self.place;
        let behind = (offset + self.length).next_multiple_of(addressing.alignment());
        let end = behind.checked_add(added).and_then(|end| end.checked_add(PADDING));
        self.is_run() && shared <= self.length && end.is_some_and(|end| end <= offset + capacity)
    }

    /// Whether it stands in a run that is not used up to its last 64 bytes: the segment writes on in no other extent.
    fn is_run(&self) -> bool {
        self.place.capacity > packed(self.length)
    }

    /// Whether a bitmap of so many rows has all of its whole words in place, and nothing else.
    pub(super) fn is_whole_to(&self, rows: u64) -> bool {
        self.length == rows / WORD_ROWS * (WORD_ROWS / 8)
    }
}
