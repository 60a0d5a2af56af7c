//! Rows that are written straight behind those that stand there: which frames take them so, and what their last chunk is
//! then.
//!
//! It is the everyday case alone: the last chunk has more rows, every column is of one node and has room. What is not of
//! this kind goes the way of an append.

use super::append::is_small;
use super::last::{Last, Standing};
use crate::layout::bits::{BitWriter, Open};
use crate::layout::kind::Kind;
use arrow::datatypes::{FieldRef, SchemaRef};
use shmframe_format::addressing::{Addressing, WORD_ROWS};
use shmframe_format::columns::Span;
use shmframe_format::table::NodeItem;
use shmframe_segment::{BufferGrowth, FrameRecords, Start};

/// Bytes of strings that rows may add without being asked for before: so many less are taken for all that offsets lead to.
const HEADROOM: u64 = 256 << 20;

/// The columns of a frame whose last chunk takes more rows in place.
#[derive(Debug)]
pub(crate) struct InPlace {
    /// Rows of the last chunk that the transaction sees.
    pub(crate) chunk_rows: u64,
    pub(crate) columns: Vec<InPlaceColumn>,
}

/// A column of one node, and its buffers as they stand.
#[derive(Debug)]
pub(crate) struct InPlaceColumn {
    item: NodeItem,
    validity: Option<Standing>,
    /// Values, offsets or views; none in a column of nulls.
    index: Option<Standing>,
    /// What offsets or views lead to.
    data: Vec<Standing>,
}

/// What is added to a column.
#[derive(Debug, Default)]
pub(crate) struct Added {
    pub(crate) nulls: u64,
    /// The validity bits of the new rows; none if all of them are valid.
    pub(crate) validity: Option<Vec<u8>>,
    /// The values of the new rows, if they are bits.
    pub(crate) bits: Option<Vec<u8>>,
    /// Bytes behind the last ones that offsets or views lead to.
    pub(crate) data: u64,
}

/// The last chunk, as it will be.
#[derive(Debug, Default)]
pub(crate) struct InPlaceDraft {
    pub(crate) nodes: Vec<NodeItem>,
    pub(crate) buffers: Vec<BufferGrowth>,
    /// The words of bitmaps that are whole now, for each buffer; none where the bytes stand there already.
    pub(crate) words: Vec<Vec<u8>>,
}

/// How a frame takes `rows` rows in place; none if it does not.
pub(crate) fn in_place(frame: &FrameRecords, schema: &SchemaRef, rows: u64) -> Option<InPlace> {
    if is_small(frame) || rows == 0 {
        return None;
    }
    let last = Last::of(frame)?;
    if last.columns().count() != schema.fields().len() {
        return None;
    }
    let columns = last.columns().zip(schema.fields());
    let columns = columns.map(|(span, field)| InPlaceColumn::of(&last, &span, field, rows));
    Some(InPlace { chunk_rows: last.rows(), columns: columns.collect::<Option<_>>()? })
}

impl InPlaceColumn {
    fn of(last: &Last<'_>, span: &Span, field: &FieldRef, rows: u64) -> Option<Self> {
        let kind = Kind::of(field.data_type())?;
        let node = last.node(span.nodes.start, span.buffers.start)?;
        let item = node.item;
        if span.nodes.len() != 1 || item.pieces != 0 {
            return None;
        }
        let mut buffers = node.buffers.clone().map(|index| last.buffer(index));
        let mut validity = None;
        if item.validity == 1 {
            validity = Some(buffers.next()?.filter(|bitmap| takes_bits(bitmap, item.length, rows))?);
        }
        let mut column = Self { item, validity, index: None, data: Vec::new() };
        if kind == Kind::Null {
            return Some(column);
        }
        let index = buffers.next()??;
        let fits = match kind {
            Kind::Bits => takes_bits(&index, item.length, rows),
            Kind::Fixed(_) | Kind::Strings(_) | Kind::Views => takes_values(&index, kind, item.length, rows),
            _ => false,
        };
        column.index = fits.then_some(index);
        column.index?;
        column.data = buffers.collect::<Option<_>>()?;
        column.data_fits(kind).then_some(column)
    }

    fn data_fits(&self, kind: Kind<'_>) -> bool {
        match kind {
            Kind::Strings(_) => self.data.len() == 1 && self.data_start() + HEADROOM <= i32::MAX as u64,
            Kind::Views => self.data_start() <= i32::MAX as u64,
            _ => self.data.is_empty(),
        }
    }

    /// The number of the buffer that new values, offsets or views go on in.
    pub(crate) fn index(&self) -> Option<usize> {
        self.index.map(|index| index.index)
    }

    /// The number of the buffer that new bytes of strings go on in, if there is one.
    pub(crate) fn last_data(&self) -> Option<usize> {
        self.data.last().map(|data| data.index)
    }

    /// Bytes that stand in that buffer.
    pub(crate) fn data_start(&self) -> u64 {
        self.data.last().map_or(0, |data| data.length)
    }

    /// Data buffers that stand there.
    pub(crate) fn data_buffers(&self) -> usize {
        self.data.len()
    }

    /// Whether new rows may have nulls.
    pub(crate) fn has_validity(&self) -> bool {
        self.validity.is_some()
    }
}

/// Whether a bitmap takes bits of more rows: it stands in place up to its last whole word, and has room.
fn takes_bits(bitmap: &Standing, before: u64, rows: u64) -> bool {
    bitmap.is_whole_to(before) && bitmap.has_room(words(before % WORD_ROWS + rows) * (WORD_ROWS / 8))
}

/// Whether values, offsets or views are those of the rows before, and have room for more.
fn takes_values(index: &Standing, kind: Kind<'_>, before: u64, rows: u64) -> bool {
    let addressing = kind.addressing(1);
    let added = addressing.start(rows).unwrap_or(u64::MAX);
    index.addressing() == Some(addressing)
        && addressing.length(before) == Some(index.length)
        && index.has_room(added)
}

fn words(rows: u64) -> u64 {
    rows / WORD_ROWS
}

impl InPlaceDraft {
    /// Adds a column with what is added to it.
    pub(crate) fn push(&mut self, column: &InPlaceColumn, rows: u64, added: &Added) {
        let item = column.item;
        self.nodes.push(NodeItem { length: item.length + rows, nulls: item.nulls + added.nulls, ..item });
        if let Some(validity) = &column.validity {
            self.push_bits(validity, (item.length, rows), added.validity.as_deref());
        }
        if let Some(index) = &column.index {
            match &added.bits {
                Some(bits) => self.push_bits(index, (item.length, rows), Some(bits)),
                None => {
                    let bytes = index.addressing().and_then(|addressing| addressing.start(rows));
                    self.push_bytes(index, bytes.unwrap_or(0));
                }
            }
        }
        let last = column.data.len().saturating_sub(1);
        for (number, data) in column.data.iter().enumerate() {
            self.push_bytes(data, if number == last { added.data } else { 0 });
        }
    }

    fn push_bytes(&mut self, standing: &Standing, added: u64) {
        let addressing = standing.addressing().unwrap_or(Addressing::Bytes);
        let start = Start::Stays(standing.index);
        self.buffers.push(BufferGrowth { start, addressing, added, open_word: 0 });
        self.words.push(Vec::new());
    }

    /// A bitmap with the bits of more rows, set where there are none.
    fn push_bits(&mut self, standing: &Standing, (before, rows): (u64, u64), bits: Option<&[u8]>) {
        let open = Open { word: standing.open_word, count: (before % WORD_ROWS) as usize };
        let count = open.count + rows as usize;
        let mut joined = vec![0; count.div_ceil(8)];
        let mut writer = BitWriter::new(&mut joined);
        writer.append_open(open);
        match bits {
            Some(bits) => writer.append(bits, 0, rows as usize),
            None => writer.append_set(rows as usize),
        }
        writer.finish();
        let whole = words(count as u64) as usize * 8;
        let mut word = [0; 8];
        word[..joined.len() - whole].copy_from_slice(&joined[whole..]);
        joined.truncate(whole);
        let (start, addressing) = (Start::Stays(standing.index), Addressing::Bitmap(1));
        let (added, open_word) = (whole as u64, u64::from_le_bytes(word));
        self.buffers.push(BufferGrowth { start, addressing, added, open_word });
        self.words.push(joined);
    }
}
