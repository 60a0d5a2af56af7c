//! The writer's side of a segment: who holds the lease, what is live, and what is free.
//!
//! The allocator keeps nothing in the segment: a new holder of the lease walks the records of all live versions,
//! and everything else is free. Nothing is replayed, nothing rolled back; being killed in here and starting again
//! changes nothing (I10).

use crate::files::creation;
use crate::files::location::Location;
use crate::files::opening::holder;
use crate::protocol::{self, Entries};
use crate::reading::slots::DescriptorLocks;
use crate::sync::Ordering;
use crate::sys::clock::deadline;
use crate::sys::futex::Futex;
use crate::words::{STATE_OPEN, STATE_REMOVED, label_words};
use crate::writing::lease;
use crate::writing::mapped::Mapped;
use crate::writing::recovery::check_number;
use crate::writing::space::Space;
use crate::writing::staging::StagedFrame;
use core::time::Duration;
use shmframe_format::Result;
use shmframe_format::directory::Root;
use shmframe_format::geometry::{DEFAULT_CAPACITY, DEFAULT_SLOTS, RING_LENGTH};
use shmframe_format::table::RecordReference;
use std::collections::HashMap;
use std::sync::Arc;

/// The most versions that history keeps: half the ring.
pub const HISTORY_LIMIT: u64 = RING_LENGTH as u64 / 2;
/// How long opening and commits wait for their turn, unless told otherwise.
const TURN: Duration = Duration::from_secs(60);

/// How a segment is created or opened for writing.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Virtual bytes of a new segment.
    pub capacity: u64,
    /// Reader slots of a new segment.
    pub slots: u32,
    /// Versions that the floor leaves alone, the newest included; none: what the segment has, 1 for a new one.
    pub history: Option<u64>,
    /// The writer's label, shown to whoever looks.
    pub label: String,
    /// How long to wait for the lease; none: not at all, or 60 seconds where writers take turns.
    pub lease_timeout: Option<Duration>,
    /// What happens to free pages.
    pub trim: TrimPolicy,
    /// Takes the lease for each commit only.
    pub several_writers: bool,
}

impl StoreOptions {
    /// How long to wait for the lease. Where writers take turns, somebody else's turn is no reason to fail.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.lease_timeout.or(self.several_writers.then_some(TURN))
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            capacity: DEFAULT_CAPACITY,
            slots: DEFAULT_SLOTS,
            history: None,
            label: String::new(),
            lease_timeout: None,
            trim: TrimPolicy::default(),
            several_writers: false,
        }
    }
}

/// What happens to pages that no live version covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrimPolicy {
    /// They are kept for the next frames: touching fresh pages costs far more than touching warm ones.
    #[default]
    Never,
    /// After each reclaim, all but this many bytes of them go back to the system.
    KeepFree(u64),
}

/// The writer's side of a segment.
#[derive(Debug)]
pub struct Store {
    pub(crate) mapped: Arc<Mapped>,
    pub(crate) entries: Entries,
    pub(crate) space: Space,
    pub(crate) root: Root,
    pub(crate) root_reference: Option<RecordReference>,
    /// The published frames that this store knows without reading their records again.
    pub(crate) frames: HashMap<String, StagedFrame>,
    pub(crate) latest: u64,
    pub(crate) epoch: u64,
    pub(crate) commits_since_reclaim: u64,
    pub(crate) options: StoreOptions,
    pub(crate) holds_lease: bool,
    /// Slots of dead readers that were reaped so far.
    pub(crate) reaped: u64,
}

impl Store {
    /// The store over files that are open and a lease that is held, before recovery.
    pub(crate) fn assemble(mapped: Mapped, options: StoreOptions) -> Self {
        let heap = mapped.geometry().heap_offset()..mapped.geometry().capacity();
        Self {
            mapped: Arc::new(mapped),
            entries: Entries::default(),
            space: Space::new(heap),
            root: Root::empty(),
            root_reference: None,
            frames: HashMap::new(),
            latest: 0,
            epoch: 0,
            commits_since_reclaim: 0,
            options,
            holds_lease: true,
            reaped: 0,
        }
    }

    /// What a new holder of the lease does first: shows itself, bumps the epoch, recovers, reclaims, wakes everybody.
    pub(crate) fn gain(&mut self) -> Result<()> {
        self.mapped.lease.show()?;
        let publication = self.mapped.publication();
        let before = publication.epoch.load(Ordering::Relaxed);
        check_number("epoch", before)?;
        let epoch = before + 1;
        publication.epoch.store(epoch, Ordering::Relaxed);
        publication.state.store(STATE_OPEN, Ordering::Relaxed);
        let history = self
            .options
            .history
            .unwrap_or_else(|| publication.history.load(Ordering::Relaxed).clamp(1, HISTORY_LIMIT));
        publication.history.store(history, Ordering::Relaxed);
        publication.writer_pid.store(u64::from(std::process::id()), Ordering::Relaxed);
        publication.writer_since.store(crate::sys::clock::now(), Ordering::Relaxed);
        for (word, value) in publication.writer_label.iter().zip(label_words(&self.options.label)) {
            word.store(value, Ordering::Relaxed);
        }
        self.recover()?;
        // Only now: a store that failed to recover has not caught up with anything.
        self.epoch = epoch;
        self.reclaim();
        protocol::wake_all(self.mapped.control(), &Futex);
        Ok(())
    }

    /// Fails in a forked child of the process that opened this store.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::WriterInChild`].
    pub fn check_process(&self) -> Result<()> {
        self.mapped.lease.check_process()
    }

    /// Takes the lease for a commit, if it is not held; catches up with what others did meanwhile.
    pub(crate) fn resume(&mut self) -> Result<()> {
        self.mapped.lease.check_process()?;
        if self.holds_lease {
            return Ok(());
        }
        let place = |error: shmframe_format::Error| error.at(self.location().path().display());
        if !self.mapped.lease.take(self.options.patience().map(deadline))? {
            return Err(place(lease::taken(holder(&self.mapped.directory))));
        }
        // The lease counts as held only once this store knows all that others did meanwhile.
        let caught_up = self.catch_up();
        match caught_up {
            Ok(()) => self.holds_lease = true,
            Err(_) => self.mapped.lease.release(),
        }
        caught_up.map_err(|error| error.at(self.location().path().display()))
    }

    /// What a writer does that has the lease again: nothing, if nobody else had it meanwhile.
    fn catch_up(&mut self) -> Result<()> {
        let publication = self.mapped.publication();
        let removed = publication.state.load(Ordering::Relaxed) == STATE_REMOVED;
        if removed || !self.mapped.directory.is_current()? {
            return Err(crate::reading::attachment::removed());
        }
        if publication.epoch.load(Ordering::Relaxed) == self.epoch {
            return self.mapped.lease.show();
        }
        self.gain()
    }

    /// Lets the lease go between commits, if writers take turns.
    pub(crate) fn pause(&mut self) {
        if self.options.several_writers && self.holds_lease {
            self.holds_lease = false;
            self.mapped.lease.release();
        }
    }

    /// The floor that history asks for.
    fn wanted_floor(&self) -> u64 {
        let history = self.mapped.publication().history.load(Ordering::Relaxed).clamp(1, HISTORY_LIMIT);
        (self.latest + 1).saturating_sub(history)
    }

    /// Erases versions that nobody can reach any more, and frees what only they covered.
    pub(crate) fn reclaim(&mut self) {
        self.commits_since_reclaim = 0;
        let floor = self.wanted_floor();
        let mapped = &self.mapped;
        let locks = DescriptorLocks(mapped.lease.registry_locks());
        let reaped = protocol::reclaim(
            mapped.control(),
            mapped.retained(),
            mapped.registry(),
            &locks,
            &mut self.entries,
            floor,
        );
        self.reaped += reaped as u64;
        let entries = &self.entries;
        self.space.free_dropped(|from, to| entries.any_live(from, to));
        if let TrimPolicy::KeepFree(bytes) = self.options.trim {
            self.trim_to(bytes);
        }
    }

    /// Removes the segment: held snapshots stay valid, everybody else is told.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::WriterInChild`], [`shmframe_format::ErrorKind::LeaseTaken`], or what the directory refuses.
    pub fn remove(mut self) -> Result<()> {
        self.resume()?;
        protocol::mark_removed(self.mapped.control(), &Futex);
        creation::take_away(&self.mapped.directory)
    }

    /// Where the segment stands.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.mapped.directory.location
    }

    /// Whether writers take turns: the lease is held for each commit only.
    #[must_use]
    pub fn takes_turns(&self) -> bool {
        self.options.several_writers
    }

    /// The epoch under which this store last held the lease.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The newest version that this store knows of.
    #[must_use]
    pub fn latest(&self) -> u64 {
        self.latest
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.holds_lease && !self.mapped.lease.in_child() {
            self.mapped.lease.release();
        }
    }
}
