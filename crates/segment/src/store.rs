//! The writer's side of a segment: the lease, the mapping, recovery, reclaim and the heap.
//!
//! The allocator keeps nothing in the segment: a new holder of the lease walks the records of all live versions,
//! and everything else is free. Nothing is replayed, nothing rolled back; being killed in here and starting again
//! changes nothing (I10).

use crate::attachment::registry_words;
use crate::clock::deadline;
use crate::creation::{self, Temporary};
use crate::lease::{self, Lease};
use crate::location::{ATTEMPTS, Location, SegmentDirectory};
use crate::protocol::{self, Entries};
use crate::slots::DescriptorLocks;
use crate::space::Space;
use crate::staging::StagedFrame;
use crate::sync::{Ordering, ReadOnly, ReadWord, ReadWrite};
use crate::sys::futex::Futex;
use crate::sys::limits;
use crate::sys::map::Region;
use crate::words::{
    Control, EntryWords, Publication, Registry, STATE_OPEN, STATE_REMOVED, label_text, label_words,
};
use core::mem::ManuallyDrop;
use core::ops::Range;
use core::time::Duration;
use shmframe_format::directory::Root;
use shmframe_format::geometry::{DEFAULT_CAPACITY, DEFAULT_SLOTS, Geometry, RING_LENGTH};
use shmframe_format::header::{Header, Role};
use shmframe_format::record::{RecordSource, check_entry};
use shmframe_format::table::RecordReference;
use shmframe_format::{Covered, Describe, ErrorKind, Report, Result, walk};
use std::collections::{BTreeMap, HashMap};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// The most versions that history keeps: half the ring.
pub const HISTORY_LIMIT: u64 = RING_LENGTH as u64 / 2;
/// How long opening and commits wait for their turn, unless told otherwise.
const TURN: Duration = Duration::from_secs(60);
/// How long creation rests while somebody else takes the old segment away.
const REST: Duration = Duration::from_millis(1);

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
    fn patience(&self) -> Option<Duration> {
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

#[derive(Debug)]
enum StoreKind {
    History { found: u64 },
    Busy,
    NoLatest { version: u64 },
    Floor { floor: u64, latest: u64 },
    Overlap { offset: u64 },
}

impl Describe for StoreKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::History { .. } => ErrorKind::InvalidArgument,
            Self::Busy => ErrorKind::TimedOut,
            Self::NoLatest { .. } | Self::Floor { .. } | Self::Overlap { .. } => ErrorKind::Corrupt,
        }
    }

    fn report(&self) -> Report {
        let remove = "remove the segment and create it again";
        match self {
            Self::History { found } => Report::new(
                "invalid history",
                format!("1 to {HISTORY_LIMIT} versions"),
                format!("{found}"),
                "choose a number within these bounds; pins keep versions for longer",
            ),
            Self::Busy => Report::new(
                "the segment is created and removed by others all the time",
                "a moment of rest",
                format!("none in {ATTEMPTS} attempts"),
                "let one process create and remove it",
            ),
            Self::NoLatest { version } => Report::new(
                "damaged commit ring",
                format!("an entry for version {version}, the newest"),
                "none",
                remove,
            ),
            Self::Floor { floor, latest } => Report::new(
                "damaged publication block",
                format!("a floor of at most {latest}, the newest version"),
                format!("{floor}"),
                remove,
            ),
            Self::Overlap { offset } => Report::new(
                "damaged segment",
                "extents that do not overlap",
                format!("two of them at offset {offset}"),
                remove,
            ),
        }
    }
}

/// Free extents of the heap, adjacent ones merged: those that a writer works with, and those that a recovery would
/// find. They are equal, unless bytes leaked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// What the running writer holds to be free.
    pub working: Vec<Range<u64>>,
    /// What the records of the live versions leave free.
    pub recovered: Vec<Range<u64>>,
}

/// The files of a segment as its writer has them.
#[derive(Debug)]
pub(crate) struct Mapped {
    pub(crate) directory: SegmentDirectory,
    pub(crate) header: Header,
    pub(crate) data: OwnedFd,
    /// Never unmapped in a forked child: something else may lie there.
    pub(crate) map: ManuallyDrop<Region<ReadWrite>>,
    registry: Region<ReadWrite>,
    pub(crate) lease: Lease,
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: (outside the invariants) taken out once, here, where the value ends.
        let map = unsafe { ManuallyDrop::take(&mut self.map) };
        if self.lease.in_child() {
            map.forget();
        }
    }
}

impl Mapped {
    fn open(directory: SegmentDirectory, lease: Lease) -> Result<Self> {
        let (data, header) = directory.open_data(Role::Writer)?;
        let registry = directory.open_registry(&header)?;
        let map = Region::read_write(data.as_fd(), header.geometry().capacity())?;
        map.keep_from_children()?;
        lease.note_mapping(map.address());
        let registry = Region::read_write(registry.as_fd(), header.geometry().registry_size())?;
        Ok(Self { directory, header, data, map: ManuallyDrop::new(map), registry, lease })
    }

    pub(crate) fn geometry(&self) -> &Geometry {
        self.header.geometry()
    }

    pub(crate) fn publication(&self) -> &Publication<ReadWrite> {
        self.map.shared(self.geometry().publication_offset())
    }

    pub(crate) fn control(&self) -> Control<'_, ReadWrite> {
        let ring = self.map.shared_slice(self.geometry().ring_offset(), RING_LENGTH as usize);
        Control { publication: self.publication(), ring }
    }

    pub(crate) fn retained(&self) -> &[EntryWords<ReadWrite>] {
        self.map.shared_slice(self.geometry().retained_offset(), self.geometry().retained_length() as usize)
    }

    pub(crate) fn registry(&self) -> Registry<'_> {
        registry_words(&self.registry, self.geometry())
    }
}

impl RecordSource for Mapped {
    fn copy_out(&self, offset: u64, length: u64) -> Result<Vec<u8>> {
        if !self.geometry().in_heap(offset, length) {
            return Err(StoreKind::Overlap { offset }.into());
        }
        // A forked child has no such mapping: a look at it would be fatal.
        self.lease.check_process()?;
        // SAFETY: (I1, I7) the range lies in the mapping; records of live versions are frozen, and only the holder
        // of the lease, which reads here, writes anything else.
        Ok(unsafe { self.map.slice(offset, length as usize) }.to_vec())
    }
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
    /// Creates a segment.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`], [`ErrorKind::InvalidArgument`], [`ErrorKind::ProcessLimit`], or what the directory
    /// refuses.
    pub fn create(location: &Location, options: StoreOptions) -> Result<Self> {
        check_history(&options)?;
        let geometry = Geometry::new(options.capacity, options.slots)?;
        limits::check_file_size(geometry.capacity())?;
        creation::clean_leftovers(location)?;
        for _ in 0..ATTEMPTS {
            match clear_name(location)? {
                Name::Taken => return Err(location.exists()),
                Name::BeingRemoved => {
                    std::thread::sleep(REST);
                    continue;
                }
                Name::Free => {}
            }
            let temporary = Temporary::make(location)?;
            let Some((directory, lease)) = temporary.build(geometry)? else { continue };
            // The lease is held until the segment has its name, also where writers take turns from then on.
            let first = StoreOptions { several_writers: false, ..options.clone() };
            let mut store = Self::assemble(Mapped::open(directory, lease)?, first);
            store.gain()?;
            store.begin()?.commit()?;
            match temporary.finish() {
                Err(error) if error.kind() == ErrorKind::Exists => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    store.options = options;
                    store.pause();
                    return Ok(store);
                }
            }
        }
        Err(StoreKind::Busy.into())
    }

    /// Opens a segment for writing: takes the lease, and recovers what a killed writer left.
    ///
    /// # Errors
    /// [`ErrorKind::LeaseTaken`], naming the holder; [`ErrorKind::Missing`]; [`ErrorKind::Corrupt`]; or what the
    /// directory refuses.
    pub fn open(location: &Location, options: StoreOptions) -> Result<Self> {
        check_history(&options)?;
        for _ in 0..ATTEMPTS {
            let directory = location.open_directory()?;
            let Some(lease) = directory.or_again(Lease::open(&directory))? else { continue };
            if !lease.take(options.patience().map(deadline))? {
                return Err(lease::taken(holder(&directory)).at(location.path().display()));
            }
            // The lease may be that of a segment that was removed meanwhile.
            if !directory.is_current()? {
                continue;
            }
            let mut store = Self::assemble(Mapped::open(directory, lease)?, options.clone());
            if store.mapped.publication().state.load(Ordering::Relaxed) == STATE_REMOVED {
                creation::take_away(&store.mapped.directory)?;
                continue;
            }
            store.gain().map_err(|error| error.at(location.path().display()))?;
            store.pause();
            return Ok(store);
        }
        Err(StoreKind::Busy.into())
    }

    /// Opens a segment, or creates it where there is none.
    ///
    /// # Errors
    /// Those of [`Store::open`] and [`Store::create`].
    pub fn open_or_create(location: &Location, options: &StoreOptions) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            match Self::open(location, options.clone()) {
                Err(error) if error.kind() == ErrorKind::Missing => {}
                result => return result,
            }
            match Self::create(location, options.clone()) {
                Err(error) if error.kind() == ErrorKind::Exists => {}
                result => return result,
            }
        }
        Err(StoreKind::Busy.into())
    }

    /// The store over files that are open and a lease that is held, before recovery.
    fn assemble(mapped: Mapped, options: StoreOptions) -> Self {
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
    fn gain(&mut self) -> Result<()> {
        self.mapped.lease.show()?;
        let publication = self.mapped.publication();
        let epoch = publication.epoch.load(Ordering::Relaxed) + 1;
        publication.epoch.store(epoch, Ordering::Relaxed);
        publication.state.store(STATE_OPEN, Ordering::Relaxed);
        let history = self
            .options
            .history
            .unwrap_or_else(|| publication.history.load(Ordering::Relaxed).clamp(1, HISTORY_LIMIT));
        publication.history.store(history, Ordering::Relaxed);
        publication.writer_pid.store(u64::from(std::process::id()), Ordering::Relaxed);
        publication.writer_since.store(crate::clock::now(), Ordering::Relaxed);
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

    /// Takes over what the records of the live versions say.
    fn recover(&mut self) -> Result<()> {
        let mapped = &self.mapped;
        self.entries = Entries::recover(mapped.control(), mapped.retained());
        self.latest = mapped.publication().latest.load(Ordering::Relaxed);
        let floor = mapped.publication().floor.load(Ordering::Relaxed);
        if floor > self.latest {
            // A reclaim would erase the newest version.
            return Err(StoreKind::Floor { floor, latest: self.latest }.into());
        }
        let rebuilt = rebuild(mapped, &self.entries, self.latest)?;
        (self.space, self.root, self.root_reference) = rebuilt;
        self.frames.clear();
        Ok(())
    }

    /// Fails in a forked child of the process that opened this store.
    ///
    /// # Errors
    /// [`ErrorKind::WriterInChild`].
    pub fn check_process(&self) -> Result<()> {
        self.mapped.lease.check_process()
    }

    /// Compares the heap that this store works with to the one that a recovery would find.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`]; [`ErrorKind::WriterInChild`].
    pub fn audit(&mut self) -> Result<Audit> {
        self.resume()?;
        let rebuilt = rebuild(&self.mapped, &self.entries, self.latest);
        let working = self.space.free().into_iter().collect();
        self.pause();
        let (space, _, _) = rebuilt?;
        Ok(Audit { working, recovered: space.free().into_iter().collect() })
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
            return Err(crate::attachment::removed());
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
    /// [`ErrorKind::WriterInChild`], [`ErrorKind::LeaseTaken`], or what the directory refuses.
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

/// The heap, the root and its reference, from the records of all live versions.
fn rebuild(
    mapped: &Mapped,
    entries: &Entries,
    latest: u64,
) -> Result<(Space, Root, Option<RecordReference>)> {
    let geometry = *mapped.geometry();
    let mut space = Space::new(geometry.heap_offset()..geometry.capacity());
    let mut newest = (Root::empty(), None);
    if latest != 0 && !entries.live().contains_key(&latest) {
        return Err(StoreKind::NoLatest { version: latest }.into());
    }
    // Each covered range, and the newest live version that covers it.
    let mut covered: BTreeMap<Covered, u64> = BTreeMap::new();
    for (version, entry) in entries.live() {
        let reference = check_entry(entry, *version)?;
        let walked = walk(mapped, &geometry, &reference, |range| {
            covered.insert(range, *version);
        });
        newest = (walked.map_err(|error| error.at(format_args!("version {version}")))?, Some(reference));
    }
    let mut end = 0;
    for (range, last) in covered {
        if range.offset < end || !geometry.in_heap(range.offset, range.length) {
            return Err(StoreKind::Overlap { offset: range.offset }.into());
        }
        end = range.offset + range.length;
        space.occupy(range.offset..end);
        if last != latest {
            space.drop_covered(range, last + 1);
        }
    }
    Ok((space, newest.0, newest.1))
}

fn check_history(options: &StoreOptions) -> Result<()> {
    match options.history {
        Some(found) if !(1..=HISTORY_LIMIT).contains(&found) => Err(StoreKind::History { found }.into()),
        _ => Ok(()),
    }
}

/// What stands where a segment is to be created.
enum Name {
    Free,
    Taken,
    /// A segment in state *removed*, whose remover is at work.
    BeingRemoved,
}

/// Looks what stands at the name; finishes the removal of a segment in state *removed* whose remover is gone.
fn clear_name(location: &Location) -> Result<Name> {
    let directory = match location.open_directory() {
        Err(error) if error.kind() == ErrorKind::Missing => return Ok(Name::Free),
        directory => directory?,
    };
    let (data, header) = match directory.or_again(directory.open_data(Role::Reader)) {
        Ok(Some(opened)) => opened,
        Ok(None) => return Ok(Name::BeingRemoved),
        Err(_) => return Ok(Name::Taken),
    };
    if !is_removed(&data, &header)? {
        return Ok(Name::Taken);
    }
    let Ok(lease) = Lease::open_alone(&directory) else { return Ok(Name::BeingRemoved) };
    if !lease.take(None)? || !directory.is_current()? {
        return Ok(Name::BeingRemoved);
    }
    creation::take_away(&directory)?;
    Ok(Name::Free)
}

fn is_removed(data: &OwnedFd, header: &Header) -> Result<bool> {
    let geometry = header.geometry();
    let map = Region::<ReadOnly>::read_only(data.as_fd(), geometry.ring_offset())?;
    let publication: &Publication<ReadOnly> = map.shared(geometry.publication_offset());
    Ok(publication.state.read() == STATE_REMOVED)
}

/// Removes a segment, whatever state it is in: also one that cannot be opened (another boot, another format).
///
/// # Errors
/// [`ErrorKind::Missing`]; [`ErrorKind::LeaseTaken`] while a writer lives; or what the directory refuses.
pub fn remove_segment(location: &Location) -> Result<()> {
    for _ in 0..ATTEMPTS {
        let directory = location.open_directory()?;
        let opened = directory.or_again(Lease::open_alone(&directory));
        let Some(lease) = opened.map_err(|error| error.at(location.path().display()))? else { continue };
        if !lease.take(None)? {
            return Err(lease::taken(holder(&directory)).at(location.path().display()));
        }
        if !directory.is_current()? {
            continue;
        }
        // Readers are told where the files can be made sense of; the segment goes in any case.
        let _ = tell_readers(&directory);
        return creation::take_away(&directory);
    }
    Err(StoreKind::Busy.into())
}

/// Marks a segment as removed and wakes everybody. The caller holds the lease.
fn tell_readers(directory: &SegmentDirectory) -> Result<()> {
    let (data, header) = directory.open_data(Role::Writer)?;
    let geometry = header.geometry();
    let map = Region::read_write(data.as_fd(), geometry.retained_offset())?;
    let ring = map.shared_slice(geometry.ring_offset(), RING_LENGTH as usize);
    let control = Control { publication: map.shared(geometry.publication_offset()), ring };
    protocol::mark_removed(control, &Futex);
    Ok(())
}

/// Who holds the lease, in words.
fn holder(directory: &SegmentDirectory) -> String {
    let unknown = || "another process".to_owned();
    let Ok((data, header)) = directory.open_data(Role::Reader) else { return unknown() };
    let geometry = header.geometry();
    let Ok(map) = Region::<ReadOnly>::read_only(data.as_fd(), geometry.ring_offset()) else {
        return unknown();
    };
    let publication: &Publication<ReadOnly> = map.shared(geometry.publication_offset());
    let (pid, label) = (publication.writer_pid.read(), label_text(&publication.writer_label));
    match label.as_str() {
        "" => format!("process {pid}"),
        label => format!("process {pid} ({label:?})"),
    }
}

shmframe_format::every_kind!(StoreKind {
    History: StoreKind::History { found: 0 };
    Busy: StoreKind::Busy;
    NoLatest: StoreKind::NoLatest { version: 2 };
    Floor: StoreKind::Floor { floor: 3, latest: 2 };
    Overlap: StoreKind::Overlap { offset: 64 };
});
