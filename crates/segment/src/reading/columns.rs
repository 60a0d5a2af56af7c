//! One column of one chunk, from nodes and buffers to Arrow arrays of the rows that are seen.

use crate::reading::arrays::{
    ArrayDraft, ArrayParts, Nulls, Validation, damaged_nulls, misfit, null_buffer, to_buffer,
};
use crate::reading::column_types::{children_of, has_rows, values_below};
use crate::reading::frame_bytes::FrameBytes;
use arrow::array::{ArrayRef, new_empty_array};
use arrow::buffer::{Buffer, MutableBuffer};
use arrow::datatypes::DataType;
use core::ops::Range;
use shmframe_format::Result;
use shmframe_format::addressing::{Addressing, WORD_ROWS};
use shmframe_format::columns::Span;
use shmframe_format::frame::State;
use shmframe_format::geometry::{ALIGNMENT, PADDING};
use shmframe_format::table::{BufferItem, BufferStateItem, NodeItem};

/// A column of a chunk of which `rows` are seen: its arrays, one behind the other; at least one, and empty ones only of no rows.
///
/// There is one array, but: of a column with an open word, one up to the last multiple of 64 rows, and one for the rows
/// behind; of a column in pieces, one for each piece. Buffers are those of the frame, and slices of them, but for the open
/// words. Rows in front that are not seen are skipped at a cost that does not depend on rows; where rows cannot be told
/// apart (lists, unions, pieces), and they are skipped, nulls are counted.
///
/// # Errors
/// [`shmframe_format::ErrorKind::Corrupt`], or those of [`FrameBytes::bytes`].
pub fn build_column(
    frame: &impl FrameBytes,
    rows: u64,
    column: &Span,
    data_type: &DataType,
    validation: Validation,
) -> Result<Vec<ArrayRef>> {
    let root = root(frame, column, data_type)?;
    let skipped = root.length.checked_sub(rows).ok_or_else(|| misfit(data_type))?;
    if root.pieces == 1 {
        return build_pieces(frame, skipped, column, data_type, validation);
    }
    let mut tree = Tree::new(frame, column, data_type)?;
    if !has_rows(data_type, tree.nodes, tree.places) {
        tree.take(frame, column, |_, state| 0..state.length)?;
        let counted = if skipped > 0 { PartNulls::Counted } else { PartNulls::Recorded };
        let part = Part { rows: skipped..root.length, nulls: counted };
        return Ok(vec![Cursor::new(&tree, &part).build_whole(data_type, validation)?]);
    }
    tree.skip(frame, column, skipped)?;
    let parts = tree.parts();
    parts.iter().map(|part| Cursor::new(&tree, part).build_rows(data_type, validation)).collect()
}

/// For each chunk, its columns, in the lists of the whole state.
pub fn columns_of(state: &State) -> impl Iterator<Item = Vec<Span>> {
    let (mut node, mut buffer) = (0, 0);
    state.chunks.iter().map(move |chunk| {
        let end = (node + chunk.nodes as usize).min(state.nodes.len());
        let mut columns = Vec::new();
        while node < end {
            let column = Span::of_tree(&state.nodes, node, buffer);
            (node, buffer) = (column.nodes.end, column.buffers.end);
            columns.push(column);
        }
        columns
    })
}

/// A tree of nodes as one array, all of its rows: a piece of a column, the values of a dictionary.
///
/// # Errors
/// Those of [`build_column`].
pub fn build_tree(
    frame: &impl FrameBytes,
    tree: &Span,
    data_type: &DataType,
    validation: Validation,
) -> Result<ArrayRef> {
    let length = root(frame, tree, data_type)?.length;
    build_piece(frame, 0..length, tree, data_type, validation)
}

fn root(frame: &impl FrameBytes, tree: &Span, data_type: &DataType) -> Result<NodeItem> {
    let node = frame.state().nodes.get(tree.nodes.start).filter(|_| !tree.nodes.is_empty());
    node.copied().ok_or_else(|| misfit(data_type))
}

/// One array for each piece of which rows are seen.
fn build_pieces(
    frame: &impl FrameBytes,
    mut skipped: u64,
    column: &Span,
    data_type: &DataType,
    validation: Validation,
) -> Result<Vec<ArrayRef>> {
    let mut arrays = Vec::new();
    for piece in pieces(frame, column) {
        let length = root(frame, &piece, data_type)?.length;
        if skipped < length {
            arrays.push(build_piece(frame, skipped..length, &piece, data_type, validation)?);
        }
        skipped = skipped.saturating_sub(length);
    }
    if arrays.is_empty() {
        arrays.push(new_empty_array(data_type));
    }
    Ok(arrays)
}

/// The trees of the pieces of a column that is in pieces.
pub fn pieces(frame: &impl FrameBytes, column: &Span) -> impl Iterator<Item = Span> {
    let nodes = frame.state().nodes.get(..column.nodes.end).unwrap_or_default();
    let (mut node, mut buffer) = (column.nodes.start + 1, column.buffers.start);
    core::iter::from_fn(move || {
        let piece = (node < nodes.len()).then(|| Span::of_tree(nodes, node, buffer))?;
        (node, buffer) = (piece.nodes.end, piece.buffers.end);
        Some(piece)
    })
}

/// Rows of a tree whose rows need not be told apart.
fn build_piece(
    frame: &impl FrameBytes,
    rows: Range<u64>,
    piece: &Span,
    data_type: &DataType,
    validation: Validation,
) -> Result<ArrayRef> {
    let mut tree = Tree::new(frame, piece, data_type)?;
    tree.take(frame, piece, |_, state| 0..state.length)?;
    let part = Part { rows, nulls: PartNulls::Recorded };
    Cursor::new(&tree, &part).build_whole(data_type, validation)
}

/// A tree of nodes with its buffers, each of them taken once.
struct Tree<'a> {
    nodes: &'a [NodeItem],
    places: &'a [BufferItem],
    states: &'a [BufferStateItem],
    /// Those that are addressed by rows, from the first row that is not skipped on.
    buffers: Vec<Buffer>,
    /// Rows in front that are not seen.
    skipped: u64,
    /// Rows, with those that are not seen.
    rows: u64,
}

/// Rows of a column that become one array.
#[derive(Debug)]
struct Part {
    rows: Range<u64>,
    nulls: PartNulls,
}

/// Where the number of null slots comes from.
#[derive(Debug)]
enum PartNulls {
    /// It stands in the node.
    Recorded,
    /// That of the node, without those of the tail, which begins here.
    BeforeTail(u64),
    /// At most 63 rows are counted.
    InTail,
    /// All rows are counted.
    Counted,
}

impl<'a> Tree<'a> {
    fn new(frame: &'a impl FrameBytes, span: &Span, data_type: &DataType) -> Result<Self> {
        let (state, buffers) = (frame.state(), span.buffers.clone());
        let nodes = state.nodes.get(span.nodes.clone());
        let found = nodes.zip(state.buffers.get(buffers.clone()).zip(frame.layout().buffers.get(buffers)));
        let (nodes, (states, places)) = found.ok_or_else(|| misfit(data_type))?;
        let rows = nodes.first().map_or(0, |root| root.length);
        Ok(Self { nodes, places, states, buffers: Vec::with_capacity(places.len()), skipped: 0, rows })
    }

    /// Takes so much of each of its buffers.
    fn take(
        &mut self,
        frame: &impl FrameBytes,
        span: &Span,
        range: impl Fn(&BufferItem, &BufferStateItem) -> Range<u64>,
    ) -> Result<()> {
        for (index, (place, state)) in span.buffers.clone().zip(self.places.iter().zip(self.states)) {
            self.buffers.push(to_buffer(frame.bytes(index, range(place, state))?));
        }
        Ok(())
    }

    /// Takes its buffers without what belongs to the rows in front that are not seen.
    fn skip(&mut self, frame: &impl FrameBytes, span: &Span, skipped: u64) -> Result<()> {
        let rows = self.rows;
        self.take(frame, span, |place, state| match Addressing::of(place) {
            None | Some(Addressing::Bytes) => 0..state.length,
            Some(addressing) => {
                // What cannot be is longer than the buffer, and refused.
                let start = addressing.start(skipped).unwrap_or(u64::MAX);
                start..addressing.length(rows).map_or(state.length, |end| end.min(state.length))
            }
        })?;
        self.skipped = skipped;
        Ok(())
    }

    /// The rows that are seen, up to an open word and in it.
    fn parts(&self) -> Vec<Part> {
        let all = self.skipped..self.rows;
        let word = self.rows / WORD_ROWS * WORD_ROWS;
        if !self.states.iter().zip(self.places).any(|(state, place)| is_open(state, place, self.rows)) {
            return vec![Part { rows: all, nulls: PartNulls::Recorded }];
        }
        let tail = Part { rows: word.max(all.start)..all.end, nulls: PartNulls::InTail };
        if word <= all.start {
            return vec![tail];
        }
        vec![Part { rows: all.start..word, nulls: PartNulls::BeforeTail(word) }, tail]
    }

    /// What belongs to these rows of the buffer `index`, which is addressed by rows.
    fn cut(&self, index: usize, rows: &Range<u64>) -> Option<Buffer> {
        let (place, state) = (self.places.get(index)?, self.states.get(index)?);
        let (buffer, addressing) = (self.buffers.get(index)?, Addressing::of(place)?);
        if addressing == Addressing::Bytes {
            return Some(buffer.clone());
        }
        if rows.end == self.rows && is_open(state, place, self.rows) {
            return Some(open_word(state.open_word));
        }
        let taken = addressing.start(self.skipped)?;
        let start = addressing.start(rows.start)?.checked_sub(taken)?;
        let end = addressing.length(rows.end)?.checked_sub(taken)?;
        let length = end.checked_sub(start).filter(|_| end <= buffer.len() as u64)?;
        Some(buffer.slice_with_length(start as usize, length as usize))
    }
}

/// Whether the last word of a bitmap stands in the record.
fn is_open(state: &BufferStateItem, place: &BufferItem, rows: u64) -> bool {
    match Addressing::of(place) {
        Some(bitmap @ Addressing::Bitmap(_)) => {
            bitmap.length(rows).is_none_or(|length| length > state.length)
        }
        _ => false,
    }
}

/// A bitmap of up to 64 bits, with padding as behind every buffer.
fn open_word(word: u64) -> Buffer {
    let mut bytes = MutableBuffer::from_len_zeroed((ALIGNMENT + PADDING) as usize);
    bytes.as_slice_mut()[..size_of::<u64>()].copy_from_slice(&word.to_le_bytes());
    bytes.truncate(size_of::<u64>());
    bytes.into()
}

/// Walks the nodes and buffers of a tree, depth-first.
struct Cursor<'a> {
    tree: &'a Tree<'a>,
    part: &'a Part,
    node: usize,
    buffer: usize,
}

/// What of a node is wanted.
#[derive(Clone, Copy)]
enum Wanted {
    /// All that there is.
    Whole,
    /// The part's rows, of which each has so many values here.
    Rows(u64),
}

impl<'a> Cursor<'a> {
    fn new(tree: &'a Tree<'a>, part: &'a Part) -> Self {
        Self { tree, part, node: 0, buffer: 0 }
    }

    /// The part's rows, cut from the whole.
    fn build_whole(&mut self, data_type: &DataType, validation: Validation) -> Result<ArrayRef> {
        let rows = self.part.rows.start as usize..self.part.rows.end as usize;
        let parts = self.parts(data_type, Wanted::Whole)?;
        if rows == (0..parts.length) {
            parts.build(validation)
        } else {
            parts.draft()?.check(rows, validation)
        }
    }

    /// The part's rows, of which alone anything is looked at.
    fn build_rows(&mut self, data_type: &DataType, validation: Validation) -> Result<ArrayRef> {
        self.parts(data_type, Wanted::Rows(1))?.build(validation)
    }

    fn parts(&mut self, data_type: &DataType, wanted: Wanted) -> Result<ArrayParts> {
        let misfit = || misfit(data_type);
        let node = self.tree.nodes.get(self.node).copied().ok_or_else(misfit)?;
        self.node += 1;
        let first = self.buffer;
        self.buffer += node.buffers as usize;
        let own = first + node.validity as usize;
        let length = self.length(&node, wanted).ok_or_else(misfit)?;
        let validity = match node.validity {
            0 => None,
            _ => Some(self.validity(first, &node, wanted, data_type)?),
        };
        let buffers = (own..self.buffer)
            .map(|index| self.wanted_bytes(index, wanted).ok_or_else(misfit))
            .collect::<Result<_>>()?;
        let below = match wanted {
            Wanted::Rows(values) => {
                values_below(data_type, values).ok_or_else(misfit)?.map_or(Wanted::Whole, Wanted::Rows)
            }
            Wanted::Whole => Wanted::Whole,
        };
        let child = |child: &DataType| self.parts(child, below).and_then(ArrayParts::draft);
        let children = children_of(data_type).into_iter().map(child).collect::<Result<Vec<ArrayDraft>>>()?;
        if children.len() != node.children as usize {
            return Err(misfit());
        }
        Ok(ArrayParts { data_type: data_type.clone(), length, validity, buffers, children })
    }

    /// The length of what is wanted of a node; none if the node is of another length than its column.
    fn length(&self, node: &NodeItem, wanted: Wanted) -> Option<usize> {
        let length = match wanted {
            Wanted::Whole => node.length,
            Wanted::Rows(values) => {
                let whole = self.tree.rows.checked_mul(values);
                let rows = self.part.rows.end - self.part.rows.start;
                whole.filter(|whole| *whole == node.length).and(rows.checked_mul(values))?
            }
        };
        usize::try_from(length).ok()
    }

    fn wanted_bytes(&self, index: usize, wanted: Wanted) -> Option<Buffer> {
        match wanted {
            Wanted::Whole => self.tree.buffers.get(index).cloned(),
            Wanted::Rows(_) => self.tree.cut(index, &self.part.rows),
        }
    }

    fn validity(
        &self,
        index: usize,
        node: &NodeItem,
        wanted: Wanted,
        data_type: &DataType,
    ) -> Result<(Buffer, Nulls)> {
        let bits = self.wanted_bytes(index, wanted).ok_or_else(|| misfit(data_type))?;
        let nulls = match (&self.part.nulls, wanted) {
            (PartNulls::BeforeTail(tail), Wanted::Rows(values)) => {
                let tail = *tail..self.tree.rows;
                let length = ((tail.end - tail.start) * values) as usize;
                let bits = self.tree.cut(index, &tail).ok_or_else(|| misfit(data_type))?;
                let behind = null_buffer(bits, length, Nulls::Counted)?.null_count() as u64;
                let before = node.nulls.checked_sub(behind);
                Nulls::Recorded(before.ok_or_else(|| damaged_nulls(length, node.nulls))?)
            }
            (PartNulls::InTail, Wanted::Rows(_)) | (PartNulls::Counted, _) => Nulls::Counted,
            // Values of a dictionary are whole in each part.
            (PartNulls::Recorded, _) | (PartNulls::BeforeTail(_) | PartNulls::InTail, Wanted::Whole) => {
                Nulls::Recorded(node.nulls)
            }
        };
        Ok((bits, nulls))
    }
}
