//! The reserve: free pages that only removals may use, so that a full segment can always be emptied.
//!
//! To remove a frame is to write: records of a directory without it. Where nothing is free any more those go to the
//! reserve; what the removal freed fills it again. Where it stands is noted in the publication block, so that the next
//! writer, which cannot know which free bytes have pages, finds it also when there are no others to be had.

use crate::sync::Ordering;
use crate::sys::descriptor;
use crate::writing::store::Store;
use core::ops::Range;
use shmframe_format::Result;
use shmframe_format::geometry::{ALIGNMENT, Geometry, PAGE_SIZE};
use std::os::fd::AsFd;

/// Pages in reserve: a removal takes some kilobytes, and each version that history keeps takes them once more.
const RESERVE_PAGES: u64 = 32;
/// A small heap keeps this share of itself in reserve at the most.
const HEAP_SHARE: u64 = 16;
/// The word counts pages in the bits that an aligned offset leaves free.
const PAGES_MASK: u64 = ALIGNMENT - 1;
const _: () = assert!(RESERVE_PAGES <= PAGES_MASK);

/// Pages that a segment of this geometry keeps in reserve.
pub(crate) fn reserve_pages(geometry: &Geometry) -> u64 {
    let heap = (geometry.capacity() - geometry.heap_offset()) / PAGE_SIZE;
    RESERVE_PAGES.min(heap / HEAP_SHARE)
}

impl Store {
    /// An extent for the records of a transaction that removes frames and does nothing else.
    pub(crate) fn allocate_for_removal(&mut self, length: u64) -> Result<Range<u64>> {
        let found = self.find_or_allocate(length);
        let found = found.or_else(|error| self.space.take_reserve(length).ok_or(error));
        found.map_err(|error| self.refused(length, error))
    }

    /// What a new holder of the lease does: takes over the pages that the one before kept in reserve.
    pub(crate) fn find_reserve(&mut self) {
        let word = self.mapped.publication().reserve.load(Ordering::Relaxed);
        let (start, pages) = (word & !PAGES_MASK, word & PAGES_MASK);
        if pages == 0 || !self.mapped.geometry().in_heap(start, pages * PAGE_SIZE) {
            return;
        }
        for part in self.space.cold_within(&(start..start + pages * PAGE_SIZE)) {
            // They are there as a rule: then this takes nothing of the file system, and works on a full one.
            let whole = part.start / PAGE_SIZE * PAGE_SIZE..part.end.next_multiple_of(PAGE_SIZE);
            if descriptor::allocate(self.mapped.data.as_fd(), whole.start, whole.end - whole.start).is_err() {
                continue;
            }
            self.space.take_cold_at(&part);
            match self.space.reserve_bytes() {
                0 => self.space.set_reserve(part),
                _ => self.space.give_warm(part),
            }
        }
    }

    /// Fills the reserve again once half of it is used, if pages are to be had.
    pub(crate) fn refill_reserve(&mut self) {
        let mut pages = reserve_pages(self.mapped.geometry());
        if self.space.reserve_bytes() * 2 > pages * PAGE_SIZE {
            return;
        }
        // Where so much is not to be had in one row: what there is, if it is more than what is left.
        while pages * PAGE_SIZE > self.space.reserve_bytes() {
            if let Some(range) = self.take_pages(pages * PAGE_SIZE) {
                // Noted before the old one is free for all: a word always leads to pages that were free when it was
                // stored.
                self.mapped.publication().reserve.store(range.start | pages, Ordering::Relaxed);
                self.space.set_reserve(range);
                return;
            }
            pages /= 2;
        }
    }

    fn take_pages(&mut self, length: u64) -> Option<Range<u64>> {
        self.space.take_warm(length, true).or_else(|| {
            let range = self.space.take_cold(length)?;
            self.give_pages(range, length).ok()
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use crate::writing::planted_leaks::{Segment, put_frame};
    use crate::{Store, StoreOptions};
    use shmframe_format::ErrorKind;

    /// Uses up all that a transaction that puts could be given, down to the last 64 bytes.
    fn use_up(store: &mut Store) {
        store.quota = 1;
        while store.allocate(64).is_ok() {}
        assert_eq!(store.allocate(64).unwrap_err().kind(), ErrorKind::QuotaExceeded);
    }

    fn remove(store: &mut Store, frame: &str) -> Result<u64, shmframe_format::Error> {
        let mut transaction = store.begin().unwrap();
        assert!(transaction.remove_frame(frame).unwrap());
        transaction.commit()
    }

    #[test]
    fn full_segment_can_be_emptied_by_its_writer_and_by_the_next_one() {
        let mut segment = Segment::new("emptied");
        for number in 0..40 {
            segment.put(&format!("frame-{number}"));
        }
        use_up(segment.store());
        assert_eq!(segment.try_put("more").unwrap_err().kind(), ErrorKind::QuotaExceeded);
        for number in 0..20 {
            remove(segment.store(), &format!("frame-{number}")).unwrap();
        }
        // The next writer cannot be given a page more.
        let least = segment.store().mapped.geometry().heap_offset() + 33 * 4096;
        assert!(segment.store().allocated_bytes() > least);
        segment.reopen(StoreOptions { quota: Some(least), ..StoreOptions::default() });
        let store = segment.store();
        assert!(store.space.reserve_bytes() > 0);
        use_up(store);
        for number in 20..40 {
            remove(store, &format!("frame-{number}")).unwrap();
        }
        assert_eq!(store.begin().unwrap().frame_names().unwrap(), ["frame"]);
    }

    /// The newest version, how much is in reserve, and how many frames there are.
    fn state(store: &mut Store) -> (u64, u64, usize) {
        (store.latest, store.space.reserve_bytes(), store.begin().unwrap().frame_names().unwrap().len())
    }

    fn remove_all<'a>(
        store: &mut Store,
        frames: impl Iterator<Item = &'a String>,
    ) -> Result<u64, shmframe_format::Error> {
        let mut transaction = store.begin().unwrap();
        for frame in frames {
            assert!(transaction.remove_frame(frame).unwrap());
        }
        transaction.commit()
    }

    #[test]
    fn removal_that_is_too_large_for_the_reserve_changes_nothing_and_smaller_ones_work() {
        let mut segment = Segment::new("too-large");
        let names: Vec<String> = (0..4000).map(|number| format!("frame-{number}")).collect();
        for names in names.chunks(1000) {
            let mut transaction = segment.store().begin().unwrap();
            for name in names {
                put_frame(&mut transaction, name).unwrap();
            }
            transaction.commit().unwrap();
        }
        use_up(segment.store());
        let before = state(segment.store());
        for _ in 0..3 {
            // Every second one: each node of the directory is written anew.
            let error = remove_all(segment.store(), names.iter().step_by(2)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
            // A put gets nothing of what the removal gave back.
            assert_eq!(segment.try_put("more").unwrap_err().kind(), ErrorKind::QuotaExceeded);
        }
        let store = segment.store();
        assert_eq!(state(store), before);
        for names in names.chunks(100) {
            remove_all(store, names.iter()).unwrap();
        }
        assert_eq!(store.begin().unwrap().frame_names().unwrap(), ["frame"]);
    }

    #[test]
    fn segment_that_stays_full_can_be_emptied_at_any_time() {
        let mut segment = Segment::new("stays-full");
        let name = |number: usize| format!("frame-{}", number % 40);
        for number in 0..40 {
            segment.put(&name(number));
        }
        use_up(segment.store());
        // What a removal frees is taken by the next put, again and again.
        for round in 0..1000 {
            let gone = name(round * 7);
            if segment.store().begin().unwrap().frame_names().unwrap().contains(&gone) {
                remove(segment.store(), &gone).unwrap();
            }
            let _ = segment.try_put(&gone);
        }
        let frames = segment.store().begin().unwrap().frame_names().unwrap();
        assert!(frames.len() > 20, "{frames:?}");
        for frame in frames {
            remove(segment.store(), &frame).unwrap();
        }
    }

    #[test]
    fn reserve_is_free_and_not_used_by_puts() {
        let mut segment = Segment::new("reserve");
        let store = segment.store();
        let reserve = store.space.reserve_bytes();
        assert_eq!(reserve, 32 * 4096);
        let audit = store.audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
        use_up(store);
        assert!(segment.try_put("more").is_err());
        assert_eq!(segment.store().space.reserve_bytes(), reserve);
    }

    /// Else commits of tokens alone use it up, while readers hold each of their versions.
    #[test]
    fn reserve_is_not_used_by_transactions_that_change_nothing() {
        let mut segment = Segment::new("nothing");
        let store = segment.store();
        let reserve = store.space.reserve_bytes();
        use_up(store);
        let mut transaction = store.begin().unwrap();
        transaction.set_token(1);
        assert_eq!(transaction.commit().unwrap_err().kind(), ErrorKind::QuotaExceeded);
        assert_eq!(store.space.reserve_bytes(), reserve);
        remove(store, "frame").unwrap();
        assert!(store.begin().unwrap().frame_names().unwrap().is_empty());
    }

    #[test]
    fn damaged_word_costs_the_reserve_and_nothing_else() {
        for word in [u64::MAX, 1, 63, (16 << 20) | 1, 1 << 40] {
            let mut segment = Segment::new("word");
            segment.store().mapped.publication().reserve.store(word, crate::sync::Ordering::Relaxed);
            segment.reopen(StoreOptions::default());
            let audit = segment.store().audit().unwrap();
            assert_eq!(audit.working, audit.recovered);
            assert_eq!(segment.store().space.reserve_bytes(), 32 * 4096);
            segment.put("more");
        }
    }

    /// It names bytes that a version covers.
    #[test]
    fn word_that_leads_to_bytes_in_use_harms_them_not() {
        let mut segment = Segment::new("inuse");
        let store = segment.store();
        let start = store.mapped.geometry().heap_offset();
        store.mapped.publication().reserve.store(start | 63, crate::sync::Ordering::Relaxed);
        segment.reopen(StoreOptions::default());
        let audit = segment.store().audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
        segment.put("more");
        assert_eq!(segment.store().begin().unwrap().frame_names().unwrap(), ["frame", "more"]);
    }
}
