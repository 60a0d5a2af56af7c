//! A transaction on its way: bytes that no live version covers, until one store makes them all visible.

use crate::files::location::Location;
use crate::protocol;
use crate::sync::Ordering;
use crate::sys::futex::Futex;
use crate::writing::building::Building;
use crate::writing::lease;
use crate::writing::spare::Spare;
use crate::writing::staged_bytes::check_record_length;
use crate::writing::staged_frame::Changes;
use crate::writing::store::Store;
use core::mem::take;
use core::ops::Range;
use shmframe_format::directory::{Change, NodeSink, Root, Token};
use shmframe_format::geometry::RING_LENGTH;
use shmframe_format::header::Id;
use shmframe_format::record::{RecordKind, seal_entry};
use shmframe_format::table::{Entry, RecordReference};
use shmframe_format::{Covered, Result};
use std::sync::Arc;

/// Commits after which a reclaim is due at the latest.
const COMMITS_PER_RECLAIM: u64 = RING_LENGTH as u64 / 2;

/// A transaction: dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Staging<'a> {
    pub(super) store: &'a mut Store,
    /// What this transaction took from the heap.
    pub(super) allocated: Vec<Range<u64>>,
    /// The runs that this transaction wrote on in.
    pub(super) grown: Vec<Grown>,
    /// What the version before covers and this one does not.
    pub(super) discarded: Vec<Covered>,
    /// What the version before uses of runs and this one does not, and the version that wrote first in the run.
    pub(super) fronts: Vec<(Range<u64>, u64)>,
    pub(super) changes: Changes,
    /// What was handed out for a frame that is not there yet.
    pub(super) building: Building,
    /// Whether it is being committed and only removes: its records may use the reserve.
    pub(super) removes: bool,
    /// The generation that the next frame gets which is another one than before.
    pub(super) next_generation: u64,
    token: Option<Token>,
}

/// A run, of the version before or of this transaction, that a transaction wrote on in.
#[derive(Debug)]
pub(super) struct Grown {
    /// Where the run begins.
    pub(super) run: u64,
    /// How far it was written before.
    pub(super) written: u64,
    /// The bytes that were added.
    pub(super) bytes: Range<u64>,
}

impl Store {
    /// Begins a transaction. Takes the lease first, where writers take turns.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::WriterInChild`], [`shmframe_format::ErrorKind::LeaseTaken`],
    /// [`shmframe_format::ErrorKind::Removed`], [`shmframe_format::ErrorKind::Corrupt`].
    pub fn begin(&mut self) -> Result<Staging<'_>> {
        self.resume()?;
        let Spare { allocated, grown, discarded, .. } = &mut self.spare;
        Ok(Staging {
            allocated: take(allocated),
            grown: take(grown),
            discarded: take(discarded),
            fronts: Vec::new(),
            changes: Changes::new(),
            building: Building::default(),
            removes: false,
            next_generation: self.root.next_generation,
            token: self.root.token,
            store: self,
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

    /// Where the segment stands.
    #[must_use]
    pub fn location(&self) -> &Location {
        self.store.location()
    }

    /// Which segment it is: the same for as long as it lives.
    #[must_use]
    pub fn instance(&self) -> Id {
        self.store.mapped.header.instance()
    }

    /// The writer's label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.store.options.label
    }

    /// Gives the version that a commit makes a token, which later ones keep until another is given.
    pub fn set_token(&mut self, value: u128) {
        self.token = Some(Token { value, version: self.version() });
    }

    /// Makes the transaction visible, all of it, and returns its version.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::DirectoryFull`], [`shmframe_format::ErrorKind::Superseded`],
    /// [`shmframe_format::ErrorKind::Corrupt`]; nothing is then visible.
    pub fn commit(mut self) -> Result<u64> {
        self.store.check_process()?;
        self.forget_building();
        let version = self.version();
        let changes = take(&mut self.changes);
        self.removes = !changes.is_empty() && changes.values().all(Option::is_none);
        let (root, reference) = self.write_root(&changes)?;
        let entry = seal_entry(Entry {
            sequence: 0,
            version,
            root_offset: reference.offset,
            root_length: u64::from(reference.length),
            root_checksum: reference.checksum,
            epoch: self.store.epoch,
            committed: crate::sys::clock::now(),
            checksum: 0,
        });
        self.publish(&entry)?;
        // Visible from here on: nothing is rolled back any more.
        self.allocated.clear();
        self.grown.clear();
        let store = &mut *self.store;
        let root = store.spare.root(root);
        store.spare.keep_root(core::mem::replace(&mut store.root, root));
        for (name, frame) in changes {
            let before = match frame {
                Some(frame) => store.frames.insert(name, frame),
                None => store.frames.remove(&name),
            };
            before.into_iter().for_each(|before| store.spare.keep_frame(before));
        }
        let before = store.root_reference.replace(reference);
        store.latest = version;
        store.entries.published(entry);
        for covered in self.discarded.drain(..).chain(before.as_ref().map(Covered::record)) {
            store.drop_covered(covered, version);
        }
        for (front, born) in self.fronts.drain(..) {
            // The run may have been given up by the same transaction: then all of it waits, or is free already.
            if store.runs.at_all(&front) {
                store.space.drop_front(front, born, version);
            }
        }
        store.commits += 1;
        store.commits_since_reclaim += 1;
        if store.commits_since_reclaim >= COMMITS_PER_RECLAIM {
            store.reclaim();
        }
        #[cfg(feature = "watch")]
        store.watch_again()?;
        store.pause();
        Ok(version)
    }

    fn write_root(&mut self, changes: &Changes) -> Result<(Root, RecordReference)> {
        let changes = changes.iter().map(|(name, frame)| Change {
            name,
            records: frame.as_ref().map(|frame| (frame.layout, frame.state)),
        });
        // The nodes that are read are published ones, which nothing here changes.
        let (published, before) = (Arc::clone(&self.store.mapped), Arc::clone(&self.store.root));
        let mut root = before.changed(&*published, self, changes)?;
        (root.next_generation, root.token) = (self.next_generation, self.token);
        let highest = self.allocated.iter().map(|range| range.end).max().unwrap_or(0);
        let length = root.record_length();
        check_record_length(length)?;
        let range = self.take(length)?;
        root.heap_end = root.heap_end.max(highest).max(range.end);
        let draft = root.to_draft(self.spare_draft());
        let reference = self.seal_at(RecordKind::Root, range.start, draft);
        Ok((root, reference))
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
                return Err(self.store.placed(self.store.no_place(entry.version)));
            }
        }
        Ok(())
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
        self.take_back(0);
        let Self { allocated, grown, discarded, .. } = self;
        self.store.spare.keep(take(allocated), take(grown), take(discarded));
        self.store.pause();
    }
}
