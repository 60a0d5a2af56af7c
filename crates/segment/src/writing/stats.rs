//! What a writer can tell of its segment, in numbers.

use crate::sync::Ordering;
use crate::writing::holders::Holder;
use crate::writing::space::Dropped;
use crate::writing::store::Store;
use core::time::Duration;
use shmframe_format::Result;

/// What a writer can tell of its segment. Bytes are those of `data`; header and tables are in `allocated` alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// The newest version that the writer knows of.
    pub version: u64,
    /// Commits of this writer, the empty first version of a segment that it created included.
    pub commits: u64,
    /// Bytes that the newest version covers, and pages that wait in its runs.
    pub live: u64,
    /// Bytes that only older versions cover: history and readers keep them, or they wait for the next reclaim.
    pub pinned: u64,
    /// Free bytes that the writer knows to have pages, those in reserve included.
    pub free: u64,
    /// Bytes that have pages, in whole pages, by the file system's account; what an earlier writer left included.
    pub allocated: u64,
    /// Bytes that may have pages; none: no quota.
    pub quota: Option<u64>,
    /// How often waiting readers were woken since the segment was created, by all its writers; wraps at 2^32.
    pub wakes: u32,
    /// Slots of dead readers that this writer cleared.
    pub slots_reaped: u64,
    /// How long this writer took to recover the segment when it last had to.
    pub recovery: Duration,
    /// The reader slots that are claimed, those that hold no bytes included.
    pub slots: Vec<Holder>,
}

impl Store {
    /// What this writer can tell. Reads the registry, and asks the file system once.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::WriterInChild`].
    pub fn stats(&self) -> Result<Stats> {
        self.check_process()?;
        let geometry = self.mapped.geometry();
        let pinned = self.space.dropped_ranges().iter().map(Dropped::length).sum();
        let heap = geometry.capacity() - geometry.heap_offset();
        let dropped = self.space.dropped_room();
        Ok(Stats {
            version: self.latest,
            commits: self.commits,
            live: heap - self.space.free_bytes() - dropped - self.runs.without_pages(),
            pinned,
            free: self.space.warm_bytes() + self.space.reserve_bytes(),
            allocated: self.allocated_bytes(),
            quota: self.quota(),
            wakes: self.mapped.publication().wake.load(Ordering::Relaxed),
            slots_reaped: self.reaped,
            recovery: self.recovery,
            slots: self.claimed_slots(),
        })
    }
}
