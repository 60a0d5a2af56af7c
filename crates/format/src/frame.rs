//! A frame's two records: where its buffers stand (layout), and what a version sees of them (state).

use crate::addressing::Addressing;
use crate::columns::Span;
use crate::error::Result;
use crate::geometry::{ALIGNMENT, Geometry, PADDING};
use crate::record::{self, Draft, RecordKind, RecordSource, damaged};
use crate::table::{
    BufferItem, BufferStateItem, ChunkItem, ExtentItem, LayoutBody, NodeItem, RecordHeader, RecordReference,
    SchemaBody, StateBody,
};
use bytemuck::Zeroable;
use core::ops::Range;

/// A frame's layout record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The schema record.
    pub schema: RecordReference,
    /// The frame's generation.
    pub generation: u64,
    /// Chunks.
    pub chunks: u32,
    /// The extents that hold the buffers, by offset.
    pub extents: Vec<ExtentItem>,
    /// Every buffer's place; chunk by chunk, depth-first.
    pub buffers: Vec<BufferItem>,
}

/// A frame's state record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The frame's generation.
    pub generation: u64,
    /// Rows.
    pub rows: u64,
    /// The number of the first row.
    pub first_row: u64,
    /// Ranges of rows.
    pub chunks: Vec<ChunkItem>,
    /// The nodes of all chunks.
    pub nodes: Vec<NodeItem>,
    /// The buffers of all chunks.
    pub buffers: Vec<BufferStateItem>,
}

/// One chunk of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// Its rows.
    pub rows: u64,
    /// Its nodes.
    pub nodes: &'a [NodeItem],
    /// What the version sees of its buffers.
    pub states: &'a [BufferStateItem],
    /// Where its buffers stand.
    pub places: &'a [BufferItem],
}

impl Layout {
    /// Bytes of the record of a layout of so many extents and buffers.
    #[must_use]
    pub fn draft_length(extents: usize, buffers: usize) -> u64 {
        let items = extents * size_of::<ExtentItem>() + buffers * size_of::<BufferItem>();
        (size_of::<RecordHeader>() + size_of::<LayoutBody>() + items) as u64
    }

    /// The record, not yet sealed, in place of bytes that nobody needs any more: they save an allocation.
    #[must_use]
    pub fn to_draft(&self, bytes: Vec<u8>) -> Vec<u8> {
        let mut draft = Draft::in_place_of(bytes);
        draft.push(&LayoutBody {
            schema: self.schema,
            generation: self.generation,
            extents: self.extents.len() as u32,
            buffers: self.buffers.len() as u32,
            chunks: self.chunks,
            reserved: 0,
        });
        draft.push_bytes(bytemuck::cast_slice(&self.extents));
        draft.push_bytes(bytemuck::cast_slice(&self.buffers));
        draft.finish()
    }

    /// Leaves out the extents that no buffer stands in.
    pub fn leave_out_unused_extents(&mut self) {
        let mut starts: Vec<u64> = self.buffers.iter().map(|buffer| buffer.offset).collect();
        starts.sort_unstable();
        self.extents.retain(|extent| {
            let first = starts.partition_point(|start| *start < extent.offset);
            starts.get(first).is_some_and(|start| *start < extent.offset + extent.length)
        });
    }

    /// Reads and checks a layout record: every extent in the heap, every buffer in an extent.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    pub fn read(
        source: &impl RecordSource,
        geometry: &Geometry,
        reference: &RecordReference,
    ) -> Result<Self> {
        let mut body = record::open(source, RecordKind::Layout, reference)?;
        let head: LayoutBody = body.take()?;
        let extents: Vec<ExtentItem> = body.take_items(head.extents)?;
        let buffers: Vec<BufferItem> = body.take_items(head.buffers)?;
        body.finish()?;
        check_extents(&extents, geometry)?;
        let latest = extents.iter().map(|extent| extent.version).chain([head.schema.version]).max();
        if latest > Some(reference.version) {
            return Err(damaged(RecordKind::Layout, "parts of a later version"));
        }
        for buffer in &buffers {
            check_place(buffer, &extents)?;
        }
        let LayoutBody { schema, generation, chunks, .. } = head;
        Ok(Self { schema, generation, chunks, extents, buffers })
    }
}

/// The draft of a state record; `head` gets the numbers of the items.
fn state_draft(
    head: StateBody,
    chunks: &[ChunkItem],
    nodes: &[NodeItem],
    buffers: impl ExactSizeIterator<Item = BufferStateItem>,
    bytes: Vec<u8>,
) -> Vec<u8> {
    let mut draft = Draft::in_place_of(bytes);
    draft.push(&StateBody {
        chunks: chunks.len() as u32,
        nodes: nodes.len() as u32,
        buffers: buffers.len() as u32,
        ..head
    });
    draft.push_bytes(bytemuck::cast_slice(chunks));
    draft.push_bytes(bytemuck::cast_slice(nodes));
    buffers.for_each(|buffer| draft.push(&buffer));
    draft.finish()
}

fn check_extents(extents: &[ExtentItem], geometry: &Geometry) -> Result<()> {
    let mut end = 0;
    for extent in extents {
        let fits = geometry.in_heap(extent.offset, extent.length) && extent.length.is_multiple_of(ALIGNMENT);
        if !fits || extent.offset < end {
            return Err(damaged(RecordKind::Layout, "extents that overlap, or do not lie in the heap"));
        }
        end = extent.offset + extent.length;
    }
    Ok(())
}

/// Which of these extents, ordered by offset, is the last that does not begin behind this byte: the one that holds it, if one
/// does.
#[must_use]
pub fn extent_at(extents: &[ExtentItem], offset: u64) -> Option<usize> {
    extents.partition_point(|extent| extent.offset <= offset).checked_sub(1)
}

fn check_place(buffer: &BufferItem, extents: &[ExtentItem]) -> Result<()> {
    let extent = extent_at(extents, buffer.offset).map(|at| &extents[at]);
    let end = buffer.offset.checked_add(buffer.capacity);
    let fits = matches!((extent, end), (Some(extent), Some(end)) if end <= extent.offset + extent.length);
    let alignment = Addressing::of(buffer).map(Addressing::alignment);
    if fits && alignment.is_some_and(|alignment| buffer.offset.is_multiple_of(alignment)) {
        return Ok(());
    }
    Err(damaged(RecordKind::Layout, "a buffer that does not lie in an extent of the frame"))
}

impl State {
    /// The chunks of a frame whose layout this state fits.
    pub fn chunks_in<'a>(&'a self, layout: &'a Layout) -> impl Iterator<Item = Chunk<'a>> {
        let (mut node, mut buffer) = (0, 0);
        self.chunks.iter().map(move |chunk| {
            let (nodes, buffers) =
                (node..node + chunk.nodes as usize, buffer..buffer + chunk.buffers as usize);
            (node, buffer) = (nodes.end, buffers.end);
            let (states, places) = (&self.buffers[buffers.clone()], &layout.buffers[buffers]);
            Chunk { rows: chunk.rows, nodes: &self.nodes[nodes], states, places }
        })
    }

    /// For each extent of the layout, what of it this version uses: from the first byte that belongs to a row, rounded down to
    /// [`ALIGNMENT`] (bytes that are free begin there), to the end of the last buffer's padding; empty where nothing is used.
    #[must_use]
    pub fn used(&self, layout: &Layout) -> Vec<Range<u64>> {
        let mut used: Vec<Range<u64>> =
            layout.extents.iter().map(|extent| extent.offset..extent.offset).collect();
        self.each_buffer(layout, |bytes, place| {
            let end = (bytes.end + PADDING).next_multiple_of(ALIGNMENT).min(place.offset + place.capacity);
            if let Some(used) = extent_at(&layout.extents, place.offset).map(|at| &mut used[at]) {
                let start = bytes.start / ALIGNMENT * ALIGNMENT;
                let first = if used.is_empty() { start } else { used.start.min(start) };
                *used = first..used.end.max(end);
            }
        });
        used
    }

    /// Bytes of buffers that belong to rows which the version sees, each once.
    #[must_use]
    pub fn bytes(&self, layout: &Layout) -> u64 {
        let mut ranges = Vec::with_capacity(self.buffers.len());
        self.each_buffer(layout, |bytes, _| ranges.push(bytes));
        ranges.sort_unstable_by_key(|bytes| bytes.start);
        let mut end = 0;
        let own = |bytes: Range<u64>| {
            let start = bytes.start.max(end);
            end = end.max(bytes.end);
            bytes.end.saturating_sub(start)
        };
        ranges.into_iter().map(own).sum()
    }

    /// Calls `visit` for each buffer, with the bytes of it that belong to rows which the version sees.
    pub(crate) fn each_buffer(&self, layout: &Layout, mut visit: impl FnMut(Range<u64>, &BufferItem)) {
        for chunk in self.chunks_in(layout) {
            for span in Span::trees(chunk.nodes) {
                let before = chunk.nodes[span.nodes.start].length - chunk.rows;
                for index in span.buffers {
                    let (state, place) = (&chunk.states[index], &chunk.places[index]);
                    let skipped = Addressing::of(place).and_then(|addressing| addressing.start(before));
                    let start = place.offset + skipped.unwrap_or(0).min(state.length);
                    visit(start..place.offset + state.length, place);
                }
            }
        }
    }

    /// Bytes of the record of a state of so many chunks, nodes and buffers.
    #[must_use]
    pub fn draft_length(chunks: usize, nodes: usize, buffers: usize) -> u64 {
        let items = chunks * size_of::<ChunkItem>()
            + nodes * size_of::<NodeItem>()
            + buffers * size_of::<BufferStateItem>();
        (size_of::<RecordHeader>() + size_of::<StateBody>() + items) as u64
    }

    /// The record, not yet sealed, in place of bytes that nobody needs any more: they save an allocation.
    #[must_use]
    pub fn to_draft(&self, bytes: Vec<u8>) -> Vec<u8> {
        let Self { generation, rows, first_row, .. } = *self;
        let head = StateBody { generation, rows, first_row, ..StateBody::zeroed() };
        state_draft(head, &self.chunks, &self.nodes, self.buffers.iter().copied(), bytes)
    }

    /// As [`State::to_draft`], for a frame that is put as one chunk, with buffers of these lengths.
    #[must_use]
    pub fn draft_of_one_chunk(
        (generation, first_row): (u64, u64),
        rows: u64,
        nodes: &[NodeItem],
        buffer_lengths: impl ExactSizeIterator<Item = u64>,
        bytes: Vec<u8>,
    ) -> Vec<u8> {
        let head = StateBody { generation, rows, first_row, ..StateBody::zeroed() };
        let chunk = ChunkItem { rows, nodes: nodes.len() as u32, buffers: buffer_lengths.len() as u32 };
        let buffers = buffer_lengths.map(|length| BufferStateItem { length, open_word: 0 });
        state_draft(head, &[chunk], nodes, buffers, bytes)
    }

    /// Reads a state record and checks it, by itself and against the layout of its frame.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    pub fn read(source: &impl RecordSource, layout: &Layout, reference: &RecordReference) -> Result<Self> {
        let mut body = record::open(source, RecordKind::State, reference)?;
        let head: StateBody = body.take()?;
        let state = Self {
            generation: head.generation,
            rows: head.rows,
            first_row: head.first_row,
            chunks: body.take_items(head.chunks)?,
            nodes: body.take_items(head.nodes)?,
            buffers: body.take_items(head.buffers)?,
        };
        body.finish()?;
        state.check_chunks()?;
        state.check_layout(layout)?;
        Ok(state)
    }
}

/// The draft of a schema record that holds an Arrow IPC schema message.
#[must_use]
pub fn schema_draft(message: &[u8]) -> Vec<u8> {
    let mut draft = Draft::with_capacity(size_of::<SchemaBody>() + message.len());
    draft.push(&SchemaBody { length: message.len() as u64 });
    draft.push_bytes(message);
    draft.finish()
}

/// Reads a schema record: a private copy of the Arrow IPC schema message.
///
/// # Errors
/// [`crate::ErrorKind::Corrupt`].
pub fn read_schema(source: &impl RecordSource, reference: &RecordReference) -> Result<Vec<u8>> {
    let mut body = record::open(source, RecordKind::Schema, reference)?;
    let SchemaBody { length } = body.take()?;
    let message = body.take_bytes(usize::try_from(length).unwrap_or(usize::MAX))?.to_vec();
    body.finish()?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::record::seal;

    struct Memory(Vec<u8>);

    impl RecordSource for Memory {
        fn copy_out(&self, _: u64, _: u64) -> Result<Vec<u8>> {
            Ok(self.0.clone())
        }
    }

    fn geometry() -> Geometry {
        Geometry::new(1 << 30, 1).unwrap()
    }

    fn layout() -> Layout {
        let offset = geometry().heap_offset();
        Layout {
            schema: RecordReference { offset, length: 64, version: 1, epoch: 1, checksum: 1 },
            generation: 4,
            chunks: 1,
            extents: vec![ExtentItem { offset, length: 512, version: 1 }],
            buffers: vec![
                Addressing::Bitmap(1).item(offset, 128),
                Addressing::Values(64).item(offset + 128, 384),
            ],
        }
    }

    fn state() -> State {
        State {
            generation: 4,
            rows: 10,
            first_row: 0,
            chunks: vec![ChunkItem { rows: 10, nodes: 2, buffers: 2 }],
            nodes: vec![
                NodeItem { length: 10, nulls: 1, buffers: 1, children: 1, validity: 1, pieces: 0 },
                NodeItem { length: 10, nulls: 0, buffers: 1, children: 0, validity: 0, pieces: 0 },
            ],
            buffers: vec![
                BufferStateItem { length: 2, open_word: 0 },
                BufferStateItem { length: 80, open_word: 0 },
            ],
        }
    }

    fn read_layout(layout: &Layout) -> Result<Layout> {
        let mut bytes = layout.to_draft(Vec::new());
        let reference = seal(RecordKind::Layout, 1, 1, 64, &mut bytes);
        Layout::read(&Memory(bytes), &geometry(), &reference)
    }

    fn read_state(state: &State) -> Result<State> {
        let mut bytes = state.to_draft(Vec::new());
        let reference = seal(RecordKind::State, 1, 1, 64, &mut bytes);
        State::read(&Memory(bytes), &layout(), &reference)
    }

    #[test]
    fn records_survive_a_round_trip() {
        assert_eq!(read_layout(&layout()).unwrap(), layout());
        assert_eq!(layout().to_draft(Vec::new()).len() as u64, Layout::draft_length(1, 2));
        assert_eq!(read_state(&state()).unwrap(), state());
        let draft = state().to_draft(vec![1; 1000]);
        assert_eq!(draft.len() as u64, State::draft_length(1, 2, 2));
        assert_eq!(
            draft,
            State::draft_of_one_chunk((4, 0), 10, &state().nodes, [2, 80].into_iter(), Vec::new())
        );
        let mut bytes = schema_draft(b"schema");
        let reference = seal(RecordKind::Schema, 1, 1, 64, &mut bytes);
        assert_eq!(read_schema(&Memory(bytes), &reference).unwrap(), b"schema");
    }

    #[test]
    fn buffer_in_the_room_of_another_one_is_refused_where_rows_are_to_be_appended() {
        state().check_room(&layout()).unwrap();
        let breakages: [fn(&mut Layout); 3] = [
            |layout| layout.buffers[0].capacity = 192,
            |layout| layout.buffers[1] = Addressing::Values(64).item(layout.buffers[0].offset + 64, 384),
            |layout| layout.buffers[1].offset = layout.buffers[0].offset,
        ];
        for (at, breakage) in breakages.iter().enumerate() {
            let mut layout = layout();
            breakage(&mut layout);
            assert_eq!(state().check_room(&layout).unwrap_err().kind(), ErrorKind::Corrupt, "breakage {at}");
        }
    }

    #[test]
    fn layout_that_reaches_out_of_its_extents_is_refused() {
        let breakages: [fn(&mut Layout); 9] = [
            |layout| layout.buffers[1].capacity += 64,
            |layout| layout.buffers[1].offset += 1,
            |layout| layout.buffers[0].offset -= 64,
            |layout| layout.buffers[0].capacity = u64::MAX,
            |layout| layout.extents[0].length = u64::MAX - 63,
            |layout| layout.extents[0].offset = 0,
            |layout| layout.extents.push(layout.extents[0]),
            |layout| layout.extents[0].version = 2,
            |layout| layout.schema.version = 2,
        ];
        for (at, breakage) in breakages.iter().enumerate() {
            let mut layout = layout();
            breakage(&mut layout);
            assert_eq!(read_layout(&layout).unwrap_err().kind(), ErrorKind::Corrupt, "breakage {at}");
        }
    }

    #[test]
    fn state_that_does_not_add_up_is_refused() {
        let breakages: [fn(&mut State); 14] = [
            |state| state.generation = 5,
            |state| state.rows = 11,
            |state| state.first_row = u64::MAX,
            |state| state.chunks[0].rows = u64::MAX,
            |state| state.chunks[0].nodes = 1,
            |state| state.chunks[0].buffers = 3,
            |state| state.nodes[0].children = 2,
            |state| state.nodes[0].buffers = 2,
            |state| state.nodes[1].buffers = 0,
            |state| state.nodes[0].nulls = 11,
            |state| state.nodes[0].validity = 0,
            |state| state.nodes[0].validity = 2,
            |state| state.buffers[0].length = 1,
            |state| state.buffers[1].length = u64::MAX,
        ];
        for (at, breakage) in breakages.iter().enumerate() {
            let mut state = state();
            breakage(&mut state);
            assert_eq!(read_state(&state).unwrap_err().kind(), ErrorKind::Corrupt, "breakage {at}");
        }
    }
}
