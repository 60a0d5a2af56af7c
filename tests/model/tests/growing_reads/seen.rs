//! A column of which fewer rows are seen than were put: what a version sees of a column that grew, or lost rows in front.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use shmframe::{Result, Validation};
use shmframe_format::addressing::Addressing;
use shmframe_format::columns::Span;
use shmframe_format::frame::{Layout, State};
use shmframe_format::table::{BufferItem, BufferStateItem, ChunkItem, NodeItem};
use shmframe_model::Scratch;
use shmframe_segment::{
    Attachment, FrameBytes, Frozen, Location, PinnedFrame, PinnedVersion, Trust, build_column,
};
use std::ops::Range;

/// Columns over the bytes of frames that were put.
pub(super) struct Seen {
    /// For each buffer, the one that its bytes are of.
    origins: Vec<(PinnedFrame, usize)>,
    layout: Layout,
    state: State,
    /// Every buffer begins so many bytes behind its place.
    pub(super) shift: u64,
}

/// How much of a column is seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Rows that there are.
    pub(super) rows: u64,
    /// Rows that are not seen, of those in front.
    pub(super) skipped: u64,
    /// Whether bitmaps of one bit a row have their last word in the record.
    pub(super) open: bool,
}

impl FrameBytes for Seen {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn bytes(&self, buffer: usize, range: Range<u64>) -> Result<Frozen> {
        assert!(range.end <= self.state.buffers[buffer].length, "bytes that are not seen");
        let (frame, index) = &self.origins[buffer];
        let shift = self.shift.min(frame.state().buffers[*index].length.saturating_sub(range.end));
        frame.bytes(*index, range.start + shift..range.end + shift)
    }
}

/// The newest version of a frame.
pub(super) fn pinned(scratch: &Scratch, segment: &str, frame: &str) -> PinnedFrame {
    let location = Location::new(Some(scratch.path()), segment, Trust::default()).unwrap();
    let version = PinnedVersion::newest(&Attachment::open(&location, "test").unwrap()).unwrap();
    version.frame(frame, || None).unwrap().unwrap()
}

/// The columns of a frame of one chunk.
pub(super) fn columns(frame: &PinnedFrame) -> Vec<Span> {
    Span::trees(&frame.state().nodes).collect()
}

/// Whether a column of this type grows in place.
pub(super) fn grows(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => fields.iter().all(|field| grows(field.data_type())),
        DataType::FixedSizeList(field, _) => grows(field.data_type()),
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::Map(_, _)
        | DataType::Union(_, _)
        | DataType::RunEndEncoded(_, _) => false,
        _ => true,
    }
}

impl Seen {
    fn of(frame: &PinnedFrame) -> Self {
        let layout = Layout { extents: Vec::new(), buffers: Vec::new(), ..frame.layout().clone() };
        let (chunks, nodes) = (Vec::new(), Vec::new());
        let state = State { chunks, nodes, buffers: Vec::new(), ..frame.state().clone() };
        Self { origins: Vec::new(), layout, state, shift: 0 }
    }

    fn add(&mut self, frame: &PinnedFrame, column: &Span) {
        self.state.nodes.extend_from_slice(&frame.state().nodes[column.nodes.clone()]);
        self.state.buffers.extend_from_slice(&frame.state().buffers[column.buffers.clone()]);
        self.layout.buffers.extend_from_slice(&frame.layout().buffers[column.buffers.clone()]);
        self.origins.extend(column.buffers.clone().map(|buffer| (frame.clone(), buffer)));
    }

    /// A column of which some rows are seen.
    pub(super) fn cut(frame: &PinnedFrame, column: &Span, data_type: &DataType, cut: Cut) -> Self {
        let mut seen = Self::of(frame);
        seen.add(frame, column);
        let all = seen.state.nodes[0].length;
        if grows(data_type) {
            let mut cutter = Cutter { seen: &mut seen, all, cut, node: 0, buffer: 0 };
            cutter.cut(data_type);
        } else if cut.skipped > 0 {
            // Nobody can know how many there are in the rows that are left, without counting.
            seen.state.nodes.iter_mut().for_each(|node| node.nulls = 0);
        }
        seen.finish(cut.rows - cut.skipped);
        seen
    }

    /// A column in pieces, of which the first `skipped` rows are not seen.
    pub(super) fn in_pieces(pieces: &[(PinnedFrame, Span)], skipped: u64) -> Self {
        let mut seen = Self::of(&pieces[0].0);
        let length =
            pieces.iter().map(|(frame, column)| frame.state().nodes[column.nodes.start].length).sum();
        let children = pieces.len() as u32;
        seen.state.nodes.push(NodeItem { length, nulls: 0, buffers: 0, children, validity: 0, pieces: 1 });
        pieces.iter().for_each(|(frame, column)| seen.add(frame, column));
        seen.layout.buffers.iter_mut().for_each(|place| *place = bytes(*place));
        seen.finish(length - skipped);
        seen
    }

    /// Lets the records say that no row can be told apart.
    pub(super) fn without_rows(mut self) -> Self {
        self.layout.buffers.iter_mut().for_each(|place| *place = bytes(*place));
        self
    }

    fn finish(&mut self, rows: u64) {
        let (nodes, buffers) = (self.state.nodes.len() as u32, self.state.buffers.len() as u32);
        self.state.rows = rows;
        self.state.chunks = vec![ChunkItem { rows, nodes, buffers }];
    }

    pub(super) fn build(&self, data_type: &DataType, validation: Validation) -> Result<Vec<ArrayRef>> {
        let column = Span { nodes: 0..self.state.nodes.len(), buffers: 0..self.state.buffers.len() };
        build_column(self, self.state.rows, &column, data_type, validation)
    }

    pub(super) fn buffers(&mut self) -> &mut [BufferStateItem] {
        &mut self.state.buffers
    }

    pub(super) fn nodes(&mut self) -> &mut [NodeItem] {
        &mut self.state.nodes
    }

    /// Whether what begins here lies in place.
    pub(super) fn contains_address(&self, address: *const u8) -> bool {
        self.origins[0].0.contains_address(address)
    }
}

fn bytes(place: BufferItem) -> BufferItem {
    Addressing::Bytes.item(place.offset, place.capacity)
}

/// Rewrites the records of a column as those of one of which some rows are seen.
struct Cutter<'a> {
    seen: &'a mut Seen,
    all: u64,
    cut: Cut,
    node: usize,
    buffer: usize,
}

impl Cutter<'_> {
    fn cut(&mut self, data_type: &DataType) {
        let (node, first) = (self.seen.state.nodes[self.node], self.buffer);
        let values = node.length.checked_div(self.all).unwrap_or(1);
        if node.validity == 1 {
            let (frame, index) = &self.seen.origins[first];
            let bits = frame.bytes(*index, 0..self.seen.state.buffers[first].length).unwrap();
            let rows = self.cut.skipped * values..self.cut.rows * values;
            let null = |row: &u64| bits.as_ref()[(row / 8) as usize] >> (row % 8) & 1 == 0;
            self.seen.state.nodes[self.node].nulls = rows.filter(null).count() as u64;
        }
        self.seen.state.nodes[self.node].length = self.cut.rows * values;
        if let DataType::Dictionary(_, _) = data_type {
            let tree = Span::of_tree(&self.seen.state.nodes, self.node, self.buffer);
            (first..first + node.buffers as usize).for_each(|buffer| self.cut_buffer(buffer));
            (self.node, self.buffer) = (tree.nodes.end, tree.buffers.end);
            return;
        }
        self.node += 1;
        self.buffer += node.buffers as usize;
        (first..self.buffer).for_each(|buffer| self.cut_buffer(buffer));
        match data_type {
            DataType::Struct(fields) => fields.iter().for_each(|field| self.cut(field.data_type())),
            DataType::FixedSizeList(field, _) => self.cut(field.data_type()),
            _ => {}
        }
    }

    fn cut_buffer(&mut self, index: usize) {
        let addressing = Addressing::of(&self.seen.layout.buffers[index]).unwrap();
        let state = &mut self.seen.state.buffers[index];
        if addressing == Addressing::Bytes {
            return;
        }
        let closed = addressing.closed_length(self.cut.rows).filter(|_| self.cut.open);
        state.length = closed.or_else(|| addressing.length(self.cut.rows)).unwrap();
        if closed.is_some() {
            let (frame, buffer) = &self.seen.origins[index];
            let bytes = frame.bytes(*buffer, 0..frame.state().buffers[*buffer].length).unwrap();
            let mut word = [0; 8];
            let open = &bytes.as_ref()[state.length as usize..];
            let length = open.len().min(8);
            word[..length].copy_from_slice(&open[..length]);
            state.open_word = u64::from_le_bytes(word) & ((1 << (self.cut.rows % 64)) - 1);
        }
    }
}
