//! Pages of the heap: found warm, reclaimed, or allocated before anything is stored there (I9).

use crate::events;
use crate::sync::Ordering;
use crate::sys::descriptor;
use crate::writing::store::Store;
use core::ops::Range;
use nix::errno::Errno;
use shmframe_format::geometry::{ALIGNMENT, PAGE_SIZE};
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use std::os::fd::AsFd;

/// Small requests are given pages in steps of this many bytes.
const STEP: u64 = 64 << 10;
/// Ranges of at least this many bytes get their page table entries at once instead of by faults.
const POPULATE: u64 = 1 << 20;

#[derive(Debug)]
enum HeapKind {
    Capacity { wanted: u64, capacity: u64, holders: String },
    DirectoryFull { wanted: u64, free: u64, size: u64, holders: String },
}

impl Describe for HeapKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Capacity { .. } => ErrorKind::CapacityExceeded,
            Self::DirectoryFull { .. } => ErrorKind::DirectoryFull,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::Capacity { wanted, capacity, holders } => Report::new(
                "the segment's capacity is exceeded",
                format!("{wanted} bytes in a row"),
                format!("no such place in {capacity} virtual bytes; this segment: {holders}"),
                "create the segment with a larger capacity (it costs address space, not memory), remove frames, or \
                 let readers drop old snapshots",
            ),
            Self::DirectoryFull { wanted, free, size, holders } => Report::new(
                "the file system of the segment is full; nothing was published, the last version stays",
                format!("{wanted} bytes in a row (a change may need more than one such piece)"),
                format!("{free} free of {size}; this segment: {holders}"),
                "remove frames or segments, let readers drop old snapshots, or enlarge the file system \
                 (mount -o remount,size=; docker run --shm-size)",
            ),
        }
    }
}

impl Store {
    /// An extent of at least `length` bytes, with pages.
    pub(crate) fn allocate(&mut self, length: u64) -> Result<Range<u64>> {
        self.find_or_allocate(length).map_err(|error| self.refused(length, error))
    }

    /// The error of bytes that are not to be had, told to whoever listens.
    pub(crate) fn refused(&self, length: u64, error: Error) -> Error {
        let error = self.placed(error);
        events::refused(self.location(), length, &error);
        error
    }

    pub(crate) fn find_or_allocate(&mut self, length: u64) -> Result<Range<u64>> {
        // Who has pages prefaulted wants those used before fresh ones, also where large extents crumble.
        let any = self.options.prefault > 0;
        if let Some(range) = self.space.take_warm(length, any) {
            return Ok(range);
        }
        if self.space.any_dropped() {
            self.reclaim();
            if let Some(range) = self.space.take_warm(length, any) {
                return Ok(range);
            }
        }
        // Small requests find the place of others of their kind again: the lowest one.
        if length >= STEP {
            if self.learn_pages()
                && let Some(range) = self.space.take_warm(length, any)
            {
                return Ok(range);
            }
            self.give_back_left();
        }
        let found = self.space.take_cold(length.max(STEP)).or_else(|| self.space.take_cold(length));
        match found.map(|range| self.give_pages(range, length)) {
            Some(Err(error))
                if matches!(error.kind(), ErrorKind::DirectoryFull | ErrorKind::QuotaExceeded) =>
            {
                self.allocate_in_need(length).ok_or(error)
            }
            Some(result) => result,
            None => self.allocate_in_need(length).ok_or_else(|| self.no_room(length)),
        }
    }

    /// Finds out which free extents have pages that a writer before this one left, once after each recovery; whether it did.
    /// Pages that nobody wrote to are not seen. Where the system finds pages, they are allocated all the same: that costs little,
    /// and I9 rests on nothing else.
    pub(crate) fn learn_pages(&mut self) -> bool {
        if !self.space.may_learn_pages() {
            return false;
        }
        let data = self.mapped.data.as_fd();
        // Where the system does not say, all count as without: a trim gives them back.
        let mut pages = descriptor::data_ranges(data).unwrap_or_default();
        if pages.iter().map(|range| range.end - range.start).sum::<u64>() > self.allocated_bytes() {
            // A file system that knows no holes takes the whole file for written.
            pages.clear();
        }
        let cold = pages.iter().flat_map(|range| self.space.cold_within(range));
        let has_pages = |range: &Range<u64>| {
            let (start, end) = (range.start / PAGE_SIZE * PAGE_SIZE, range.end.next_multiple_of(PAGE_SIZE));
            descriptor::allocate(data, start, end - start).is_ok()
        };
        let warm: Vec<Range<u64>> = cold.filter(has_pages).collect();
        self.space.note_pages(&warm);
        true
    }

    /// Gives free pages back to the system where writers before this one left some and more of the memory is free than in use:
    /// called when nothing of it fits, once after each recovery. Else each writer would leave pages that the next one has no use for.
    pub(crate) fn give_back_left(&mut self) {
        if self.space.has_found_pages() && self.space.warm_bytes() > self.pages / 2 {
            self.trim_to(0);
        }
    }

    /// Pages for a cold extent; what is not needed of it becomes warm and free.
    pub(crate) fn give_pages(&mut self, range: Range<u64>, length: u64) -> Result<Range<u64>> {
        if let Err(error) = self.add_pages(&range, length) {
            self.space.give_cold(range);
            return Err(error);
        }
        let end = range.start + length.next_multiple_of(ALIGNMENT);
        self.space.give_warm(end..range.end);
        Ok(range.start..end)
    }

    /// Pages for a range that has none, for an extent of `wanted` bytes.
    pub(crate) fn add_pages(&mut self, range: &Range<u64>, wanted: u64) -> Result<()> {
        let pages = range.start / PAGE_SIZE * PAGE_SIZE..range.end.next_multiple_of(PAGE_SIZE);
        let size = pages.end - pages.start;
        self.check_quota(size, wanted)?;
        if let Err(errno) = descriptor::allocate(self.mapped.data.as_fd(), pages.start, size) {
            // A long allocation that fails keeps what came before: nobody else would give it back.
            let whole = whole_pages(range);
            if !whole.is_empty() {
                let _ = descriptor::punch(self.mapped.data.as_fd(), whole.start, whole.end - whole.start);
            }
            return Err(self.no_pages(wanted, errno));
        }
        self.pages += size;
        if size >= POPULATE {
            self.mapped.map.populate(pages.start, size);
        }
        Ok(())
    }

    /// The last resort: splits any warm extent; else gives all free pages back and tries again.
    fn allocate_in_need(&mut self, length: u64) -> Option<Range<u64>> {
        if let Some(range) = self.space.take_warm(length, true) {
            return Some(range);
        }
        self.trim_to(0);
        let range = self.space.take_cold(length)?;
        self.give_pages(range, length).ok()
    }

    fn no_room(&self, wanted: u64) -> Error {
        let (capacity, holders) = (self.mapped.geometry().capacity(), self.describe_holders());
        HeapKind::Capacity { wanted, capacity, holders }.into()
    }

    fn no_pages(&self, wanted: u64, errno: Errno) -> Error {
        match errno {
            Errno::ENOSPC | Errno::EDQUOT | Errno::ENOMEM => {
                let (size, free) = descriptor::space(self.mapped.data.as_fd()).unwrap_or_default();
                let holders = self.describe_holders();
                Error::from(HeapKind::DirectoryFull { wanted, free, size, holders }).because(errno)
            }
            _ => crate::files::location::refused("allocate pages", errno),
        }
    }

    /// Gives pages to as many free bytes in a row as the options say, present in this process.
    pub(crate) fn prefault(&mut self) -> Result<()> {
        if self.options.prefault > 0 {
            let range = self.allocate(self.options.prefault)?;
            let pages = range.start / PAGE_SIZE * PAGE_SIZE..range.end.next_multiple_of(PAGE_SIZE);
            self.mapped.map.populate(pages.start, pages.end - pages.start);
            self.space.give_warm(range);
        }
        Ok(())
    }

    /// Bytes of `data` that this process has mapped by huge pages now.
    #[must_use]
    pub fn huge_bytes(&self) -> u64 {
        self.mapped.map.huge_bytes()
    }

    /// Bytes of `data` that have pages.
    #[must_use]
    pub fn allocated_bytes(&self) -> u64 {
        let status = descriptor::status(self.mapped.data.as_fd());
        status.map_or(0, |status| status.st_blocks.cast_unsigned() * 512)
    }

    /// Gives pages that no live version covers back to the system: those that an earlier writer may have left, and all
    /// but `keep` bytes of the warm ones. Returns how many bytes the segment takes less.
    pub(crate) fn trim_to(&mut self, keep: u64) -> u64 {
        let unknown = self.space.take_unknown();
        let mut ranges = self.space.take_for_trim(keep, PAGE_SIZE);
        ranges.extend(unknown.iter().map(whole_pages));
        ranges.extend(self.runs.take_spare().iter().map(whole_pages));
        self.punch(ranges)
    }

    /// Gives pages back to the system; returns how many bytes the segment takes less.
    pub(crate) fn punch(&mut self, mut ranges: Vec<Range<u64>>) -> u64 {
        ranges.retain(|range| !range.is_empty());
        if ranges.is_empty() {
            return 0;
        }
        // Before the pages go, for a writer that would keep track of pages while others write. None does yet: whoever
        // comes back after another writer walks anew (docs/decisions/0004).
        let trims = &self.mapped.publication().trims;
        // A change is all that it tells: it may wrap.
        trims.store(trims.load(Ordering::Relaxed).wrapping_add(1), Ordering::SeqCst);
        let before = self.allocated_bytes();
        for range in ranges {
            // A page that stays allocated costs memory and nothing else.
            let _ = descriptor::punch(self.mapped.data.as_fd(), range.start, range.end - range.start);
        }
        self.pages = self.allocated_bytes();
        let given = before.saturating_sub(self.pages);
        events::trimmed(self.location(), given);
        given
    }

    /// Reclaims, then gives pages that no live version covers back to the system, all but `keep` bytes.
    /// Returns how many bytes went.
    ///
    /// # Errors
    /// [`ErrorKind::WriterInChild`], or [`ErrorKind::LeaseTaken`] where writers take turns.
    pub fn trim(&mut self, keep: u64) -> Result<u64> {
        self.resume()?;
        self.reclaim();
        let given = self.trim_to(keep);
        self.pause();
        Ok(given)
    }
}

/// The whole pages within a range.
fn whole_pages(range: &Range<u64>) -> Range<u64> {
    range.start.next_multiple_of(PAGE_SIZE)..range.end / PAGE_SIZE * PAGE_SIZE
}

shmframe_format::every_kind!(HeapKind {
    Capacity: HeapKind::Capacity { wanted: 2, capacity: 1, holders: "1 byte".into() };
    DirectoryFull: HeapKind::DirectoryFull { wanted: 2, free: 1, size: 1, holders: "1 byte".into() };
});
