//! Columns of a frame: which nodes and buffers are whose, and how a frame is put together anew from columns that
//! stay where they stand and one that is new.

use crate::error::Result;
use crate::frame::{Chunk, Layout, State, extent_at};
use crate::record::{RecordKind, damaged};
use crate::table::{BufferItem, BufferStateItem, ChunkItem, ExtentItem, NodeItem, RecordReference};
use core::ops::Range;

/// The nodes and buffers of one column, in the lists of its frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its nodes.
    pub nodes: Range<usize>,
    /// Its buffers.
    pub buffers: Range<usize>,
}

impl Span {
    /// The whole tree that begins at `node`, whose first buffer is `buffer`. The nodes are whole trees.
    #[must_use]
    pub fn of_tree(nodes: &[NodeItem], node: usize, buffer: usize) -> Self {
        let (mut end, mut buffers, mut missing) = (node, buffer, 1);
        while missing > 0 && end < nodes.len() {
            missing += nodes[end].children as usize;
            missing -= 1;
            buffers += nodes[end].buffers as usize;
            end += 1;
        }
        Self { nodes: node..end, buffers: buffer..buffers }
    }

    /// The columns of one chunk: the trees that `nodes` are, one after the other.
    pub fn trees(nodes: &[NodeItem]) -> impl Iterator<Item = Self> {
        let (mut node, mut buffer) = (0, 0);
        core::iter::from_fn(move || {
            let tree = (node < nodes.len()).then(|| Self::of_tree(nodes, node, buffer))?;
            (node, buffer) = (tree.nodes.end, tree.buffers.end);
            Some(tree)
        })
    }
}

/// Where a column of a frame that is put together anew comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnSource {
    /// The column that stood here before: none of its bytes is touched.
    Kept(usize),
    /// The new column.
    New,
}

/// The new column in one chunk.
#[derive(Clone, Debug)]
pub struct NewColumn {
    /// Its nodes, depth-first.
    pub nodes: Vec<NodeItem>,
    /// Bytes of its buffers, depth-first.
    pub buffer_lengths: Vec<u64>,
    /// Where its buffers stand.
    pub places: Vec<BufferItem>,
    /// What holds them.
    pub extents: Vec<ExtentItem>,
}

/// A frame's layout and state, put together anew from `columns`; `added` has the new column chunk by chunk, and is not
/// read if `columns` does not name it. An extent stays if a column that stays has a buffer in it.
///
/// # Errors
/// [`crate::ErrorKind::Corrupt`] if the frame does not have the columns that are kept, in each chunk.
pub fn rearrange(
    before: (&Layout, &State),
    columns: &[ColumnSource],
    added: &[NewColumn],
    schema: RecordReference,
    generation: u64,
) -> Result<(Layout, State)> {
    let (layout, state) = before;
    let mut new = Assembled::default();
    let mut chunks = Vec::with_capacity(state.chunks.len());
    for (number, chunk) in state.chunks_in(layout).enumerate() {
        let old = Columns { chunk, extents: &layout.extents };
        let spans: Vec<Span> = Span::trees(chunk.nodes).collect();
        let held = (new.state_nodes.len(), new.state_buffers.len());
        for column in columns {
            match column {
                ColumnSource::Kept(index) => new.keep(&old, spans.get(*index).ok_or_else(missing)?),
                ColumnSource::New => new.add(added.get(number).ok_or_else(missing)?),
            }
        }
        chunks.push(ChunkItem {
            rows: chunk.rows,
            nodes: (new.state_nodes.len() - held.0) as u32,
            buffers: (new.state_buffers.len() - held.1) as u32,
        });
    }
    new.extents.sort_unstable_by_key(|extent| extent.offset);
    new.extents.dedup();
    let Assembled { extents, places: buffers, state_nodes: nodes, state_buffers } = new;
    let layout = Layout { schema, generation, chunks: layout.chunks, extents, buffers };
    let (rows, first_row) = (state.rows, state.first_row);
    Ok((layout, State { generation, rows, first_row, chunks, nodes, buffers: state_buffers }))
}

fn missing() -> crate::Error {
    damaged(RecordKind::State, "a chunk that lacks a column")
}

/// The columns of one chunk as they stood before.
struct Columns<'a> {
    chunk: Chunk<'a>,
    extents: &'a [ExtentItem],
}

/// What the new records are made of.
#[derive(Default)]
struct Assembled {
    extents: Vec<ExtentItem>,
    places: Vec<BufferItem>,
    state_nodes: Vec<NodeItem>,
    state_buffers: Vec<BufferStateItem>,
}

impl Assembled {
    fn keep(&mut self, old: &Columns<'_>, span: &Span) {
        let places = &old.chunk.places[span.buffers.clone()];
        self.places.extend_from_slice(places);
        self.state_nodes.extend_from_slice(&old.chunk.nodes[span.nodes.clone()]);
        self.state_buffers.extend_from_slice(&old.chunk.states[span.buffers.clone()]);
        for place in places {
            // The layout was checked: each buffer lies in an extent.
            self.extents.extend(extent_at(old.extents, place.offset).map(|at| old.extents[at]));
        }
    }

    fn add(&mut self, column: &NewColumn) {
        self.places.extend_from_slice(&column.places);
        self.state_nodes.extend_from_slice(&column.nodes);
        let lengths = column.buffer_lengths.iter();
        self.state_buffers.extend(lengths.map(|length| BufferStateItem { length: *length, open_word: 0 }));
        self.extents.extend_from_slice(&column.extents);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addressing::Addressing;
    use ColumnSource::{Kept, New};

    fn node(length: u64, buffers: u32, children: u32) -> NodeItem {
        NodeItem { length, nulls: 0, buffers, children, validity: 0, pieces: 0 }
    }

    /// Two chunks of three columns: a number, a struct of two numbers, nothing but nulls. Buffers lie at multiples of
    /// 1000, each column of each chunk in an extent of its own.
    fn frame() -> (Layout, State) {
        let reference = RecordReference { offset: 0, length: 0, version: 0, epoch: 0, checksum: 0 };
        let place = |number: u64| Addressing::Bytes.item(number * 1000, 128);
        let extent = |number: u64, length| ExtentItem { offset: number * 1000, length, version: number };
        let chunk = |rows| ChunkItem { rows, nodes: 5, buffers: 3 };
        let nodes =
            |rows| [node(rows, 1, 0), node(rows, 0, 2), node(rows, 1, 0), node(rows, 1, 0), node(rows, 0, 0)];
        let layout = Layout {
            schema: reference,
            generation: 3,
            chunks: 2,
            extents: vec![extent(1, 128), extent(2, 1128), extent(4, 128), extent(5, 1128)],
            buffers: (1..=6).map(place).collect(),
        };
        let state = State {
            generation: 3,
            rows: 11,
            first_row: 2,
            chunks: vec![chunk(8), chunk(3)],
            nodes: nodes(8).into_iter().chain(nodes(3)).collect(),
            buffers: (1..=6).map(|length| BufferStateItem { length, open_word: 0 }).collect(),
        };
        (layout, state)
    }

    fn changed(columns: &[ColumnSource]) -> (Layout, State) {
        let (layout, state) = frame();
        let added: Vec<NewColumn> = [(8, 500), (3, 9000)]
            .into_iter()
            .map(|(rows, offset)| NewColumn {
                nodes: vec![node(rows, 1, 0)],
                buffer_lengths: vec![rows],
                places: vec![Addressing::Bytes.item(offset, 128)],
                extents: vec![ExtentItem { offset, length: 128, version: 9 }],
            })
            .collect();
        rearrange((&layout, &state), columns, &added, layout.schema, 4).unwrap()
    }

    fn extents(layout: &Layout) -> Vec<u64> {
        layout.extents.iter().map(|extent| extent.offset).collect()
    }

    #[test]
    fn columns_that_stay_keep_their_places_and_the_others_let_their_extents_go() {
        let (layout, state) = changed(&[Kept(0), Kept(1), Kept(2)]);
        assert_eq!((layout.generation, state.generation), (4, 4));
        let before = frame();
        assert_eq!(layout, Layout { generation: 4, ..before.0 });
        assert_eq!(state, State { generation: 4, ..before.1 });

        let (layout, state) = changed(&[Kept(0), New, Kept(2)]);
        assert_eq!(extents(&layout), [500, 1000, 4000, 9000]);
        let places: Vec<u64> = layout.buffers.iter().map(|place| place.offset).collect();
        assert_eq!(places, [1000, 500, 4000, 9000]);
        let lengths: Vec<u64> = state.buffers.iter().map(|buffer| buffer.length).collect();
        assert_eq!(lengths, [1, 8, 4, 3]);
        assert_eq!(
            state.nodes,
            [8, 8, 8, 3, 3, 3]
                .map(|rows| node(rows, 1, 0))
                .into_iter()
                .enumerate()
                .map(|(at, node)| NodeItem { buffers: u32::from(at % 3 != 2), ..node })
                .collect::<Vec<_>>()
        );
        assert_eq!(
            state.chunks.iter().map(|chunk| (chunk.rows, chunk.nodes, chunk.buffers)).collect::<Vec<_>>(),
            [(8, 3, 2), (3, 3, 2)]
        );
        assert_eq!((state.rows, state.first_row), (11, 2));
    }

    #[test]
    fn columns_can_change_places_and_all_of_them_can_go() {
        let (layout, state) = changed(&[Kept(1), Kept(0)]);
        let lengths: Vec<u64> = state.buffers.iter().map(|buffer| buffer.length).collect();
        assert_eq!(lengths, [2, 3, 1, 5, 6, 4]);
        assert_eq!(extents(&layout), [1000, 2000, 4000, 5000]);
        let (layout, state) = changed(&[]);
        assert_eq!((layout.extents.len(), layout.buffers.len(), state.nodes.len()), (0, 0, 0));
        assert_eq!((state.rows, state.chunks.len()), (11, 2));
    }

    #[test]
    fn column_that_a_chunk_lacks_is_an_error() {
        let (layout, state) = frame();
        for columns in [Kept(3), New] {
            let error = rearrange((&layout, &state), &[columns], &[], layout.schema, 4).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Corrupt);
        }
    }
}
