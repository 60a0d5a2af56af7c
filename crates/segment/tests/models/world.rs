//! What the threads of a model share: the words of a segment, the bytes of its versions, the locks of its slots.

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32, Ordering};
use shmframe_format::record::seal_entry;
use shmframe_format::table::Entry;
use shmframe_segment::protocol::{
    Entries, EntryRead, LocalSlot, PinOutcome, Pinned, Sleep, SlotLocks, publish, read_entry, reclaim,
};
use shmframe_segment::sync::{ReadWord, ReadWrite, Word32, Word64, death};
use shmframe_segment::words::{Control, EntryWords, Publication, Registry, SlotWords};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering as StdOrdering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How much there is of everything.
#[derive(Clone, Copy)]
pub struct Size {
    pub ring: usize,
    pub table: usize,
    pub slots: usize,
    /// Extents of the heap; version `v` stands in extent `v % extents`.
    pub extents: usize,
}

impl Default for Size {
    fn default() -> Self {
        Self { ring: 2, table: 2, slots: 1, extents: 2 }
    }
}

/// A segment on the heap. Shared through std's `Arc`, which orders nothing as far as loom knows.
pub struct World {
    pub publication: Publication<ReadWrite>,
    pub ring: Vec<EntryWords<ReadWrite>>,
    pub table: Vec<EntryWords<ReadWrite>>,
    pub waiting: Word64,
    pub used: Word64,
    pub slots: Vec<SlotWords>,
    pub extents: Vec<Extent>,
    holders: Vec<AtomicU32>,
}

impl World {
    pub fn new(size: Size) -> Arc<Self> {
        fn make<T>(count: usize, one: impl Fn() -> T) -> Vec<T> {
            (0..count).map(|_| one()).collect()
        }
        Arc::new(Self {
            publication: Publication::new(),
            ring: make(size.ring, EntryWords::new),
            table: make(size.table, EntryWords::new),
            waiting: Word64::new(0),
            used: Word64::new(0),
            slots: make(size.slots, SlotWords::new),
            extents: make(size.extents, Extent::new),
            holders: make(size.slots, || AtomicU32::new(0)),
        })
    }

    pub fn control(&self) -> Control<'_, ReadWrite> {
        Control { publication: &self.publication, ring: &self.ring }
    }

    pub fn registry(&self) -> Registry<'_> {
        Registry { waiting: &self.waiting, used: &self.used, slots: &self.slots }
    }

    pub fn extent(&self, version: u64) -> &Extent {
        &self.extents[version as usize % self.extents.len()]
    }

    /// Pins the newest version and reads its bytes; none if the slot has no word to spare.
    pub fn pin(&self, slot: &LocalSlot) -> Option<Pinned> {
        match slot.pin(self.control(), self.registry(), None, |_, _| None) {
            PinOutcome::Pinned(pinned) => {
                self.read(pinned);
                Some(pinned)
            }
            PinOutcome::NoWord | PinOutcome::Gone | PinOutcome::Unpublished => None,
            PinOutcome::Damaged(version) => panic!("version {version} looks damaged"),
        }
    }

    /// Reads the bytes of a pinned version.
    pub fn read(&self, pinned: Pinned) {
        self.extent(pinned.entry.version).read(pinned.entry.version);
    }

    /// Where a version's entry is found by one who searches the ring, then the retained table.
    pub fn find(&self, version: u64) -> Option<Entry> {
        let places = [self.control().ring_slot(version)].into_iter().chain(&self.table);
        places.map(read_entry).find_map(|read| match read {
            EntryRead::Whole(entry) if entry.version == version => Some(entry),
            _ => None,
        })
    }

    /// All shared pin words that are not zero.
    pub fn pins(&self) -> Vec<u64> {
        let pins = self.slots.iter().flat_map(|slot| &slot.pins);
        pins.map(ReadWord::read).filter(|pin| *pin != 0).collect()
    }
}

/// The bytes of a version: plain memory. Loom reports a reader and a writer that meet there.
pub struct Extent {
    /// The lock is never contended: loom does not switch threads while it is held.
    bytes: Mutex<UnsafeCell<()>>,
    version: AtomicU64,
}

impl Extent {
    fn new() -> Self {
        Self { bytes: Mutex::new(UnsafeCell::new(())), version: AtomicU64::new(0) }
    }

    pub fn read(&self, version: u64) {
        self.bytes.lock().expect("no panic").with(|_| ());
        assert_eq!(self.version.load(StdOrdering::Relaxed), version, "bytes of another version");
    }

    fn write(&self, version: u64) {
        self.bytes.lock().expect("no panic").with_mut(|_| ());
        self.version.store(version, StdOrdering::Relaxed);
    }
}

/// The entry of a version, sealed.
pub fn entry(version: u64) -> Entry {
    seal_entry(Entry { version, ..bytemuck::Zeroable::zeroed() })
}

/// The slot locks as one process holds them. Letting the last copy of a lock go is what the kernel does when the
/// descriptor is closed or the process dies.
pub struct Locks {
    world: Arc<World>,
    mine: RefCell<Vec<u32>>,
}

impl Locks {
    pub fn new(world: &Arc<World>) -> Self {
        Self { world: Arc::clone(world), mine: RefCell::default() }
    }

    fn holders(&self, slot: u32) -> &AtomicU32 {
        &self.world.holders[slot as usize]
    }

    /// What a forked child gets: copies of all descriptors.
    pub fn fork(&self) -> Self {
        for slot in self.mine.borrow().iter() {
            self.holders(*slot).fetch_add(1, Ordering::Relaxed);
        }
        Self { world: Arc::clone(&self.world), mine: self.mine.clone() }
    }

    /// Closes the descriptor of a slot's lock.
    pub fn close(&self, slot: u32) {
        let at = self.mine.borrow().iter().position(|mine| *mine == slot).expect("a lock of ours");
        self.mine.borrow_mut().swap_remove(at);
        self.holders(slot).fetch_sub(1, Ordering::Release);
    }

    pub fn holds(&self, slot: u32) -> bool {
        self.mine.borrow().contains(&slot)
    }
}

impl SlotLocks for Locks {
    fn try_lock(&self, slot: u32) -> bool {
        let free = self.holders(slot).compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if free {
            self.mine.borrow_mut().push(slot);
        }
        free
    }

    fn unlock(&self, slot: u32) {
        self.close(slot);
    }
}

/// A futex that nobody sleeps on.
pub struct NoSleep;

impl Sleep for NoSleep {
    fn sleep<W: ReadWord<Value = u32>>(&self, _: &W, _: u32, _: Duration) {}
    fn wake(&self, _: &Word32) {}
}

/// The holder of the lease.
pub struct Writer {
    pub world: Arc<World>,
    pub entries: Entries,
    locks: Locks,
    latest: u64,
}

impl Writer {
    /// A new holder of the lease.
    pub fn new(world: &Arc<World>) -> Self {
        Self {
            world: Arc::clone(world),
            entries: Entries::recover(world.control(), &world.table),
            locks: Locks::new(world),
            latest: world.publication.latest.read(),
        }
    }

    /// A segment with version 1, and its writer.
    pub fn begin(size: Size) -> (Arc<World>, Self) {
        let world = World::new(size);
        let mut writer = Self::new(&world);
        assert!(writer.commit());
        (world, writer)
    }

    /// Writes the next version and publishes it; false if the extent for it is in use, or its place in the ring.
    pub fn commit(&mut self) -> bool {
        self.commit_and_wake(&NoSleep)
    }

    pub fn commit_and_wake(&mut self, sleep: &impl Sleep) -> bool {
        let version = self.latest + 1;
        let before = version.saturating_sub(self.world.extents.len() as u64);
        if self.entries.any_live(before, before + 1) {
            return false;
        }
        if death::is_near() {
            return false;
        }
        self.world.extent(version).write(version);
        let entry = entry(version);
        if !publish(self.world.control(), self.world.registry(), sleep, &entry) {
            return false;
        }
        self.entries.published(entry);
        self.latest = version;
        true
    }

    /// Reclaims what lies below the newest version; returns how many dead slots were reaped.
    pub fn reclaim(&mut self) -> usize {
        let Self { world, entries, locks, latest } = self;
        reclaim(world.control(), &world.table, world.registry(), locks, entries, *latest).reaped
    }
}
