//! Bytes that a transaction took from the heap: written by it alone, given back if it comes to nothing.

use crate::steps::{Step, copied, step};
use crate::writing::staging::Staging;
use core::ops::Range;
use shmframe_format::record::{RECORD_LIMIT, RecordKind, seal};
use shmframe_format::table::{BufferItem, RecordReference};
use shmframe_format::{Describe, ErrorKind, Report, Result};

/// Longer records leave no bytes for the next one.
const SPARE_LIMIT: usize = 64 << 10;

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

/// Bytes that this transaction alone can reach: exclusive, tied to the lease by the borrow of the store (I11).
pub(super) struct Staged<'s> {
    bytes: &'s mut [u8],
}

impl Staging<'_> {
    /// Gives back what was taken since there were `keep` ranges: it was never visible.
    pub(super) fn give_back(&mut self, keep: usize) {
        let space = &mut self.store.space;
        for range in self.allocated.drain(keep..).rev() {
            match self.removes {
                true => space.give_back_to_reserve(range),
                false => space.give_warm(range),
            }
        }
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
        if draft.capacity() <= SPARE_LIMIT {
            self.store.spare_draft = draft;
        }
        reference
    }

    /// The bytes of a record that was written before, for the next one.
    pub(super) fn spare_draft(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.store.spare_draft)
    }

    pub(super) fn staged(&mut self, offset: u64, length: u64) -> Staged<'_> {
        debug_assert!(self.owns(offset, length));
        // SAFETY: (I1, I9, I11) as in `seal_at`; the borrow of the transaction keeps the slice the only one.
        Staged { bytes: unsafe { self.store.mapped.map.slice_mut(offset, length as usize) } }
    }

    fn owns(&self, offset: u64, length: u64) -> bool {
        self.allocated.iter().any(|range| range.start <= offset && offset + length <= range.end)
    }
}

pub(super) fn check_record_length(found: u64) -> Result<()> {
    if found <= RECORD_LIMIT { Ok(()) } else { Err(RecordLengthKind::RecordLength { found }.into()) }
}

impl Staged<'_> {
    /// Hands each buffer to `fill` as a slice of its own, and takes all of them back.
    pub(super) fn hand_out(self, lengths: &[u64], places: &[BufferItem], fill: impl FnOnce(Vec<&mut [u8]>)) {
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
