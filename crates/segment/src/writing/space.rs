//! The heap's extents: which bytes are free, which of those have pages, and which wait for readers.
//!
//! Private to the writer; nothing of it stands in the segment. Recovery builds it anew from the walk, and a running
//! writer's free extents equal those that recovery would find (a test compares them).

use core::ops::Range;
use rangemap::RangeSet;
use shmframe_format::Covered;
use shmframe_format::geometry::{ALIGNMENT, PAGE_SIZE};
use std::collections::BTreeSet;

/// Free warm extents up to this many bytes are split for any smaller request.
const SPLIT_FREELY: u64 = 1 << 20;
/// A larger one is split only for a request of at least this share of it: else large extents crumble, and the next
/// large frame finds none.
const SPLIT_SHARE: u64 = 8;
/// How many warm extents are looked at for a run.
const RUN_LOOKS: usize = 16;

/// A range that the newest version no longer covers, but older live ones may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// The bytes.
    pub(crate) range: Range<u64>,
    /// Those of them that have pages.
    pub(crate) pages: Range<u64>,
    /// What becomes of it.
    pub(crate) fate: Fate,
    /// The version that wrote it.
    pub(crate) born: u64,
    /// The first version that does not cover it.
    pub(crate) died: u64,
}

/// What becomes of a dropped range that no live version covers any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is free.
    Free,
    /// It stays part of a run that the newest version covers, from which rows were dropped: its pages are not needed.
    Dead,
}

impl Dropped {
    /// Bytes of the range that have pages.
    pub(crate) fn length(&self) -> u64 {
        self.pages.end - self.pages.start
    }
}

/// The extents of the heap.
#[derive(Debug)]
pub(crate) struct Space {
    heap: Range<u64>,
    /// Free, with pages.
    warm: RangeSet<u64>,
    /// The warm ranges again, by (length, start).
    by_length: BTreeSet<(u64, u64)>,
    /// Free, with pages, in neither of the two: what is left of the extent that was split last. Small requests are
    /// cut off its front, one behind the other, so that what dies together lies together.
    open: Range<u64>,
    /// Free, with pages, in none of the others: kept for removals.
    reserve: Range<u64>,
    /// Where the reserve began before anything of it was taken.
    reserve_start: u64,
    /// Free; whether with pages is unknown.
    cold: RangeSet<u64>,
    dropped: Vec<Dropped>,
    inherited: Inherited,
}

/// What is known of the pages that writers before this one left in free extents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inherited {
    /// Nothing: cold extents may have some.
    Unknown,
    /// The system was asked which extents have pages, and some had. Cold ones may still have some that nobody wrote to.
    Found,
    /// As before, and none had.
    NoneFound,
    /// They were given back: cold extents have none.
    GivenBack,
}

impl Space {
    /// A heap of which nothing is in use.
    pub(crate) fn new(heap: Range<u64>) -> Self {
        let mut cold = RangeSet::new();
        cold.insert(heap.clone());
        let heap_start = heap.start;
        let open = heap_start..heap_start;
        let reserve = open.clone();
        Self {
            heap,
            warm: RangeSet::new(),
            by_length: BTreeSet::new(),
            open,
            reserve,
            reserve_start: heap_start,
            cold,
            dropped: Vec::new(),
            inherited: Inherited::Unknown,
        }
    }

    /// Marks bytes that a live version covers; used by recovery.
    pub(crate) fn occupy(&mut self, range: Range<u64>) {
        self.cold.remove(range);
    }

    /// The warm extent that fits `length` bytes best; `any` also splits extents that are far larger.
    pub(crate) fn take_warm(&mut self, length: u64, any: bool) -> Option<Range<u64>> {
        let length = length.checked_next_multiple_of(ALIGNMENT)?;
        if length <= self.open.end - self.open.start {
            let range = self.open.start..self.open.start + length;
            self.open.start = range.end;
            return Some(range);
        }
        // It may have neighbours that make it long enough.
        self.close();
        let (found, start) = *self.by_length.range((length, 0)..).next()?;
        let spare = found <= SPLIT_FREELY || found / SPLIT_SHARE <= length;
        if !any && !spare {
            return None;
        }
        let range = start..start + length;
        self.remove_warm(start..start + found);
        if found <= SPLIT_FREELY {
            self.open = range.end..start + found;
        } else {
            self.insert_warm(range.end..start + found);
        }
        Some(range)
    }

    /// Puts what is left of the open extent back among the others.
    fn close(&mut self) {
        let rest = core::mem::replace(&mut self.open, self.heap.start..self.heap.start);
        self.give_warm(rest);
    }

    /// `length` bytes of the reserve.
    pub(crate) fn take_reserve(&mut self, length: u64) -> Option<Range<u64>> {
        let end = self.reserve.start.checked_add(length.checked_next_multiple_of(ALIGNMENT)?)?;
        (end <= self.reserve.end).then(|| core::mem::replace(&mut self.reserve.start, end)..end)
    }

    /// Gives back what a removal took last: to the reserve, if it was taken there, and not to puts.
    pub(crate) fn give_back_to_reserve(&mut self, range: Range<u64>) {
        if range.end == self.reserve.start && range.start >= self.reserve_start {
            self.reserve.start = range.start;
        } else {
            self.give_warm(range);
        }
    }

    /// Makes an extent that has pages the reserve; what was left of the one before is free for all.
    pub(crate) fn set_reserve(&mut self, range: Range<u64>) {
        self.reserve_start = range.start;
        let before = core::mem::replace(&mut self.reserve, range);
        self.give_warm(before);
    }

    /// Bytes in reserve.
    pub(crate) fn reserve_bytes(&self) -> u64 {
        self.reserve.end - self.reserve.start
    }

    /// What of `range` is cold, longest first.
    pub(crate) fn cold_within(&self, range: &Range<u64>) -> Vec<Range<u64>> {
        let found = self.cold.overlapping(range);
        let mut parts: Vec<Range<u64>> =
            found.map(|cold| cold.start.max(range.start)..cold.end.min(range.end)).collect();
        parts.sort_unstable_by_key(|part| core::cmp::Reverse(part.end - part.start));
        parts
    }

    /// Takes a range that is cold.
    pub(crate) fn take_cold_at(&mut self, range: &Range<u64>) {
        self.cold.remove(range.clone());
    }

    /// The lowest cold extent that fits `length` bytes; its pages are unknown.
    pub(crate) fn take_cold(&mut self, length: u64) -> Option<Range<u64>> {
        let length = length.checked_next_multiple_of(ALIGNMENT)?;
        let start = self.cold.iter().find(|range| range.end - range.start >= length)?.start;
        let range = start..start + length;
        self.cold.remove(range.clone());
        Some(range)
    }

    /// Gives back an extent that has pages.
    pub(crate) fn give_warm(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        debug_assert!(self.heap.start <= range.start && range.end <= self.heap.end);
        // Take the neighbours out of the index, then put the merged range in.
        let before = self.warm.get(&(range.start - 1)).cloned();
        let after = self.warm.get(&range.end).cloned();
        for neighbour in [before, after].into_iter().flatten() {
            self.by_length.remove(&(neighbour.end - neighbour.start, neighbour.start));
        }
        self.warm.insert(range.clone());
        if let Some(merged) = self.warm.get(&range.start) {
            self.by_length.insert((merged.end - merged.start, merged.start));
        }
    }

    /// Gives back an extent whose pages are unknown.
    pub(crate) fn give_cold(&mut self, range: Range<u64>) {
        self.cold.insert(range);
    }

    fn insert_warm(&mut self, range: Range<u64>) {
        if !range.is_empty() {
            self.by_length.insert((range.end - range.start, range.start));
            self.warm.insert(range);
        }
    }

    fn remove_warm(&mut self, range: Range<u64>) {
        self.by_length.remove(&(range.end - range.start, range.start));
        self.warm.remove(range);
    }

    /// A free range of `room` bytes that begins with pages for `length` of them, or for half of those at least, if there is
    /// one; and which of its bytes have pages. Both begin and end at pages. `any` also cuts extents that are far longer.
    pub(crate) fn take_warm_run(
        &mut self,
        length: u64,
        room: u64,
        any: bool,
    ) -> Option<(Range<u64>, Range<u64>)> {
        let limit = if any { u64::MAX } else { length.saturating_mul(2) };
        let (range, pages) = self.find_warm_run(length..limit, room)?;
        let warm = self.warm.get(&range.start)?.clone();
        self.remove_warm(warm.clone());
        self.insert_warm(warm.start..range.start);
        // What is left of a page behind the last whole one lies in the run.
        self.insert_warm(range.end..warm.end);
        if pages.end < range.end {
            self.cold.remove(pages.end..range.end);
        }
        Some((range, pages))
    }

    /// The end of the best warm extent with enough free bytes behind it: the shortest of these lengths, else the longest one
    /// that is half as long.
    fn find_warm_run(&self, lengths: Range<u64>, room: u64) -> Option<(Range<u64>, Range<u64>)> {
        let length = lengths.start;
        let fits = |(found, start): &(u64, u64)| {
            let end = start + found;
            let last = end.saturating_sub(length) / PAGE_SIZE * PAGE_SIZE;
            let first = start.next_multiple_of(PAGE_SIZE).max(last);
            let behind = self.cold.get(&end).map_or(end, |cold| cold.end);
            let range = first..first.checked_add(room)?;
            let pages = first..end.min(range.end) / PAGE_SIZE * PAGE_SIZE;
            (range.end <= behind && pages.start < pages.end && pages.end - pages.start >= length / 2)
                .then_some((range, pages))
        };
        let longer = self.by_length.range((length, 0)..(lengths.end, 0)).take(RUN_LOOKS).find_map(fits);
        longer.or_else(|| {
            self.by_length.range((length / 2, 0)..(length, 0)).rev().take(RUN_LOOKS).find_map(fits)
        })
    }

    /// A free range of `room` bytes without pages, which begins and ends at pages. Behind a warm extent as many are left,
    /// so that it can become a run again, if there are so many.
    pub(crate) fn take_cold_run(&mut self, room: u64) -> Option<Range<u64>> {
        let within = |cold: &Range<u64>, left: u64| {
            let start = cold.start.checked_add(left)?.next_multiple_of(PAGE_SIZE);
            let end = start.checked_add(room)?;
            (end <= cold.end).then_some(start..end)
        };
        let apart = |cold: &Range<u64>| {
            let behind_warm = cold.start > self.heap.start && self.warm.contains(&(cold.start - 1));
            within(cold, if behind_warm { room } else { 0 })
        };
        let found = self.cold.iter().find_map(apart);
        let range = found.or_else(|| self.cold.iter().find_map(|cold| within(cold, 0)))?;
        self.cold.remove(range.clone());
        Some(range)
    }

    /// Gives back an extent of which `pages` have pages.
    pub(crate) fn give_back(&mut self, range: Range<u64>, pages: &Range<u64>) {
        for cold in [range.start..pages.start, pages.end..range.end] {
            if !cold.is_empty() {
                self.give_cold(cold);
            }
        }
        self.give_warm(pages.clone());
    }

    /// Notes a range that version `died` no longer covers; what of it has pages is what is used.
    pub(crate) fn drop_covered(&mut self, covered: Covered, died: u64) {
        let range = covered.offset..covered.offset + covered.length;
        if covered.version >= died {
            // Written and dropped by one transaction: nobody ever saw it.
            return self.give_back(range, &covered.used);
        }
        if let Some(last) = self.dropped.last_mut()
            && (last.range.end, last.born, last.died) == (range.start, covered.version, died)
            && (last.pages.clone(), covered.used.clone()) == (last.range.clone(), range.clone())
            && last.fate == Fate::Free
        {
            last.range.end = range.end;
            last.pages.end = range.end;
            return;
        }
        let (born, pages) = (covered.version, covered.used);
        self.dropped.push(Dropped { range, pages, fate: Fate::Free, born, died });
    }

    /// Notes that version `died` no longer uses the front of a run which was written first by version `born`.
    pub(crate) fn drop_front(&mut self, front: Range<u64>, born: u64, died: u64) {
        let pages = front.clone();
        self.dropped.push(Dropped { range: front, pages, fate: Fate::Dead, born, died });
    }

    /// Whether anything waits for readers.
    pub(crate) fn any_dropped(&self) -> bool {
        !self.dropped.is_empty()
    }

    /// Frees every dropped range that no live version covers; `live(from, to)` tells whether one lies in `[from, to)`.
    /// Returns the dead fronts of runs.
    pub(crate) fn free_dropped(&mut self, live: impl Fn(u64, u64) -> bool) -> Vec<Range<u64>> {
        let mut free: Vec<Range<u64>> = Vec::with_capacity(self.dropped.len());
        let (mut cold, mut dead) = (Vec::new(), Vec::new());
        self.dropped.retain(|dropped| {
            let held = live(dropped.born, dropped.died);
            let Dropped { range, pages, .. } = dropped;
            match dropped.fate {
                _ if held => {}
                Fate::Dead => dead.push(range.clone()),
                Fate::Free => {
                    free.push(pages.clone());
                    let around = [range.start..pages.start, pages.end..range.end];
                    cold.extend(around.into_iter().filter(|range| !range.is_empty()));
                }
            }
            held
        });
        cold.into_iter().for_each(|range| self.give_cold(range));
        // Neighbours are put together first: that is far cheaper here than in the sets.
        free.sort_unstable_by_key(|range| range.start);
        let merged = free.into_iter().reduce(|before, next| {
            if before.end == next.start {
                return before.start..next.end;
            }
            self.give_warm(before);
            next
        });
        self.give_warm(merged.unwrap_or(self.heap.start..self.heap.start));
        dead
    }

    /// Takes the largest warm ranges of whole pages until at most `keep` warm bytes stay; they become cold.
    /// The caller punches them.
    pub(crate) fn take_for_trim(&mut self, keep: u64, page: u64) -> Vec<Range<u64>> {
        self.close();
        let mut taken = Vec::new();
        let mut left = self.warm_bytes();
        let candidates: Vec<_> = self.by_length.iter().rev().copied().collect();
        for (length, start) in candidates {
            let pages = start.next_multiple_of(page)..(start + length) / page * page;
            if left <= keep || pages.is_empty() {
                continue;
            }
            let pages = pages.start..pages.end.min(pages.start + (left - keep).next_multiple_of(page));
            self.remove_warm(start..start + length);
            self.insert_warm(start..pages.start);
            self.insert_warm(pages.end..start + length);
            left -= pages.end - pages.start;
            self.cold.insert(pages.clone());
            taken.push(pages);
        }
        taken
    }

    /// Whether it is still to be asked which cold extents have pages.
    pub(crate) fn may_learn_pages(&self) -> bool {
        self.inherited == Inherited::Unknown
    }

    /// Notes that these ranges have pages, ascending and apart, and no others; what of them is cold becomes warm.
    pub(crate) fn note_pages(&mut self, pages: &[Range<u64>]) {
        self.inherited = Inherited::NoneFound;
        for range in pages {
            for part in self.cold_within(range) {
                self.cold.remove(part.clone());
                self.give_warm(part);
                self.inherited = Inherited::Found;
            }
        }
    }

    /// Whether writers before this one left pages that were found, and nobody gave them back since.
    pub(crate) fn has_found_pages(&self) -> bool {
        self.inherited == Inherited::Found
    }

    /// All cold extents, if some of them may have pages; from then on none has. The caller punches them.
    pub(crate) fn take_unknown(&mut self) -> Vec<Range<u64>> {
        match core::mem::replace(&mut self.inherited, Inherited::GivenBack) {
            Inherited::GivenBack => Vec::new(),
            _ => self.cold.iter().cloned().collect(),
        }
    }

    /// Free bytes that have pages.
    pub(crate) fn warm_bytes(&self) -> u64 {
        self.by_length.iter().map(|(length, _)| length).sum::<u64>() + (self.open.end - self.open.start)
    }

    /// All free bytes, with pages or without.
    pub(crate) fn free_bytes(&self) -> u64 {
        let cold: u64 = self.cold.iter().map(|range| range.end - range.start).sum();
        cold + self.warm_bytes() + self.reserve_bytes()
    }

    /// Bytes that wait for readers.
    pub(crate) fn dropped_ranges(&self) -> &[Dropped] {
        &self.dropped
    }

    /// All bytes, with pages or without, that only older versions cover or use.
    pub(crate) fn dropped_room(&self) -> u64 {
        self.dropped.iter().map(|dropped| dropped.range.end - dropped.range.start).sum()
    }

    /// All free extents, adjacent ones merged.
    pub(crate) fn free(&self) -> RangeSet<u64> {
        let mut free = self.cold.clone();
        free.extend(self.warm.iter().cloned());
        for apart in [&self.open, &self.reserve] {
            if !apart.is_empty() {
                free.insert(apart.clone());
            }
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> Space {
        Space::new(4096..1 << 30)
    }

    fn covered(offset: u64, length: u64, version: u64) -> Covered {
        Covered { offset, length, version, used: offset..offset + length }
    }

    #[test]
    fn free_extents_that_have_pages_become_warm_and_no_others() {
        let mut space = Space::new(4096..1 << 20);
        space.occupy(8192..16384);
        assert!(space.may_learn_pages());
        space.note_pages(&[0..12288, 20480..24576]);
        assert!(space.has_found_pages() && !space.may_learn_pages());
        assert_eq!(space.warm_bytes(), 4096 + 4096);
        assert_eq!(space.take_warm(4096, true), Some(4096..8192));
        assert_eq!(space.take_warm(4096, true), Some(20480..24576));
        assert_eq!(space.take_warm(64, true), None);
    }

    #[test]
    fn adjacent_free_extents_merge() {
        let mut space = space();
        let first = space.take_cold(100).unwrap();
        let second = space.take_cold(100).unwrap();
        let third = space.take_cold(100).unwrap();
        assert_eq!((first.clone(), second.clone()), (4096..4224, 4224..4352));
        for range in [first, third, second] {
            space.give_warm(range);
        }
        assert_eq!(space.by_length.len(), 1);
        assert_eq!(space.take_warm(384, false), Some(4096..4480));
        space.give_cold(4096..4480);
        assert_eq!(space.free().iter().cloned().collect::<Vec<_>>(), vec![4096..1 << 30]);
    }

    #[test]
    fn best_fitting_warm_extent_is_taken_and_split() {
        let mut space = space();
        let large = space.take_cold(4096).unwrap();
        let _wall = space.take_cold(64).unwrap();
        let small = space.take_cold(128).unwrap();
        space.give_warm(large.clone());
        space.give_warm(small.clone());
        assert_eq!(space.take_warm(128, false), Some(small));
        assert_eq!(space.take_warm(128, false), Some(large.start..large.start + 128));
        assert_eq!(space.warm_bytes(), 4096 - 128);
    }

    #[test]
    fn large_extents_do_not_crumble() {
        let mut space = space();
        let large = space.take_cold(64 << 20).unwrap();
        space.give_warm(large.clone());
        assert_eq!(space.take_warm(100, false), None);
        assert_eq!(space.take_warm(32 << 20, false).unwrap().start, large.start);
        assert!(space.take_warm(100, true).is_some());
    }

    #[test]
    fn dropped_range_is_free_when_no_live_version_lies_in_its_life() {
        let mut space = space();
        let range = space.take_cold(64).unwrap();
        space.drop_covered(covered(range.start, 64, 3), 6);
        space.free_dropped(|from, to| (from..to).contains(&5));
        assert_eq!(space.warm_bytes(), 0);
        space.free_dropped(|from, to| (from..to).contains(&6) || (from..to).contains(&2));
        assert_eq!(space.warm_bytes(), 64);
        assert!(!space.any_dropped());
    }

    #[test]
    fn small_requests_are_cut_off_one_extent_and_the_rest_stays_free() {
        let mut space = space();
        let block = space.take_cold(1 << 16).unwrap();
        space.give_warm(block.clone());
        let taken: Vec<_> = (0..4).map(|_| space.take_warm(1000, false).unwrap()).collect();
        assert!(taken.windows(2).all(|pair| pair[0].end == pair[1].start), "{taken:?}");
        assert_eq!(taken[0].start, block.start);
        assert_eq!(space.warm_bytes(), (1 << 16) - 4 * 1024);
        assert_eq!(space.free().iter().next(), Some(&(taken[3].end..1 << 30)));
        // Too little is left alone, enough together with its neighbour.
        space.give_warm(taken[3].clone());
        assert_eq!(space.take_warm((1 << 16) - 3 * 1024, false), Some(taken[3].start..block.end));
        assert_eq!(space.warm_bytes(), 0);
    }

    #[test]
    fn run_takes_all_of_its_range_wherever_warm_bytes_end_in_it() {
        for odd in [0, 64, 4032] {
            let mut space = space();
            let block = space.take_cold(10 * 4096 + odd).unwrap();
            space.give_warm(block.clone());
            let (range, pages) = space.take_warm_run(8 * 4096, 100 * 4096, false).unwrap();
            assert_eq!((range.start, pages.clone()), (3 * 4096, 3 * 4096..11 * 4096));
            assert_eq!(range.end, 103 * 4096);
            assert_eq!(space.warm_bytes(), 2 * 4096);
            space.give_back(range, &pages);
            assert_eq!(space.free().iter().cloned().collect::<Vec<_>>(), vec![4096..1 << 30]);
            assert!(space.take_warm_run(4096, 100 * 4096, false).is_none(), "far longer ones are not cut");
            assert!(space.take_warm_run(4096, 100 * 4096, true).is_some());
        }
    }

    #[test]
    fn room_behind_warm_bytes_is_left_to_them() {
        let mut space = space();
        let block = space.take_cold(8 * 4096).unwrap();
        space.give_warm(block.clone());
        let room = 100 * 4096;
        let run = space.take_cold_run(room).unwrap();
        assert_eq!(run.start, block.end + room);
        assert_eq!(space.take_warm_run(8 * 4096, room, false).unwrap().0, 4096..101 * 4096);
    }

    #[test]
    fn what_one_version_dropped_side_by_side_is_one_range() {
        let mut space = space();
        let range = space.take_cold(256).unwrap();
        for offset in [0, 64, 128] {
            space.drop_covered(covered(range.start + offset, 64, 3), 6);
        }
        space.drop_covered(covered(range.start + 192, 64, 4), 6);
        assert_eq!(space.dropped_ranges().len(), 2);
        space.free_dropped(|from, _| from == 4);
        assert_eq!(space.warm_bytes(), 192);
    }

    #[test]
    fn trim_takes_whole_pages_and_keeps_what_was_asked() {
        let mut space = space();
        let range = space.take_cold(10 * 4096 + 64).unwrap();
        space.give_warm(range.start + 64..range.end);
        let taken = space.take_for_trim(2 * 4096, 4096);
        assert!(taken.iter().all(|pages| pages.start % 4096 == 0 && pages.end % 4096 == 0));
        assert!(space.warm_bytes() <= 2 * 4096 + 4096 && space.warm_bytes() >= 2 * 4096 - 4096);
        let all: u64 = taken.iter().map(|pages| pages.end - pages.start).sum();
        assert_eq!(all + space.warm_bytes(), 10 * 4096);
    }
}
