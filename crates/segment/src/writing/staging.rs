//! A transaction on its way: bytes that no live version covers, until one store makes them all visible.

use crate::protocol;
use crate::steps::{Step, copied, step};
use crate::sync::Ordering;
use crate::sys::futex::Futex;
use crate::writing::lease;
use crate::writing::store::Store;
use core::ops::Range;
use shmframe_format::directory::{Change, NodeSink, Root};
use shmframe_format::frame::{Layout, State, schema_draft};
use shmframe_format::geometry::{ALIGNMENT, PADDING, RING_LENGTH};
use shmframe_format::record::{RECORD_LIMIT, RecordKind, seal, seal_entry};
use shmframe_format::table::{
    BufferItem, BufferStateItem, ChunkItem, Entry, ExtentItem, NodeItem, RecordReference,
};
use shmframe_format::{Covered, Describe, ErrorKind, Report, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Commits after which a reclaim is due at the latest.
const COMMITS_PER_RECLAIM: u64 = RING_LENGTH as u64 / 2;

#[derive(Debug)]
enum StagingKind {
    RecordLength { found: u64 },
    OtherSchema { name: String },
}

impl Describe for StagingKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::RecordLength { .. } => ErrorKind::CapacityExceeded,
            Self::OtherSchema { .. } => ErrorKind::InvalidArgument,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::RecordLength { found } => Report::new(
                "a record is too long",
                format!("at most {RECORD_LIMIT} bytes of schema, or of columns and buffers"),
                format!("{found}"),
                "use fewer columns or less metadata",
            ),
            Self::OtherSchema { name } => Report::new(
                format!("frame {name:?} has another schema record"),
                "the one that its newest version has",
                "another one",
                "hand in the schema's message",
            ),
        }
    }
}

shmframe_format::every_kind!(StagingKind {
    RecordLength: StagingKind::RecordLength { found: 1 };
    OtherSchema: StagingKind::OtherSchema { name: "a".into() };
});

/// A transaction: dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Staging<'a> {
    store: &'a mut Store,
    /// What this transaction took from the heap.
    allocated: Vec<Range<u64>>,
    /// What the version before covers and this one does not.
    discarded: Vec<Covered>,
    changes: BTreeMap<String, Option<StagedFrame>>,
    /// Whether it is being committed and only removes: its records may use the reserve.
    removes: bool,
    root: Root,
}

/// The records of a frame as this transaction leaves it.
#[derive(Clone, Debug)]
pub(crate) struct StagedFrame {
    layout: RecordReference,
    state: RecordReference,
    schema: RecordReference,
    extents: Vec<ExtentItem>,
}

/// A frame to be laid out as one chunk.
#[derive(Debug)]
pub struct FrameDraft<'s> {
    /// Its name, checked.
    pub name: &'s str,
    /// Where its schema stands already, or the Arrow IPC schema message to store.
    pub schema: Schema<'s>,
    /// Rows.
    pub rows: u64,
    /// Its nodes, depth-first.
    pub nodes: Vec<NodeItem>,
    /// Bytes of its buffers, depth-first.
    pub buffer_lengths: Vec<u64>,
}

/// A frame's schema.
#[derive(Clone, Copy, Debug)]
pub enum Schema<'s> {
    /// The record that the newest version has for this frame.
    Unchanged(RecordReference),
    /// An Arrow IPC schema message.
    Message(&'s [u8]),
}

/// Bytes that this transaction alone can reach: exclusive, tied to the lease by the borrow of the store (I11).
struct Staged<'s> {
    bytes: &'s mut [u8],
}

impl Store {
    /// Begins a transaction. Takes the lease first, where writers take turns.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::WriterInChild`], [`shmframe_format::ErrorKind::LeaseTaken`],
    /// [`shmframe_format::ErrorKind::Removed`], [`shmframe_format::ErrorKind::Corrupt`].
    pub fn begin(&mut self) -> Result<Staging<'_>> {
        self.resume()?;
        let root = self.root.clone();
        Ok(Staging {
            store: self,
            allocated: Vec::with_capacity(2),
            discarded: Vec::with_capacity(4),
            changes: BTreeMap::new(),
            removes: false,
            root,
        })
    }
}

impl<'a> Staging<'a> {
    /// The epoch under which this transaction holds the lease.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.store.epoch
    }

    /// The version that a commit would make.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.store.latest + 1
    }

    /// Lays out a frame, replacing the one of this name: allocates its buffers, lets `fill` write each of them once,
    /// and writes its records. Returns where its schema stands.
    ///
    /// `fill` is given one slice for each buffer, of exactly its length; what the slices hold before is unspecified.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::DirectoryFull`], [`shmframe_format::ErrorKind::CapacityExceeded`]; the
    /// transaction is then as it was before.
    pub fn put_frame(
        &mut self,
        draft: FrameDraft<'_>,
        fill: impl FnOnce(Vec<&mut [u8]>),
    ) -> Result<RecordReference> {
        self.store.check_process()?;
        let taken_before = self.allocated.len();
        let put = self.lay_out(draft, fill);
        if put.is_err() {
            self.give_back(taken_before);
        }
        put
    }

    fn lay_out(
        &mut self,
        draft: FrameDraft<'_>,
        fill: impl FnOnce(Vec<&mut [u8]>),
    ) -> Result<RecordReference> {
        let before = self.frame(draft.name)?;
        let schema = match draft.schema {
            Schema::Message(message) => self.write_record(RecordKind::Schema, schema_draft(message))?,
            Schema::Unchanged(reference) => match &before {
                Some(before) if before.schema == reference => reference,
                _ => return Err(StagingKind::OtherSchema { name: draft.name.to_owned() }.into()),
            },
        };
        let capacities =
            draft.buffer_lengths.iter().map(|length| (length + PADDING).next_multiple_of(ALIGNMENT));
        let data: u64 = capacities.clone().sum();
        let generation = self.root.next_generation;
        let state = new_state(generation, draft.rows, draft.nodes, &draft.buffer_lengths).to_draft();
        let layout_length = Layout::draft_length(usize::from(data > 0), draft.buffer_lengths.len());
        check_record_length(layout_length)?;
        check_record_length(state.len() as u64)?;
        let layout_room = layout_length.next_multiple_of(ALIGNMENT);
        let range = self.take(data + layout_room + state.len() as u64)?;
        let mut at = range.start;
        let buffers: Vec<BufferItem> = capacities
            .map(|capacity| {
                let item = BufferItem { offset: at, capacity };
                at += capacity;
                item
            })
            .collect();
        let extent = ExtentItem { offset: range.start, length: data, version: self.version() };
        let extents = if data > 0 { vec![extent] } else { Vec::new() };
        if data > 0 {
            self.staged(range.start, data).hand_out(&draft.buffer_lengths, &buffers, fill);
        }
        let layout = Layout { schema, generation, chunks: 1, extents, buffers };
        let (draft_of_layout, extents) = (layout.to_draft(), layout.extents);
        let layout = self.seal_at(RecordKind::Layout, range.start + data, draft_of_layout);
        let state = self.seal_at(RecordKind::State, range.start + data + layout_room, state);
        // Compared for equality only.
        self.root.next_generation = self.root.next_generation.wrapping_add(1);
        self.replace(draft.name, before, Some(StagedFrame { layout, state, schema, extents }));
        Ok(schema)
    }

    /// Removes a frame; false if there is none of this name.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Corrupt`]; [`shmframe_format::ErrorKind::WriterInChild`].
    pub fn remove_frame(&mut self, name: &str) -> Result<bool> {
        self.store.check_process()?;
        let before = self.frame(name)?;
        let exists = before.is_some();
        if exists {
            self.replace(name, before, None);
        }
        Ok(exists)
    }

    /// The names of the frames that the version before has.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Corrupt`].
    pub fn frame_names(&self) -> Result<Vec<String>> {
        let frames = self.store.root.list(&*self.store.mapped, |_| {})?;
        let mut names: Vec<String> = frames.into_iter().map(|frame| frame.name).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Puts `after` in the place of `before`, which has this name now; discards what only `before` covers.
    fn replace(&mut self, name: &str, before: Option<StagedFrame>, after: Option<StagedFrame>) {
        if let Some(before) = before {
            before.discard(after.as_ref().map(|after| after.schema), &mut self.discarded);
        }
        self.changes.insert(name.to_owned(), after);
    }

    /// The frame of this name, as this transaction leaves it so far.
    fn frame(&self, name: &str) -> Result<Option<StagedFrame>> {
        match self.changes.get(name) {
            Some(staged) => Ok(staged.clone()),
            None => match self.store.frames.get(name) {
                Some(published) => Ok(Some(published.clone())),
                None => self.read_frame(name),
            },
        }
    }

    /// The frame of this name that the version before has, from its records.
    fn read_frame(&self, name: &str) -> Result<Option<StagedFrame>> {
        let mapped = &*self.store.mapped;
        let Some(entry) = self.store.root.find(mapped, name)? else { return Ok(None) };
        let layout = Layout::read(mapped, mapped.geometry(), &entry.layout)?;
        let (schema, extents) = (layout.schema, layout.extents);
        Ok(Some(StagedFrame { layout: entry.layout, state: entry.state, schema, extents }))
    }

    /// Makes the transaction visible, all of it, and returns its version.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::DirectoryFull`], [`shmframe_format::ErrorKind::Superseded`],
    /// [`shmframe_format::ErrorKind::Corrupt`]; nothing is then visible.
    pub fn commit(mut self) -> Result<u64> {
        self.store.check_process()?;
        let version = self.version();
        let changes = core::mem::take(&mut self.changes);
        self.removes = changes.values().all(Option::is_none);
        let root = self.write_root(&changes)?;
        let entry = seal_entry(Entry {
            sequence: 0,
            version,
            root_offset: root.offset,
            root_length: root.length,
            root_checksum: root.checksum,
            epoch: self.store.epoch,
            committed: crate::sys::clock::now(),
            checksum: 0,
        });
        self.publish(&entry)?;
        // Visible from here on: nothing is rolled back any more.
        self.allocated.clear();
        let discarded = core::mem::take(&mut self.discarded);
        let store = &mut *self.store;
        store.root = core::mem::replace(&mut self.root, Root::empty());
        for (name, frame) in changes {
            match frame {
                Some(frame) => drop(store.frames.insert(name, frame)),
                None => drop(store.frames.remove(&name)),
            }
        }
        let before = store.root_reference.replace(root);
        store.latest = version;
        store.entries.published(entry);
        for covered in discarded.into_iter().chain(before.as_ref().map(Covered::record)) {
            store.space.drop_covered(covered, version);
        }
        store.commits += 1;
        store.commits_since_reclaim += 1;
        if store.commits_since_reclaim >= COMMITS_PER_RECLAIM {
            store.reclaim();
        }
        store.pause();
        Ok(version)
    }

    fn write_root(&mut self, changes: &BTreeMap<String, Option<StagedFrame>>) -> Result<RecordReference> {
        let changes = changes.iter().map(|(name, frame)| Change {
            name,
            records: frame.as_ref().map(|frame| (frame.layout, frame.state)),
        });
        let mut root = core::mem::replace(&mut self.root, Root::empty());
        // The nodes that are read are published ones, which nothing here changes.
        let published = Arc::clone(&self.store.mapped);
        root.apply(&*published, self, changes)?;
        let highest = self.allocated.iter().map(|range| range.end).max().unwrap_or(0);
        check_record_length(root.record_length())?;
        let range = self.take(root.record_length())?;
        root.heap_end = root.heap_end.max(highest).max(range.end);
        let reference = self.seal_at(RecordKind::Root, range.start, root.to_draft());
        self.root = root;
        Ok(reference)
    }

    /// The store of `latest`, with everything before it that makes it safe.
    fn publish(&mut self, entry: &Entry) -> Result<()> {
        let found = self.store.mapped.publication().epoch.load(Ordering::Relaxed);
        if found != self.store.epoch {
            return Err(self.store.placed(lease::superseded(self.store.epoch, found)));
        }
        let attempt =
            |store: &Store| protocol::publish(store.mapped.control(), store.mapped.registry(), &Futex, entry);
        if !attempt(self.store) {
            // The ring's place is taken by a version that nobody erased yet.
            self.store.reclaim();
            if !attempt(self.store) {
                return Err(self.store.placed(crate::reading::attachment::damaged(entry.version)));
            }
        }
        Ok(())
    }

    /// Gives back what was taken since there were `keep` ranges: it was never visible.
    fn give_back(&mut self, keep: usize) {
        for range in self.allocated.drain(keep..) {
            self.store.space.give_warm(range);
        }
    }

    fn take(&mut self, length: u64) -> Result<Range<u64>> {
        let range = match self.removes {
            true => self.store.allocate_for_removal(length)?,
            false => self.store.allocate(length)?,
        };
        self.allocated.push(range.clone());
        Ok(range)
    }

    fn write_record(&mut self, kind: RecordKind, draft: Vec<u8>) -> Result<RecordReference> {
        check_record_length(draft.len() as u64)?;
        let range = self.take(draft.len() as u64)?;
        Ok(self.seal_at(kind, range.start, draft))
    }

    /// Seals a record and copies it to `offset`, in a range that this transaction took.
    fn seal_at(&mut self, kind: RecordKind, offset: u64, mut draft: Vec<u8>) -> RecordReference {
        let reference = seal(kind, self.version(), self.store.epoch, offset, &mut draft);
        debug_assert!(self.owns(offset, draft.len() as u64));
        // SAFETY: (I1, I9, I11) this transaction took the range from the heap: no live version covers it, it has
        // pages, and the store is borrowed exclusively under the lease.
        unsafe { self.store.mapped.map.write(offset, &draft) };
        reference
    }

    fn staged(&mut self, offset: u64, length: u64) -> Staged<'_> {
        debug_assert!(self.owns(offset, length));
        // SAFETY: (I1, I9, I11) as in `seal_at`; the borrow of the transaction keeps the slice the only one.
        Staged { bytes: unsafe { self.store.mapped.map.slice_mut(offset, length as usize) } }
    }

    fn owns(&self, offset: u64, length: u64) -> bool {
        self.allocated.iter().any(|range| range.start <= offset && offset + length <= range.end)
    }
}

/// The state of a frame that is laid out as one chunk.
fn new_state(generation: u64, rows: u64, nodes: Vec<NodeItem>, lengths: &[u64]) -> State {
    let chunk = ChunkItem { rows, nodes: nodes.len() as u32, buffers: lengths.len() as u32 };
    let buffers = lengths.iter().map(|length| BufferStateItem { length: *length, open_word: 0 }).collect();
    State { generation, rows, first_row: 0, chunks: vec![chunk], nodes, buffers }
}

fn check_record_length(found: u64) -> Result<()> {
    if found <= RECORD_LIMIT { Ok(()) } else { Err(StagingKind::RecordLength { found }.into()) }
}

impl Staged<'_> {
    /// Hands each buffer to `fill` as a slice of its own, and takes all of them back.
    fn hand_out(self, lengths: &[u64], places: &[BufferItem], fill: impl FnOnce(Vec<&mut [u8]>)) {
        let mut rest = self.bytes;
        let mut slices = Vec::with_capacity(lengths.len());
        for (length, place) in lengths.iter().zip(places) {
            let (buffer, others) = rest.split_at_mut(place.capacity as usize);
            slices.push(&mut buffer[..*length as usize]);
            rest = others;
        }
        step(Step::Copy);
        copied(lengths.iter().sum::<u64>() as usize);
        fill(slices);
        step(Step::Copy);
    }
}

impl StagedFrame {
    /// Adds what it covers to `discarded`, but for a schema that is still in use.
    fn discard(&self, used: Option<RecordReference>, discarded: &mut Vec<Covered>) {
        let extents = self.extents.iter().map(|extent| Covered {
            offset: extent.offset,
            length: extent.length,
            version: extent.version,
        });
        discarded.extend(extents);
        discarded.extend([Covered::record(&self.layout), Covered::record(&self.state)]);
        if used != Some(self.schema) {
            discarded.push(Covered::record(&self.schema));
        }
    }
}

impl NodeSink for Staging<'_> {
    fn write(&mut self, kind: RecordKind, draft: Vec<u8>) -> Result<RecordReference> {
        self.write_record(kind, draft)
    }

    fn discard(&mut self, reference: &RecordReference) {
        self.discarded.push(Covered::record(reference));
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        self.give_back(0);
        self.store.pause();
    }
}
