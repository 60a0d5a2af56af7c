//! How many bytes with pages a segment may have besides those that live versions use (`docs/caveats.md`).

use super::coverage::{Coverage, CoveredRange};
use crate::writing::reserve::reserve_pages;
use crate::writing::runs::{ahead_of, kept_before};
use core::ops::Range;
use shmframe_format::geometry::{Geometry, PAGE_SIZE};

/// Bytes with pages that a segment may have besides those that live versions use, once its writer has trimmed it
/// (`Writer::trim(0)`, or `TrimPolicy::KeepFree(0)`), and before more was committed or rolled back.
///
/// What a writer with the usual `TrimPolicy::Never` keeps besides has no bound but the quota: pages that earlier versions
/// used are kept for the next frames. Nothing in the segment says which policy its writer has, or how much `KeepFree` keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Header and tables: all that lies before the heap.
    pub tables: u64,
    /// What covered ranges leave of the pages that they begin and end in.
    pub rounding: u64,
    /// Pages that runs have ahead of what is used: an eighth of it, at most 64 MiB each.
    pub ahead: u64,
    /// Pages in front of the oldest row of a run that are not worth giving back yet: 64 KiB or an eighth of the run's.
    pub behind: u64,
    /// The reserve for removals.
    pub reserve: u64,
    /// Pages that two free pieces share, and that no trim gives back: two for each covered range.
    pub crumbs: u64,
}

impl Allowance {
    /// All of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.tables + self.rounding + self.ahead + self.behind + self.reserve + self.crumbs
    }
}

impl Coverage {
    /// What a segment of this geometry that is covered so may have pages for besides.
    #[must_use]
    pub fn allowance(&self, geometry: &Geometry) -> Allowance {
        let (mut ahead, mut behind) = (0, 0);
        for run in self.ranges.iter().filter(|range| range.is_run()) {
            let used = run.used();
            ahead += ahead_of(used.end - used.start).next_multiple_of(PAGE_SIZE).min(run.end() - used.end);
            if run.offset < used.start {
                behind += kept_before(used.end - used.start).min(used.start - run.offset);
            }
        }
        Allowance {
            tables: geometry.heap_offset(),
            // Where ranges overlap, their bytes are counted twice.
            rounding: self.pages().saturating_sub(self.bytes(..)),
            ahead,
            behind,
            // It may begin anywhere in a page.
            reserve: (reserve_pages(geometry) + 1) * PAGE_SIZE,
            crumbs: 2 * PAGE_SIZE * self.ranges.len() as u64,
        }
    }

    /// Bytes of the pages that hold a byte in use, each once.
    fn pages(&self) -> u64 {
        let pages = |range: &CoveredRange| {
            let Range { start, end } = range.used();
            if start == end { 0..0 } else { start / PAGE_SIZE..end.div_ceil(PAGE_SIZE) }
        };
        let mut end = 0;
        let own = |pages: Range<u64>| {
            let start = pages.start.max(end);
            end = end.max(pages.end);
            pages.end.saturating_sub(start)
        };
        self.ranges.iter().map(pages).map(own).sum::<u64>() * PAGE_SIZE
    }
}
