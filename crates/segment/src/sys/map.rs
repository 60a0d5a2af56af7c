//! Mappings of the files of a segment, and references into them.
//!
//! The fields of [`Region`] are private to this file: every reference into a mapping is made here, from a checked
//! offset, so the few lines below are all that can break a bound.

use super::limits;
use crate::steps::{Step, copied, step};
use crate::sync::Access;
use crate::watch::Watch;
use core::marker::PhantomData;
use memmap2::{Advice, MmapOptions, MmapRaw};
use shmframe_format::Error;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// A shared mapping of the first bytes of a file, readable, and writable if `A` is [`crate::sync::ReadWrite`].
///
/// Invariants of the fields: `map` is mapped for as long as the value lives, and writable if `access` says so; the
/// file is at least as long, and its owner is trusted not to truncate it (`docs/security.md`).
#[derive(Debug)]
pub(crate) struct Region<A: Access> {
    map: MmapRaw,
    access: PhantomData<A>,
    watch: Watch,
}

/// Types that shared memory may hold: any bytes are a value, and every field is an atomic or is never read.
///
/// # Safety
/// 1. The type is `repr(C)` or `repr(transparent)`, without padding that anybody reads.
/// 2. All bytes that are accessed through a shared reference are atomics.
/// 3. On a read-only mapping, its methods only load, relaxed.
pub(crate) unsafe trait Shared {}

// SAFETY: (I6) 1. repr(C), offsets asserted in `words`. 2. Words of `A`; the unused bytes are private and never
// read. 3. `Access` gives read-only words no method that stores.
unsafe impl<A: Access> Shared for crate::words::Publication<A> {}
// SAFETY: (I6) as for `Publication`.
unsafe impl<A: Access> Shared for crate::words::EntryWords<A> {}
// SAFETY: (I6) as for `Publication`; slots stand in writable mappings only.
unsafe impl Shared for crate::words::SlotWords {}
// SAFETY: (I6) one atomic; stands in writable mappings only.
unsafe impl Shared for crate::sync::Word64 {}

impl Region<crate::sync::ReadOnly> {
    /// Maps the first `length` bytes of a file for reading only.
    pub(crate) fn read_only(file: BorrowedFd<'_>, length: u64) -> Result<Self, Error> {
        Self::map(file, length, MmapOptions::map_raw_read_only)
    }
}

impl Region<crate::sync::ReadWrite> {
    /// Maps the first `length` bytes of a file for reading and writing.
    pub(crate) fn read_write(file: BorrowedFd<'_>, length: u64) -> Result<Self, Error> {
        Self::map(file, length, MmapOptions::map_raw)
    }

    /// Keeps the mapping out of forked children.
    pub(crate) fn keep_from_children(&self) -> Result<(), Error> {
        step(Step::SystemCall);
        self.map.advise(Advice::DontFork).map_err(|cause| limits::no_mapping().because(cause))
    }

    /// Makes the pages of a range present in this process's page table; they are allocated already.
    pub(crate) fn populate(&self, offset: u64, length: u64) {
        if self.contains(offset, length) {
            step(Step::SystemCall);
            // Only saves faults later: an error (an old kernel) changes nothing.
            let _ = self.map.advise_range(Advice::PopulateWrite, offset as usize, length as usize);
        }
    }

    /// Copies `bytes` to `offset`.
    ///
    /// # Safety
    /// 1. No live version covers the bytes there (I1), and their pages are allocated (I9).
    /// 2. No other thread or holder of the lease accesses them meanwhile.
    pub(crate) unsafe fn write(&self, offset: u64, bytes: &[u8]) {
        let halves = bytes.split_at(bytes.len() / 2);
        let mut at = offset;
        for half in [halves.0, halves.1] {
            step(Step::Copy);
            copied(half.len());
            // SAFETY: (I1, I9) the caller's 1 and 2.
            unsafe { self.slice_mut(at, half.len()) }.copy_from_slice(half);
            at += half.len() as u64;
        }
    }

    /// The bytes at `[offset, offset + length)`, for writing.
    ///
    /// # Safety
    /// 1. No live version covers the bytes there (I1), and their pages are allocated (I9).
    /// 2. Nobody else accesses them while the slice lives.
    ///
    /// # Panics
    /// If the range does not lie in the mapping.
    #[allow(clippy::mut_from_ref, reason = "the caller vouches for exclusive access (2)")]
    pub(crate) unsafe fn slice_mut(&self, offset: u64, length: usize) -> &mut [u8] {
        assert!(self.contains(offset, length as u64), "a range outside the mapping");
        self.watch.check(offset, length as u64);
        // SAFETY: (I1) the range was just checked to lie in the mapping.
        let start = unsafe { self.map.as_mut_ptr().add(offset as usize) };
        // SAFETY: (I1, I9, I11) mapped writable bytes; exclusive by the caller's 2.
        unsafe { core::slice::from_raw_parts_mut(start, length) }
    }

    /// What watches over the bytes.
    #[cfg(feature = "watch")]
    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Asks for huge pages, where the file system has them; where it has none, nothing changes.
    pub(crate) fn ask_for_huge_pages(&self) {
        step(Step::SystemCall);
        let _ = self.map.advise(Advice::HugePage);
    }

    /// Bytes of the mapping that stand in this process's page table as huge pages, by the kernel's own account.
    pub(crate) fn huge_bytes(&self) -> u64 {
        step(Step::SystemCall);
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
        let (start, length) = self.address();
        huge_bytes_of(&maps, start as u64..(start + length) as u64)
    }

    /// Forgets the mapping without unmapping it: in a forked child something else may lie there.
    pub(crate) fn forget(self) {
        core::mem::forget(self.map);
    }
}

/// Sums the huge pages of the areas that lie in a range of addresses.
fn huge_bytes_of(maps: &str, range: core::ops::Range<u64>) -> u64 {
    let (mut inside, mut bytes) = (false, 0);
    for line in maps.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some(first) = words.next() else { continue };
        if let Some((start, _)) = first.split_once('-') {
            inside = u64::from_str_radix(start, 16).is_ok_and(|start| range.contains(&start));
        } else if inside && matches!(first, "ShmemPmdMapped:" | "FilePmdMapped:") {
            bytes += words.next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) << 10;
        }
    }
    bytes
}

impl<A: Access> Region<A> {
    fn map(
        file: BorrowedFd<'_>,
        length: u64,
        make: impl FnOnce(&MmapOptions, i32) -> std::io::Result<MmapRaw>,
    ) -> Result<Self, Error> {
        limits::check_address_space(length)?;
        step(Step::SystemCall);
        let mut options = MmapOptions::new();
        let map = make(options.len(length as usize), file.as_fd().as_raw_fd());
        let map = map.map_err(|cause| limits::no_mapping().because(cause))?;
        step(Step::SystemCall);
        // Keeps the segment out of core dumps; an error changes nothing else.
        let _ = map.advise(Advice::DontDump);
        step(Step::SystemCall);
        // No readahead: on ext4 it makes folios of many pages, and a store to one of them wants blocks for all, also for
        // those that nobody allocated (I9): SIGBUS where there are none.
        let _ = map.advise(Advice::Random);
        Ok(Self { map, access: PhantomData, watch: Watch::default() })
    }

    /// Where the mapping stands in this process, and its length in bytes.
    pub(crate) fn address(&self) -> (usize, usize) {
        (self.map.as_ptr() as usize, self.map.len())
    }

    /// Bytes of the mapping.
    pub(crate) fn length(&self) -> u64 {
        self.map.len() as u64
    }

    /// Whether `[offset, offset + length)` lies in the mapping.
    pub(crate) fn contains(&self, offset: u64, length: u64) -> bool {
        offset.checked_add(length).is_some_and(|end| end <= self.length())
    }

    /// The shared structure at `offset`.
    ///
    /// # Panics
    /// If it does not lie in the mapping, or is misaligned: offsets come from a checked geometry.
    pub(crate) fn shared<T: Shared>(&self, offset: u64) -> &T {
        &self.shared_slice::<T>(offset, 1)[0]
    }

    /// `count` shared structures, one after the other from `offset` on.
    ///
    /// # Panics
    /// As [`Region::shared`].
    pub(crate) fn shared_slice<T: Shared>(&self, offset: u64, count: usize) -> &[T] {
        let size = (count as u64).checked_mul(size_of::<T>() as u64);
        assert!(size.is_some_and(|size| self.contains(offset, size)), "a structure outside the mapping");
        assert!(offset.is_multiple_of(align_of::<T>() as u64), "a misaligned structure");
        // SAFETY: (I6) the range was just checked to lie in the mapping.
        let start = unsafe { self.map.as_ptr().add(offset as usize) };
        // SAFETY: (I6) mapped, aligned (the mapping by pages, the offset just now), any bytes are a value, all
        // shared accesses are atomic, and on a read-only mapping only relaxed loads (`Shared`, 1 to 3).
        unsafe { core::slice::from_raw_parts(start.cast::<T>(), count) }
    }

    /// The bytes at `[offset, offset + length)`.
    ///
    /// # Safety
    /// Nobody writes them while the slice lives: a live version that is pinned covers them (I1, I3), or the caller
    /// holds the lease and nothing is staged there.
    ///
    /// # Panics
    /// If the range does not lie in the mapping.
    pub(crate) unsafe fn slice(&self, offset: u64, length: usize) -> &[u8] {
        assert!(self.contains(offset, length as u64), "a range outside the mapping");
        // SAFETY: (I7) the range was just checked to lie in the mapping.
        let start = unsafe { self.map.as_ptr().add(offset as usize) };
        // SAFETY: (I1, I3) mapped bytes; frozen by the caller's promise.
        unsafe { core::slice::from_raw_parts(start, length) }
    }
}

#[cfg(test)]
mod tests {
    use super::huge_bytes_of;

    #[test]
    fn huge_pages_of_the_mapping_alone_are_summed() {
        let maps = "1000-3000 rw-s 00000000 00:01 7 /a\nRss: 9 kB\nShmemPmdMapped:  2048 kB\n\
                    3000-5000 rw-s 00000000 00:01 7 /b\nShmemPmdMapped: 4096 kB\nFilePmdMapped: 1 kB\n";
        assert_eq!(huge_bytes_of(maps, 0x1000..0x3000), 2 << 20);
        assert_eq!(huge_bytes_of(maps, 0x2000..0x5000), (4 << 20) + 1024);
        assert_eq!(huge_bytes_of("", 0..1), 0);
    }
}
