//! A frame grows: rows are written behind those that stand there, and the next version sees further.
//!
//! No published byte is stored to (I1): a run is written on behind all that was ever published in it, and only the holder
//! of the lease writes. Killed in here, the bytes are behind what any version sees, and the next writer writes there again.

use crate::writing::columns::FrameRecords;
use crate::writing::put::{BufferDraft, Placed, Schema};
use crate::writing::staged_frame::{Contents, StagedFrame};
use crate::writing::staging::{Grown, Staging};
use core::mem::take;
use core::ops::Range;
use shmframe_format::addressing::Addressing;
use shmframe_format::frame::{Layout, State};
use shmframe_format::geometry::PADDING;
use shmframe_format::record::RecordKind;
use shmframe_format::table::{BufferItem, BufferStateItem, ChunkItem, ExtentItem, NodeItem, RecordReference};
use shmframe_format::{Describe, ErrorKind, Report, Result};
use std::sync::Arc;

#[derive(Debug)]
enum GrowthKind {
    NoBuffer { index: usize },
    NoRoom { wanted: u64, room: u64 },
}

impl Describe for GrowthKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoBuffer { .. } => ErrorKind::InvalidArgument,
            Self::NoRoom { .. } => ErrorKind::CapacityExceeded,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::NoBuffer { index } => Report::new(
                "no such buffer",
                "one of the frame's last chunk",
                format!("number {index}"),
                "count from 0, depth-first",
            ),
            Self::NoRoom { wanted, room } => Report::new(
                "a run is used up",
                format!("{wanted} bytes more"),
                format!("room for {room}"),
                "begin another run",
            ),
        }
    }
}

shmframe_format::every_kind!(GrowthKind {
    NoBuffer: GrowthKind::NoBuffer { index: 1 };
    NoRoom: GrowthKind::NoRoom { wanted: 2, room: 1 };
});

/// A frame with more rows: its last chunk as it is from now on. Chunks before it stay as they are.
#[derive(Debug)]
pub struct GrowthDraft<'s> {
    /// The frame as it is.
    pub frame: FrameRecords,
    /// Its schema from now on.
    pub schema: Schema<'s>,
    /// Whether the chunk is the one that was last, with more rows, or another one behind it.
    pub chunk: LastChunk,
    /// Rows of the chunk that the version sees.
    pub rows: u64,
    /// The chunk's nodes, depth-first.
    pub nodes: &'s [NodeItem],
    /// The chunk's buffers, depth-first.
    pub buffers: &'s [BufferGrowth],
}

/// What becomes of the last chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastChunk {
    /// It has more rows.
    Grows,
    /// It stays as it is, and another one follows.
    IsFollowed,
}

/// A buffer of the last chunk.
#[derive(Clone, Copy, Debug)]
pub struct BufferGrowth {
    /// Where it stands.
    pub start: Start,
    /// How its bytes follow from rows.
    pub addressing: Addressing,
    /// Bytes to write, behind what it has already.
    pub added: u64,
    /// The rows of a bitmap that do not fill a word.
    pub open_word: u64,
}

/// Where a buffer of the last chunk stands. Buffers are those of the chunk that was last before, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Where this buffer stands, whose bytes it has; more may be added behind them if it has room.
    Stays(usize),
    /// In the run of this buffer, behind all of its bytes but the last `shared`, which it has too.
    Follows {
        /// The buffer.
        buffer: usize,
        /// Bytes that both have.
        shared: u64,
    },
    /// Elsewhere, with room for so many bytes; in a run of its own if that is more than it has.
    New {
        /// Bytes.
        room: u64,
    },
}

/// A buffer of the last chunk, with its place found.
#[derive(Debug)]
pub(super) struct Found {
    place: BufferItem,
    state: BufferStateItem,
    /// Its bytes that are added.
    added: Range<u64>,
    /// How many of them are still to be written.
    to_write: u64,
}

impl Staging<'_> {
    /// Free virtual bytes of the heap, and how many frames share them: those that there are, and those that the transaction
    /// changed once more.
    #[must_use]
    pub fn free_room(&self) -> (u64, u64) {
        (self.store.space.free_bytes(), self.store.root.frames + self.changes.len() as u64)
    }

    /// Adds rows to a frame: lets `fill` write the bytes that are added, one slice for each buffer, and writes its records.
    /// Returns where its schema stands.
    ///
    /// # Errors
    /// [`ErrorKind::DirectoryFull`], [`ErrorKind::QuotaExceeded`], [`ErrorKind::CapacityExceeded`], also where a run has no
    /// room for so many bytes; [`ErrorKind::Corrupt`]; the transaction is then as it was before.
    pub fn grow_frame(
        &mut self,
        draft: GrowthDraft<'_>,
        fill: impl FnOnce(Vec<&mut [u8]>),
    ) -> Result<RecordReference> {
        self.forget_building();
        self.grow_built(draft, fill)
    }

    /// As [`Staging::grow_frame`], where some of the bytes that are added stand there already ([`crate::Lender::go_on`]): `fill`
    /// is given an empty slice for those.
    ///
    /// # Errors
    /// Those of [`Staging::grow_frame`]; what was built is then given back.
    pub fn grow_built(
        &mut self,
        draft: GrowthDraft<'_>,
        fill: impl FnOnce(Vec<&mut [u8]>),
    ) -> Result<RecordReference> {
        self.store.check_process()?;
        let (taken, grown) = (self.allocated.len(), self.grown.len());
        let result = self.grow(draft, fill);
        result.inspect_err(|error| {
            self.take_back(grown);
            self.undo(taken, error);
            self.abandon_building();
        })
    }

    fn grow(&mut self, draft: GrowthDraft<'_>, fill: impl FnOnce(Vec<&mut [u8]>)) -> Result<RecordReference> {
        let GrowthDraft { frame, schema, chunk: last, rows, nodes, buffers } = draft;
        self.check_current(&frame)?;
        let schema = self.schema_record(frame.name(), schema, Some(&frame.staged))?;
        let (layout, state) = (&*frame.layout, &*frame.state);
        let new = self.place(nodes, |index| buffers[index].new_buffer(), buffers.len(), 0)?;
        let found = self.find_places(&frame, buffers, &new)?;
        self.hand_out(found.iter().map(|buffer| (buffer.added.start, buffer.to_write)), fill);
        let item = ChunkItem { rows, nodes: nodes.len() as u32, buffers: buffers.len() as u32 };
        let kept = match last {
            LastChunk::Grows => state.chunks.len().saturating_sub(1),
            LastChunk::IsFollowed => state.chunks.len(),
        };
        let same = last == LastChunk::Grows
            && schema == layout.schema
            && state.chunks.last().is_some_and(|chunk| chunk.buffers == item.buffers)
            && layout
                .buffers
                .iter()
                .rev()
                .zip(found.iter().rev())
                .all(|(stands, buffer)| *stands == buffer.place);
        let states = found.iter().map(|buffer| buffer.state);
        let after = with_last(state, (kept, item), nodes, states, self.store.spare.state());
        let layout = match same {
            true => None,
            false => Some(layout_with_last(layout, schema, &after, &found, &new.extents)),
        };
        if after.first_row.checked_add(after.rows).is_none() {
            return Err(GrowthKind::NoRoom { wanted: after.rows, room: u64::MAX - after.first_row }.into());
        }
        self.stage_records(frame, layout, after)?;
        // Only now: nothing fails any more.
        self.end_building(found.iter().map(|buffer| &buffer.added));
        self.store.spare.keep_found(found);
        Ok(schema)
    }

    /// Writes the records of a frame that goes on; its layout only if it is another one.
    pub(super) fn stage_records(
        &mut self,
        frame: FrameRecords,
        layout: Option<Layout>,
        state: Arc<State>,
    ) -> Result<()> {
        let spare = self.spare_draft();
        let reference = self.write_record(RecordKind::State, state.to_draft(spare))?;
        let before = &*frame.staged;
        let (layout_reference, layout) = match layout {
            None => (before.layout, frame.layout),
            Some(layout) => {
                let draft = layout.to_draft(self.spare_draft());
                (self.write_record(RecordKind::Layout, draft)?, Arc::new(layout))
            }
        };
        let schema = layout.schema;
        let (name, contents) = (Arc::clone(&before.name), Contents::Records(layout, state));
        let after = StagedFrame { name, layout: layout_reference, state: reference, schema, contents };
        let after = self.store.spare.frame(after);
        self.replace(Arc::clone(&before.name), Some(before), Some(after));
        Ok(())
    }

    /// Finds where every buffer of the last chunk stands, and sees to it that there are pages for what is added.
    fn find_places(
        &mut self,
        frame: &FrameRecords,
        buffers: &[BufferGrowth],
        new: &Placed,
    ) -> Result<Vec<Found>> {
        let mut found = take(&mut self.store.spare.found);
        let mut fresh = new.places.iter();
        for buffer in buffers {
            let (place, had) = match buffer.start {
                Start::New { .. } => (fresh.next().copied(), 0),
                Start::Stays(index) => {
                    let (place, state) = frame.last_buffer(index).ok_or(GrowthKind::NoBuffer { index })?;
                    (Some(place), state.length)
                }
                Start::Follows { buffer: index, shared } => {
                    let (place, state) = frame.last_buffer(index).ok_or(GrowthKind::NoBuffer { index })?;
                    (following(&place, state.length, shared, buffer.addressing), shared)
                }
            };
            let place = place.ok_or(GrowthKind::NoRoom { wanted: buffer.added, room: 0 })?;
            let length = had + buffer.added;
            if length.saturating_add(PADDING) > place.capacity {
                let room = place.capacity.saturating_sub(had + PADDING);
                return Err(GrowthKind::NoRoom { wanted: buffer.added, room }.into());
            }
            let added = place.offset + had..place.offset + length;
            if !matches!(buffer.start, Start::New { .. }) && buffer.added > 0 {
                self.write_on(added.clone())?;
            }
            let state = BufferStateItem { length, open_word: buffer.open_word };
            found.push(Found { place, state, to_write: self.to_write(&added), added });
        }
        Ok(found)
    }

    /// Sees to it that bytes of a run, behind those that are published, have pages.
    pub(super) fn write_on(&mut self, bytes: Range<u64>) -> Result<()> {
        let end = bytes.end + PADDING;
        let Some((start, run)) = self.store.runs.holding_mut(bytes.start) else { return Ok(()) };
        let written = run.written;
        // First: what is written counts as needed where pages are given back.
        run.written = written.max(bytes.end);
        let has_pages = end <= run.pages.end;
        self.grown.push(Grown { run: start, written, bytes });
        if has_pages { Ok(()) } else { self.store.reach(start, end) }
    }

    /// Undoes what was noted of runs since there were `keep` of them: nobody saw what was written.
    pub(super) fn take_back(&mut self, keep: usize) {
        for Grown { run, written, .. } in self.grown.drain(keep..).rev() {
            if let Some(run) = self.store.runs.at(run) {
                run.written = written;
            }
        }
    }
}

/// Where a buffer stands that follows another one in its run; none if there is no room.
fn following(place: &BufferItem, length: u64, shared: u64, addressing: Addressing) -> Option<BufferItem> {
    let behind = (place.offset + length).next_multiple_of(addressing.alignment());
    let offset = behind.checked_sub(shared).filter(|offset| *offset >= place.offset)?;
    let capacity = (place.offset + place.capacity).checked_sub(offset)?;
    Some(addressing.item(offset, capacity))
}

/// The state whose first `kept` chunks are followed by this one, in the memory of `spare`.
fn with_last(
    state: &State,
    (kept, item): (usize, ChunkItem),
    nodes: &[NodeItem],
    buffers: impl Iterator<Item = BufferStateItem>,
    mut spare: Arc<State>,
) -> Arc<State> {
    let kept = &state.chunks[..kept];
    let count = |of: fn(&ChunkItem) -> u32| kept.iter().map(|chunk| of(chunk) as usize).sum();
    let (node, buffer): (usize, usize) = (count(|chunk| chunk.nodes), count(|chunk| chunk.buffers));
    let after = Arc::make_mut(&mut spare);
    (after.generation, after.first_row) = (state.generation, state.first_row);
    after.chunks.extend_from_slice(kept);
    after.chunks.push(item);
    after.nodes.extend_from_slice(&state.nodes[..node]);
    after.nodes.extend_from_slice(nodes);
    after.buffers.extend_from_slice(&state.buffers[..buffer]);
    after.buffers.extend(buffers);
    after.rows = after.chunks.iter().map(|chunk| chunk.rows).fold(0, u64::saturating_add);
    spare
}

/// The layout of this state, whose last chunk stands where `found` says; extents that no buffer stands in any more are left out.
fn layout_with_last(
    layout: &Layout,
    schema: RecordReference,
    state: &State,
    found: &[Found],
    new: &[ExtentItem],
) -> Layout {
    let mut buffers = layout.buffers[..state.buffers.len() - found.len()].to_vec();
    buffers.extend(found.iter().map(|buffer| buffer.place));
    let mut extents = [&layout.extents, new].concat();
    extents.sort_unstable_by_key(|extent| extent.offset);
    let (generation, chunks) = (layout.generation, state.chunks.len() as u32);
    let mut after = Layout { schema, generation, chunks, extents, buffers };
    after.leave_out_unused_extents();
    after
}

impl BufferGrowth {
    /// What is to be found for it, if it is to stand elsewhere.
    fn new_buffer(&self) -> Option<BufferDraft> {
        match self.start {
            Start::New { room } => {
                Some(BufferDraft { length: self.added, addressing: self.addressing, room })
            }
            Start::Stays(_) | Start::Follows { .. } => None,
        }
    }
}
