//! Building in place: buffers of a frame that is not there yet, or the bytes behind those of one that is, are handed out one
//! by one, for as long as it takes to fill them, and then become the frame's without a copy.
//!
//! What is handed out is tied to the transaction's exclusive borrow of the store, so it is gone when the frame is put
//! (I11); it is handed out once, so no two slices overlap; and it is zeroed first, since the bytes may have held what
//! another frame had. Strings are appended through [`crate::Growing`], which asks for pages as it fills, and moves what it has
//! to a longer run where one is used up: nobody holds a slice of it.
//!
//! No version covers these bytes before the commit (I1). A writer that is killed while it fills them leaves the last
//! version as it was, and the next one finds them free: nothing in the segment says that they were taken. Readers that are
//! killed have nothing to do with it. A building that comes to nothing is given back when the next one begins, or when the
//! transaction ends, if its owner did not do so before ([`Staging::abandon_building`]).

use crate::steps::{Step, step};
use crate::writing::columns::FrameRecords;
use crate::writing::lender::Lender;
use crate::writing::put::{BufferDraft, Schema};
use crate::writing::staged_frame::{Contents, StagedFrame};
use crate::writing::staging::Staging;
use core::ops::Range;
use shmframe_format::frame::{Layout, State, extent_at};
use shmframe_format::geometry::PADDING;
use shmframe_format::record::RecordKind;
use shmframe_format::table::{BufferItem, ExtentItem, NodeItem, RecordReference};
use shmframe_format::{Describe, ErrorKind, Report, Result};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

#[derive(Debug)]
pub(super) enum BuildingKind {
    HandedOut { index: usize },
    TooLong { index: usize, length: u64, written: u64 },
    UsedUp { wanted: u64, room: u64 },
}

impl Describe for BuildingKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::HandedOut { .. } | Self::TooLong { .. } => ErrorKind::InvalidArgument,
            Self::UsedUp { .. } => ErrorKind::CapacityExceeded,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::HandedOut { index } => Report::new(
                "no such buffer to hand out",
                "one of this building, and each once",
                format!("number {index}"),
                "keep what was handed out",
            ),
            Self::TooLong { index, length, written } => Report::new(
                "a buffer is shorter than it is said to be",
                format!("at most {written} bytes"),
                format!("{length} bytes of buffer {index}"),
                "count what was written",
            ),
            Self::UsedUp { wanted, room } => Report::new(
                "a run is used up",
                format!("{wanted} bytes more"),
                format!("room for {room}"),
                "take room elsewhere",
            ),
        }
    }
}

shmframe_format::every_kind!(BuildingKind {
    HandedOut: BuildingKind::HandedOut { index: 1 };
    TooLong: BuildingKind::TooLong { index: 1, length: 2, written: 1 };
    UsedUp: BuildingKind::UsedUp { wanted: 2, room: 1 };
});

/// What a transaction has handed out, or may hand out, for a frame that is being built.
#[derive(Debug, Default)]
pub(super) struct Building {
    buffers: Vec<Built>,
    /// Where bytes behind those of buffers that stand there begin, and where their room ends.
    behind: BTreeMap<u64, u64>,
    /// How many runs the transaction had written on in before, while something is being built.
    grown: Option<usize>,
}

/// A buffer that is being built.
#[derive(Debug)]
struct Built {
    place: BufferItem,
    /// What was taken to hold it; none if it goes on in a buffer that stands there.
    extent: Option<ExtentItem>,
    /// Bytes to write.
    length: u64,
    handed_out: bool,
}

impl Built {
    /// Whether it has an extent for itself, which it can leave for a longer one.
    fn is_alone(&self) -> bool {
        let whole = (self.place.offset, self.place.capacity);
        self.extent.is_some_and(|extent| (extent.offset, extent.length) == whole)
    }
}

/// A buffer that is being built: where [`Lender`] finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltBuffer(usize);

/// A frame whose buffers were built in place, as one chunk.
#[derive(Debug)]
pub struct BuiltFrame<'s> {
    /// Its name, checked.
    pub name: &'s str,
    /// Where its schema stands already, or the message to store.
    pub schema: Schema<'s>,
    /// Its rows.
    pub rows: u64,
    /// Its nodes, depth-first.
    pub nodes: Vec<NodeItem>,
    /// Its buffers, depth-first, and the bytes of each that were written. Others come to nothing.
    pub buffers: Vec<(BuiltBuffer, u64)>,
}

impl Staging<'_> {
    /// Begins to build a frame; whatever was being built before comes to nothing.
    ///
    /// # Errors
    /// [`ErrorKind::WriterInChild`].
    pub fn begin_building(&mut self) -> Result<()> {
        self.store.check_process()?;
        self.forget_building();
        self.building.grown = Some(self.grown.len());
        Ok(())
    }

    /// Gives back what was handed out and became no frame. For whoever began the building, before the transaction does
    /// anything else.
    pub fn abandon_building(&mut self) {
        if let Some(grown) = self.building.grown {
            self.take_back(grown);
        }
        self.forget_building();
    }

    /// Gives back what somebody left that was handed out; of runs it stays noted that they may be written so far.
    pub(super) fn forget_building(&mut self) {
        // As a rule nobody builds anything.
        if self.building.grown.is_some() || !self.building.buffers.is_empty() {
            self.give_back_but(&[]);
            self.building = Building::default();
        }
    }

    /// The first bytes of a buffer that was handed out: the borrow under which it was is over.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if it has fewer.
    pub fn built_bytes(&self, BuiltBuffer(index): BuiltBuffer, length: u64) -> Result<&[u8]> {
        let offset = self.building.place(index, length)?.offset;
        // SAFETY: (I9, I11) this transaction took the bytes, with their pages, or they lie behind all that is published in a run;
        // whoever had a slice of them borrowed the transaction exclusively, which it no longer does.
        Ok(unsafe { self.store.mapped.map.slice(offset, length as usize) })
    }

    /// What hands out buffers for as long as the transaction is borrowed.
    pub fn lender(&mut self) -> Lender<'_> {
        let mapped = Arc::clone(&self.store.mapped);
        Lender { ground: Arc::new(Mutex::new(self)), mapped }
    }

    /// Makes a frame of the buffers that were built, replacing the one of its name. Returns where its schema stands.
    /// Stores nothing but records, however many rows there are.
    ///
    /// # Errors
    /// [`ErrorKind::DirectoryFull`], [`ErrorKind::CapacityExceeded`], [`ErrorKind::Corrupt`]; the transaction is then as it
    /// was before the building began.
    pub fn put_built(&mut self, frame: BuiltFrame<'_>) -> Result<RecordReference> {
        self.store.check_process()?;
        let taken = self.allocated.len();
        let put = self.finish_building(frame);
        match &put {
            Ok(_) => self.building = Building::default(),
            Err(error) => {
                // Its records, then what was built.
                self.undo(taken, error);
                self.abandon_building();
            }
        }
        put
    }

    fn finish_building(&mut self, frame: BuiltFrame<'_>) -> Result<RecordReference> {
        let before = self.frame(frame.name)?;
        let schema = self.schema_record(frame.name, frame.schema, before.as_deref())?;
        let (mut places, mut lengths) = (Vec::new(), Vec::new());
        for &(BuiltBuffer(index), length) in &frame.buffers {
            places.push(self.building.place(index, length)?);
            lengths.push(length);
        }
        self.take_back_slices();
        let generation = self.next_generation;
        let extents = self.building.extents();
        let mut layout = Layout { schema, generation, chunks: 1, extents, buffers: places };
        layout.leave_out_unused_extents();
        let draft = layout.to_draft(self.spare_draft());
        let reference = self.write_record(RecordKind::Layout, draft)?;
        let spare = self.spare_draft();
        let written = lengths.clone();
        let lengths = lengths.into_iter();
        let state = State::draft_of_one_chunk((generation, 0), frame.rows, &frame.nodes, lengths, spare);
        let state = self.write_record(RecordKind::State, state)?;
        self.give_back_but(&layout.extents);
        for (place, length) in layout.buffers.iter().zip(written) {
            self.note_end(place.offset, place.offset + length);
        }
        // Compared for equality only.
        self.next_generation = generation.wrapping_add(1);
        let contents = Contents::Extents(layout.extents);
        let before = before.as_deref();
        let name = StagedFrame::name_after(before, frame.name);
        let after = StagedFrame { name: Arc::clone(&name), layout: reference, state, schema, contents };
        self.replace(name, before, Some(Arc::new(after)));
        Ok(schema)
    }

    /// Takes back all slices: the borrow under which they were handed out is over.
    fn take_back_slices(&self) {
        for _ in self.building.buffers.iter().filter(|built| built.handed_out) {
            step(Step::Copy);
        }
    }

    /// How many of the bytes of `added` are not written yet: none, if they were handed out and filled before.
    pub(super) fn to_write(&self, added: &Range<u64>) -> u64 {
        let length = added.end - added.start;
        let is_built = |built: &Built| built.place.offset == added.start && built.length >= length;
        let built =
            self.building.behind.contains_key(&added.start) && self.building.buffers.iter().any(is_built);
        if built { 0 } else { length }
    }

    /// Takes back what was handed out behind buffers that stand there, of which they have these bytes from now on.
    pub(super) fn end_building<'r>(&mut self, added: impl Iterator<Item = &'r Range<u64>>) {
        self.take_back_slices();
        for range in added {
            if self.building.behind.contains_key(&range.start) {
                self.note_end(range.start, range.end);
            }
        }
        self.forget_building();
    }

    /// Notes that nothing is written behind `end` in the run that holds `offset`.
    fn note_end(&mut self, offset: u64, end: u64) {
        if let Some(start) = self.store.runs.holding(offset).map(|(start, _)| start)
            && let Some(run) = self.store.runs.at(start)
        {
            run.written = end;
        }
    }

    /// Gives back what was taken for this building and is none of these extents.
    fn give_back_but(&mut self, used: &[ExtentItem]) {
        let is_used = |start: u64| used.binary_search_by_key(&start, |extent| extent.offset).is_ok();
        let starts = self.building.extents().into_iter().map(|extent| extent.offset);
        self.give_back_from(&starts.filter(|start| !is_used(*start)).collect::<Vec<_>>());
    }

    /// Gives back the ranges that begin here; the starts are in order.
    fn give_back_from(&mut self, starts: &[u64]) {
        let goes = |range: &mut Range<u64>| starts.binary_search(&range.start).is_ok();
        let ranges: Vec<Range<u64>> = self.allocated.extract_if(.., goes).collect();
        for range in ranges {
            match self.store.runs.at(range.start).is_some() {
                true => self.store.give_back_run(range.start),
                false => self.store.space.give_warm(range),
            }
        }
    }
}

impl Building {
    /// The extents that hold its buffers, each once, by offset.
    fn extents(&self) -> Vec<ExtentItem> {
        let mut extents: Vec<ExtentItem> = self.buffers.iter().filter_map(|built| built.extent).collect();
        extents.sort_unstable_by_key(|extent| extent.offset);
        extents.dedup_by_key(|extent| extent.offset);
        extents
    }

    /// Where a buffer stands of which so many bytes were written.
    fn place(&self, index: usize, length: u64) -> Result<BufferItem> {
        let built = self.buffers.get(index).ok_or(BuildingKind::HandedOut { index })?;
        match length <= built.length {
            true => Ok(built.place),
            false => Err(BuildingKind::TooLong { index, length, written: built.length }.into()),
        }
    }

    /// Whether nothing of these bytes was handed out behind a buffer before.
    fn is_apart(&self, start: u64, end: u64) -> bool {
        let before = self.behind.range(..=start).next_back();
        let after = self.behind.range(start..).next();
        before.is_none_or(|(_, before)| *before <= start) && after.is_none_or(|(after, _)| *after >= end)
    }
}

/// What a [`Lender`] needs of its transaction.
pub(super) trait Ground: Send + core::fmt::Debug {
    /// Takes room for the buffers of one column.
    fn place(&mut self, nodes: &[NodeItem], buffers: &[BufferDraft]) -> Result<Vec<BuiltBuffer>>;

    /// Takes `added` bytes behind those of a buffer of a frame's last chunk.
    fn go_on(&mut self, frame: &FrameRecords, index: usize, added: u64) -> Result<BuiltBuffer>;

    /// Where a buffer stands that is handed out now, and its bytes.
    fn hand_out_one(&mut self, buffer: BuiltBuffer) -> Result<(BufferItem, u64)>;

    /// Whether a buffer may move.
    fn moves(&self, buffer: BuiltBuffer) -> bool;

    /// Sees to it that a buffer has pages for `more` bytes behind its first `filled`, which may move. Returns where it stands,
    /// and for how many bytes there are pages.
    fn reach_further(&mut self, buffer: BuiltBuffer, filled: u64, more: u64) -> Result<(u64, u64)>;
}

impl Ground for Staging<'_> {
    fn place(&mut self, nodes: &[NodeItem], buffers: &[BufferDraft]) -> Result<Vec<BuiltBuffer>> {
        self.store.check_process()?;
        let taken = self.allocated.len();
        let placed = self.place(nodes, |index| Some(buffers[index]), buffers.len(), 0);
        let placed = placed.inspect_err(|error| self.undo(taken, error))?;
        let first = self.building.buffers.len();
        for (place, draft) in placed.places.iter().zip(buffers) {
            let extent = extent_at(&placed.extents, place.offset).map(|at| placed.extents[at]);
            let (place, length) = (*place, draft.length);
            self.building.buffers.push(Built { place, extent, length, handed_out: false });
        }
        Ok((first..self.building.buffers.len()).map(BuiltBuffer).collect())
    }

    fn go_on(&mut self, frame: &FrameRecords, index: usize, added: u64) -> Result<BuiltBuffer> {
        self.store.check_process()?;
        self.check_current(frame)?;
        let (place, state) = frame.last_buffer(index).ok_or(BuildingKind::HandedOut { index })?;
        let room = place.capacity.saturating_sub(state.length);
        if added.saturating_add(PADDING) > room {
            return Err(BuildingKind::UsedUp { wanted: added, room: room.saturating_sub(PADDING) }.into());
        }
        let (start, end) = (place.offset + state.length, place.offset + place.capacity);
        // In a damaged segment buffers may overlap.
        if !self.building.is_apart(start, end) {
            return Err(BuildingKind::HandedOut { index }.into());
        }
        self.write_on(start..start + added)?;
        self.building.behind.insert(start, end);
        let place = BufferItem { offset: start, capacity: room, ..place };
        self.building.buffers.push(Built { place, extent: None, length: added, handed_out: false });
        Ok(BuiltBuffer(self.building.buffers.len() - 1))
    }

    fn hand_out_one(&mut self, BuiltBuffer(index): BuiltBuffer) -> Result<(BufferItem, u64)> {
        self.store.check_process()?;
        match self.building.buffers.get_mut(index) {
            Some(built) if !built.handed_out => {
                built.handed_out = true;
                Ok((built.place, built.length))
            }
            _ => Err(BuildingKind::HandedOut { index }.into()),
        }
    }

    fn moves(&self, BuiltBuffer(index): BuiltBuffer) -> bool {
        self.building.buffers.get(index).is_some_and(Built::is_alone)
    }

    fn reach_further(
        &mut self,
        BuiltBuffer(index): BuiltBuffer,
        filled: u64,
        more: u64,
    ) -> Result<(u64, u64)> {
        self.store.check_process()?;
        let built = self.building.buffers.get(index).ok_or(BuildingKind::HandedOut { index })?;
        let (mut place, needed) = (built.place, filled.saturating_add(more));
        if needed.saturating_add(PADDING) > place.capacity {
            if !built.is_alone() {
                let room = place.capacity.saturating_sub(filled + PADDING);
                return Err(BuildingKind::UsedUp { wanted: more, room }.into());
            }
            self.move_to_longer_run(index, filled, needed)?;
            place = self.building.buffers[index].place;
        }
        self.write_on(place.offset..place.offset + needed)?;
        let pages = self.store.runs.holding(place.offset).map(|(_, run)| run.pages.end);
        let reached = pages.map_or(0, |end| end.saturating_sub(place.offset + PADDING));
        let reached = reached.min(place.capacity - PADDING).max(needed);
        // What has pages now must keep them, also if somebody else's need gives back what nobody writes.
        self.write_on(place.offset..place.offset + reached)?;
        self.building.buffers[index].length = reached;
        Ok((place.offset, reached))
    }
}

impl Staging<'_> {
    /// Gives a buffer that needs `needed` bytes a longer run, with its first `filled` bytes.
    fn move_to_longer_run(&mut self, index: usize, filled: u64, needed: u64) -> Result<()> {
        let before = self.building.buffers[index].place;
        let room = before.capacity.saturating_mul(4).max(needed.saturating_mul(2));
        let run = self.take_run(needed, room)?;
        let mapped = Arc::clone(&self.store.mapped);
        // SAFETY: (I1, I11) this transaction took the bytes, nobody else has a slice of them, and it is borrowed here.
        let bytes = unsafe { mapped.map.slice(before.offset, filled as usize) };
        // SAFETY: (I1, I9, I11) this transaction just took the run, with pages for so many bytes; the store is borrowed
        // exclusively under the lease.
        unsafe { mapped.map.write(run.start, bytes) };
        self.give_back_from(&[before.offset]);
        let Range { start: offset, end } = run;
        let capacity = end - offset;
        let extent = ExtentItem { offset, length: capacity, version: self.version() };
        let built = &mut self.building.buffers[index];
        built.place = BufferItem { offset, capacity, ..before };
        built.extent = Some(extent);
        built.length = needed;
        Ok(())
    }
}
