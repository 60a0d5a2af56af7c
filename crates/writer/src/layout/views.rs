//! Views: short values in the view itself, long ones in data buffers.
//!
//! Normally only the bytes that views refer to are kept, in the order of the rows. If views share bytes, so that this
//! would be more than the pieces' data buffers hold, those are kept as they are.

use arrow::array::{Array, ArrayRef};
use arrow::buffer::Buffer;
use shmframe_format::Result;

use super::error::LayoutError;
use super::path::Path;
use super::planner::Limits;
use super::source::{self, Valid};

/// The bytes of one view.
pub(crate) const VIEW_SIZE: usize = 16;

/// The longest value that stands in the view itself, in bytes.
pub(crate) const INLINE_SIZE: usize = 12;

/// Where the long values go.
pub(crate) enum ViewPlan {
    /// Only what is referred to, block after block.
    Compacted(Vec<Block>),
    /// Whole data buffers.
    Kept(Kept),
}

/// Rows of one piece whose long values stand together in one data buffer.
pub(crate) struct Block {
    pub(crate) piece: usize,
    pub(crate) first: usize,
    pub(crate) rows: usize,
    pub(crate) buffer: usize,
    pub(crate) offset: usize,
    /// Bytes of long values.
    pub(crate) length: usize,
}

/// The pieces' data buffers, those that several pieces share only once.
pub(crate) struct Kept {
    pub(crate) buffers: Vec<Buffer>,
    /// For each piece in turn, where each of its buffers went.
    pub(crate) places: Vec<u32>,
}

/// Where a planned data buffer is written: in which data buffer of the chunk, and from which of its bytes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DataPlace {
    pub(crate) buffer: usize,
    pub(crate) offset: usize,
}

/// Where the planned data buffers are written.
#[derive(Clone, Copy)]
pub(crate) enum DataPlaces<'a> {
    /// Each is one of the chunk, under its number.
    AsPlanned,
    /// One place for each.
    At(&'a [DataPlace]),
}

impl DataPlaces<'_> {
    pub(super) fn of(self, planned: usize) -> DataPlace {
        match self {
            Self::AsPlanned => DataPlace { buffer: planned, offset: 0 },
            Self::At(places) => places[planned],
        }
    }
}

/// Plans the data buffers; their lengths are appended to `lengths`.
pub(super) fn plan(
    path: &Path<'_>,
    pieces: &[ArrayRef],
    limits: &Limits,
    lengths: &mut Vec<u64>,
) -> Result<ViewPlan> {
    let stored = Stored::by(pieces);
    let mut compaction = Compaction { limits, blocks: Vec::new(), full: Vec::new(), length: 0, total: 0 };
    for (number, piece) in pieces.iter().enumerate() {
        let mut first = 0;
        while first < piece.len() {
            let rows = limits.block_rows.min(piece.len() - first);
            compaction.add(
                path,
                piece,
                Block { piece: number, first, rows, buffer: 0, offset: 0, length: 0 },
            )?;
            first += rows;
        }
        if compaction.total > stored.total && stored.longest <= limits.view_data {
            let kept = stored.keep(pieces);
            lengths.extend(kept.buffers.iter().map(|buffer| buffer.len() as u64));
            return Ok(ViewPlan::Kept(kept));
        }
    }
    lengths.extend(compaction.full.iter().map(|&length| length as u64));
    if compaction.length > 0 {
        lengths.push(compaction.length as u64);
    }
    Ok(ViewPlan::Compacted(compaction.blocks))
}

struct Compaction<'a> {
    limits: &'a Limits,
    blocks: Vec<Block>,
    /// The lengths of the data buffers before the current one.
    full: Vec<usize>,
    /// The length of the current one.
    length: usize,
    /// All long values so far.
    total: usize,
}

impl Compaction<'_> {
    fn add(&mut self, path: &Path<'_>, piece: &ArrayRef, mut block: Block) -> Result<()> {
        block.length = referenced(piece, block.first, block.rows);
        let limit = self.limits.view_data;
        if block.length > self.limits.block_bytes.min(limit) && block.rows > 1 {
            let half = block.rows / 2;
            let (first, rows) = (block.first + half, block.rows - half);
            self.add(path, piece, Block { rows: half, ..block })?;
            return self.add(path, piece, Block { first, rows, ..block });
        }
        if block.length > limit {
            return Err(
                LayoutError::ValueTooLong { path: path.to_string(), bytes: block.length, limit }.into()
            );
        }
        if self.length + block.length > limit {
            self.full.push(self.length);
            self.length = 0;
        }
        block.buffer = self.full.len();
        block.offset = self.length;
        self.length += block.length;
        self.total += block.length;
        self.blocks.push(block);
        Ok(())
    }
}

/// The lengths of the long values of these rows together.
fn referenced(piece: &ArrayRef, first: usize, rows: usize) -> usize {
    let (views, buffers) = source::views(piece);
    if buffers.is_empty() {
        return 0;
    }
    let long = |view: u128| if length(view) > INLINE_SIZE { length(view) } else { 0 };
    let views = &views[first..][..rows];
    let valid = Valid::of(piece, first);
    if valid.all() {
        return views.iter().map(|&view| long(view)).sum();
    }
    views.iter().enumerate().map(|(row, &view)| if valid.row(row) { long(view) } else { 0 }).sum()
}

/// What stands in the pieces' data buffers.
struct Stored {
    /// Address and length of each buffer, once, in order of address.
    distinct: Vec<(usize, usize)>,
    total: usize,
    longest: usize,
}

impl Stored {
    fn by(pieces: &[ArrayRef]) -> Self {
        let mut distinct: Vec<_> =
            pieces.iter().flat_map(|piece| source::views(piece).1).map(identity).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let total = distinct.iter().map(|&(_, length)| length).sum();
        let longest = distinct.iter().map(|&(_, length)| length).max().unwrap_or(0);
        Self { distinct, total, longest }
    }

    fn keep(&self, pieces: &[ArrayRef]) -> Kept {
        let mut place_of = vec![None; self.distinct.len()];
        let mut kept = Kept { buffers: Vec::with_capacity(self.distinct.len()), places: Vec::new() };
        for buffer in pieces.iter().flat_map(|piece| source::views(piece).1) {
            let rank = self.distinct.partition_point(|other| *other < identity(buffer));
            let place = *place_of[rank].get_or_insert_with(|| {
                kept.buffers.push(buffer.clone());
                (kept.buffers.len() - 1) as u32
            });
            kept.places.push(place);
        }
        kept
    }
}

fn identity(buffer: &Buffer) -> (usize, usize) {
    (buffer.as_ptr() as usize, buffer.len())
}

fn length(view: u128) -> usize {
    view as u32 as usize
}

fn buffer_index(view: u128) -> usize {
    (view >> 64) as u32 as usize
}

fn offset(view: u128) -> usize {
    (view >> 96) as u32 as usize
}

/// The view with another place; length and prefix stay.
fn moved(view: u128, buffer_index: u32, offset: u32) -> u128 {
    u128::from(view as u64) | u128::from(buffer_index) << 64 | u128::from(offset) << 96
}

/// Writes the views of rows whose long values go to `data`, which begins at `offset` of data buffer `buffer`.
pub(super) fn compact(
    views: &[u128],
    buffers: &[Buffer],
    valid: Valid<'_>,
    (buffer, mut offset_now): (usize, usize),
    destination: &mut [u8],
    mut data: &mut [u8],
) {
    for (row, (&view, out)) in views.iter().zip(destination.chunks_exact_mut(VIEW_SIZE)).enumerate() {
        let written = if !valid.row(row) {
            0
        } else if length(view) <= INLINE_SIZE {
            view
        } else {
            let bytes = &buffers[buffer_index(view)][offset(view)..][..length(view)];
            let (here, rest) = data.split_at_mut(bytes.len());
            here.copy_from_slice(bytes);
            data = rest;
            let written = moved(view, buffer as u32, offset_now as u32);
            offset_now += bytes.len();
            written
        };
        out.copy_from_slice(&written.to_le_bytes());
    }
}

/// Writes views whose data buffers went to `planned`, and these to `places`.
pub(super) fn rebase(
    views: &[u128],
    (planned, places): (&[u32], DataPlaces<'_>),
    valid: Valid<'_>,
    destination: &mut [u8],
) {
    for (row, (&view, out)) in views.iter().zip(destination.chunks_exact_mut(VIEW_SIZE)).enumerate() {
        let written = if !valid.row(row) {
            0
        } else if length(view) <= INLINE_SIZE {
            view
        } else {
            let place = places.of(planned[buffer_index(view)] as usize);
            moved(view, place.buffer as u32, (place.offset + offset(view)) as u32)
        };
        out.copy_from_slice(&written.to_le_bytes());
    }
}
