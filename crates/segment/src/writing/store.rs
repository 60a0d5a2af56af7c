//! The writer's side of a segment: who holds the lease, what is live, and what is free.
//!
//! The allocator keeps nothing in the segment: a new holder of the lease walks the records of all live versions,
//! and everything else is free. Nothing is replayed, nothing rolled back; being killed in here and starting again
//! changes nothing (I10).

use crate::covering::wanted_floor;
use crate::events;
use crate::files::access::Access;
use crate::files::creation;
use crate::files::location::Location;
use crate::protocol::{self, Entries, Reclaimed};
use crate::reading::slots::DescriptorLocks;
use crate::sync::Ordering;
use crate::sys::clock::deadline;
use crate::sys::futex::Futex;
use crate::words::{STATE_OPEN, STATE_REMOVED, label_words};
use crate::writing::lease::{self, Wanted};
use crate::writing::mapped::Mapped;
use crate::writing::recovery::counted;
use crate::writing::runs::Runs;
use crate::writing::space::Space;
use crate::writing::spare::Spare;
use crate::writing::staged_frame::StagedFrame;
use core::time::Duration;
use shmframe_format::directory::{Root, Token};
use shmframe_format::geometry::{DEFAULT_CAPACITY, DEFAULT_SLOTS, RING_LENGTH};
use shmframe_format::table::RecordReference;
use shmframe_format::{Error, Result};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

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
    /// Who besides the owner gets at a new segment.
    pub access: Access,
    /// Bytes of free heap that get pages, present in this process, before anything is written.
    pub prefault: u64,
    /// Whether the kernel is asked for huge pages.
    pub huge_pages: bool,
    /// Versions that the floor leaves alone, the newest included; none: what the segment has, 1 for a new one.
    pub history: Option<u64>,
    /// Bytes of `data` that may have pages, header and tables included; none: what the segment has, half of the file
    /// system for a new one.
    pub quota: Option<u64>,
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

    /// What a writer with these options wants the lease for.
    pub(crate) fn wanted(&self) -> Wanted {
        if self.several_writers { Wanted::Turn } else { Wanted::Life }
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            capacity: DEFAULT_CAPACITY,
            slots: DEFAULT_SLOTS,
            access: Access::default(),
            prefault: 0,
            huge_pages: false,
            history: None,
            quota: None,
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
    pub(crate) runs: Runs,
    pub(crate) root: Arc<Root>,
    pub(crate) root_reference: Option<RecordReference>,
    /// The published frames that this store knows without reading their records again.
    pub(crate) frames: BTreeMap<Arc<str>, Arc<StagedFrame>>,
    /// What transactions that ended leave to the next one.
    pub(crate) spare: Spare,
    pub(crate) latest: u64,
    pub(crate) epoch: u64,
    pub(crate) commits_since_reclaim: u64,
    /// Commits of this store.
    pub(crate) commits: u64,
    /// How long the last recovery took.
    pub(crate) recovery: Duration,
    pub(crate) options: StoreOptions,
    pub(crate) holds_lease: bool,
    /// Slots of dead readers that were reaped so far.
    pub(crate) reaped: u64,
    /// Reader slots that did not hold still during the last reclaim.
    pub(crate) restless: Vec<u32>,
    /// Bytes of `data` that have pages, at the most.
    pub(crate) pages: u64,
    /// What the segment's quota word says; also in a forked child, which does not have the word.
    pub(crate) quota: u64,
    /// What the segment's history word says, in versions: who holds the lease alone writes it. Also in a forked child.
    pub(crate) history: u64,
    /// The floor of the last reclaim: history keeps the versions from it on.
    pub(crate) floor: u64,
}

impl Store {
    /// The store over files that are open and a lease that is held, before recovery.
    pub(crate) fn assemble(mapped: Mapped, options: StoreOptions) -> Self {
        if options.huge_pages {
            mapped.map.ask_for_huge_pages();
        }
        let heap = mapped.geometry().heap_offset()..mapped.geometry().capacity();
        Self {
            mapped: Arc::new(mapped),
            entries: Entries::default(),
            space: Space::new(heap),
            runs: Runs::default(),
            root: Arc::new(Root::empty()),
            root_reference: None,
            frames: BTreeMap::new(),
            spare: Spare::default(),
            latest: 0,
            epoch: 0,
            commits_since_reclaim: 0,
            commits: 0,
            recovery: Duration::ZERO,
            options,
            holds_lease: true,
            reaped: 0,
            restless: Vec::new(),
            pages: 0,
            quota: u64::MAX,
            history: 1,
            floor: 0,
        }
    }

    /// What a new holder of the lease does first: shows itself, bumps the epoch, recovers, reclaims, wakes everybody.
    pub(crate) fn gain(&mut self) -> Result<()> {
        self.mapped.lease.show()?;
        let publication = self.mapped.publication();
        let epoch = counted("epoch", publication.epoch.load(Ordering::Relaxed))? + 1;
        publication.epoch.store(epoch, Ordering::Relaxed);
        publication.state.store(STATE_OPEN, Ordering::Relaxed);
        // Once: where writers take turns, another one may have set it since.
        let history = self
            .options
            .history
            .take()
            .unwrap_or_else(|| publication.history.load(Ordering::Relaxed).clamp(1, HISTORY_LIMIT));
        publication.history.store(history, Ordering::Relaxed);
        self.history = history;
        publication.writer_pid.store(u64::from(std::process::id()), Ordering::Relaxed);
        publication.writer_since.store(crate::sys::clock::now(), Ordering::Relaxed);
        for (word, value) in publication.writer_label.iter().zip(label_words(&self.options.label)) {
            word.store(value, Ordering::Relaxed);
        }
        let begun = Instant::now();
        self.recover()?;
        self.recovery = begun.elapsed();
        self.find_reserve();
        self.settle_quota();
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
        self.mapped.check_process()
    }

    /// Adds where the segment stands to an error.
    pub(crate) fn placed(&self, error: Error) -> Error {
        error.at(self.location().path().display())
    }

    /// Takes the lease for a commit, if it is not held; catches up with what others did meanwhile.
    pub(crate) fn resume(&mut self) -> Result<()> {
        self.resume_before(self.options.patience().map(deadline))
    }

    /// As [`Store::resume`], waiting for the turn until `deadline`; without one, not at all.
    pub(crate) fn resume_before(&mut self, deadline: Option<Instant>) -> Result<()> {
        self.check_process()?;
        if self.holds_lease {
            return Ok(());
        }
        if !self.mapped.lease.take(deadline)? {
            return Err(lease::taken(&self.mapped.directory, self.options.wanted()));
        }
        // The lease counts as held only once this store knows all that others did meanwhile.
        let caught_up = self.catch_up();
        match caught_up {
            Ok(()) => self.holds_lease = true,
            Err(_) => self.mapped.lease.release(),
        }
        caught_up.map_err(|error| self.placed(error))
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

    /// Ends the first turn of a store that was opened, if writers take turns: it is seen as a writer from then on.
    pub(crate) fn end_first_turn(&mut self) -> Result<()> {
        if self.options.several_writers {
            self.mapped.lease.stay()?;
        }
        self.pause();
        Ok(())
    }

    /// Lets the lease go between commits, if writers take turns.
    pub(crate) fn pause(&mut self) {
        if self.options.several_writers && self.holds_lease {
            self.holds_lease = false;
            self.mapped.lease.release();
        }
    }

    /// The floor that history asks for; the next reclaim raises it to there.
    pub(crate) fn wanted_floor(&self) -> u64 {
        wanted_floor(self.latest, self.history)
    }

    /// Erases versions that nobody can reach any more, and frees what only they covered.
    pub(crate) fn reclaim(&mut self) {
        self.commits_since_reclaim = 0;
        let floor = self.wanted_floor();
        let mapped = &self.mapped;
        let locks = DescriptorLocks(mapped.lease.registry_locks());
        let Reclaimed { reaped, restless } = protocol::reclaim(
            mapped.control(),
            mapped.retained(),
            mapped.registry(),
            &locks,
            &mut self.entries,
            floor,
        );
        self.reaped += reaped as u64;
        if reaped > 0 {
            events::reaped(self.location(), reaped);
        }
        self.restless = restless;
        // It never falls: history may have been longer before.
        self.floor = mapped.publication().floor.load(Ordering::Relaxed);
        let entries = &self.entries;
        let dead = self.space.free_dropped(|from, to| entries.any_live(from, to));
        let dead = dead.iter().filter_map(|front| self.runs.note_dead(front.end)).collect();
        self.punch(dead);
        // A walk that fails here fails in recovery, too, and says why.
        #[cfg(feature = "watch")]
        let _ = self.watch_again();
        self.refill_reserve();
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
        creation::take_away(&self.mapped.directory, || {
            protocol::mark_removed(self.mapped.control(), &Futex);
        })
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

    /// The token that was committed last, as far as this store knows.
    #[must_use]
    pub fn last_token(&self) -> Option<Token> {
        self.root.token
    }

    /// Takes the turn, where writers take turns: from then on nobody else commits, until the next transaction ends.
    ///
    /// # Errors
    /// Those of [`Store::begin`].
    pub fn take_turn(&mut self) -> Result<()> {
        self.resume()
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
