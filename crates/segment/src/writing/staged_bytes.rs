//! Bytes that a transaction took from the heap: written by it alone, given back if it comes to nothing.

use crate::steps::{Step, copied, step};
use crate::writing::staging::Staging;
use core::ops::Range;
use shmframe_format::record::{RECORD_LIMIT, RecordKind, seal};
use shmframe_format::table::RecordReference;
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};

#[derive(Debug)]
enum RecordLengthKind {
    RecordLength { found: u64 },
}

impl Describe for RecordLengthKind {
    fn kind(&self) -> ErrorKind {
        ErrorKind::CapacityExceeded
    }

    fn report(&self) -> Report {
        let Self::RecordLength { found } = self;
        Report::new(
            "a record is too long",
            format!("at most {RECORD_LIMIT} bytes of schema, or of columns and buffers"),
            format!("{found}"),
            "use fewer columns or less metadata",
        )
    }
}

shmframe_format::every_kind!(RecordLengthKind {
    RecordLength: RecordLengthKind::RecordLength { found: 1 };
});

impl Staging<'_> {
    /// Gives back what was taken since there were `keep` ranges: it was never visible.
    pub(super) fn give_back(&mut self, keep: usize) {
        // What was built may have been given back meanwhile.
        let keep = keep.min(self.allocated.len());
        for range in self.allocated.drain(keep..).rev() {
            if self.store.runs.at(range.start).is_some() {
                self.store.give_back_run(range.start);
            } else if self.removes {
                self.store.space.give_back_to_reserve(range);
            } else {
                self.store.space.give_warm(range);
            }
        }
    }

    /// Gives back what a change that failed took, since there were `keep` ranges; where pages are short, also to the system.
    pub(super) fn undo(&mut self, keep: usize, error: &Error) {
        self.give_back(keep);
        if matches!(error.kind(), ErrorKind::DirectoryFull | ErrorKind::QuotaExceeded) {
            self.store.trim_to(0);
        }
    }

    /// Gives the pages of free bytes back to the system: runs are then found by their room alone.
    pub fn give_pages_back(&mut self) {
        self.store.trim_to(0);
    }

    /// Takes a run with pages for `length` bytes, and room for `room` if there is so much in one row.
    pub(super) fn take_run(&mut self, length: u64, room: u64) -> Result<Range<u64>> {
        let range = self.store.allocate_run(length, room)?;
        self.allocated.push(range.clone());
        Ok(range)
    }

    pub(super) fn take(&mut self, length: u64) -> Result<Range<u64>> {
        let range = match self.removes {
            true => self.store.allocate_for_removal(length)?,
            false => self.store.allocate(length)?,
        };
        self.allocated.push(range.clone());
        Ok(range)
    }

    pub(super) fn write_record(&mut self, kind: RecordKind, draft: Vec<u8>) -> Result<RecordReference> {
        check_record_length(draft.len() as u64)?;
        let range = self.take(draft.len() as u64)?;
        Ok(self.seal_at(kind, range.start, draft))
    }

    /// Seals a record and copies it to `offset`, in a range that this transaction took.
    pub(super) fn seal_at(&mut self, kind: RecordKind, offset: u64, mut draft: Vec<u8>) -> RecordReference {
        let reference = seal(kind, self.version(), self.store.epoch, offset, &mut draft);
        debug_assert!(self.owns(offset, draft.len() as u64));
        // SAFETY: (I1, I9, I11) this transaction took the range from the heap: no live version covers it, it has
        // pages, and the store is borrowed exclusively under the lease.
        unsafe { self.store.mapped.map.write(offset, &draft) };
        self.store.spare.keep_draft(draft);
        reference
    }

    /// The bytes of a record that was written before, for the next one.
    pub(super) fn spare_draft(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.store.spare.draft)
    }

    /// Hands each of these places, an offset and a length, to `fill` as a slice of its own, and takes all of them back.
    ///
    /// # Panics
    /// If two of them overlap.
    pub(super) fn hand_out(
        &mut self,
        places: impl Iterator<Item = (u64, u64)> + Clone,
        fill: impl FnOnce(Vec<&mut [u8]>),
    ) {
        check_apart(places.clone());
        let mut total = 0;
        let slice = |(offset, length): (u64, u64)| {
            debug_assert!(self.owns(offset, length));
            total += length;
            // SAFETY: (I1, I9, I11) this transaction took the range from the heap, or it lies in a run behind all that was
            // ever written there: no live version covers it, it has pages. The store is borrowed exclusively under the
            // lease until the slices are back, and they do not overlap.
            unsafe { self.store.mapped.map.slice_mut(offset, length as usize) }
        };
        let slices: Vec<&mut [u8]> = places.map(slice).collect();
        step(Step::Copy);
        copied(total as usize);
        fill(slices);
        step(Step::Copy);
    }

    fn owns(&self, offset: u64, length: u64) -> bool {
        let inside = |range: &Range<u64>| range.start <= offset && offset + length <= range.end;
        length == 0
            || self.allocated.iter().any(inside)
            || self.grown.iter().any(|grown| inside(&grown.bytes))
    }
}

/// Panics if two places overlap.
fn check_apart(places: impl Iterator<Item = (u64, u64)> + Clone) {
    let apart = |before: &(u64, u64), after: &(u64, u64)| before.0 + before.1 <= after.0;
    let places = places.filter(|(_, length)| *length > 0);
    if places.clone().is_sorted_by(apart) {
        return;
    }
    let mut sorted: Vec<_> = places.collect();
    sorted.sort_unstable();
    assert!(sorted.is_sorted_by(apart), "two slices of the same bytes");
}

pub(super) fn check_record_length(found: u64) -> Result<()> {
    if found <= RECORD_LIMIT { Ok(()) } else { Err(RecordLengthKind::RecordLength { found }.into()) }
}
