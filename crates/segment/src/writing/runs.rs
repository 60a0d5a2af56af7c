//! Runs: extents that are reserved for one growing buffer, virtual bytes up front, pages as they fill.
//!
//! Private to the writer, like all that it knows of free bytes. A run that a version covers is covered whole, so nobody
//! else is given a byte of it; which of its pages are there, and how far it is written, stands here. Recovery finds both
//! in the records of the newest version.

use crate::writing::store::Store;
use core::ops::Range;
use shmframe_format::geometry::{PADDING, PAGE_SIZE};
use shmframe_format::{Covered, Result};
use std::collections::BTreeMap;

/// Pages are allocated ahead of the writes by this share of what is written.
const AHEAD_SHARE: u64 = 8;
/// And by so many bytes at the most.
const AHEAD_LIMIT: u64 = 64 << 20;

/// What stands below the rows of a run is punched once it is this much, or this share of the run's pages.
const PUNCH: u64 = 64 << 10;

/// Bytes of pages that a run may be given ahead of so many bytes that it uses.
pub(crate) fn ahead_of(used: u64) -> u64 {
    (used / AHEAD_SHARE).min(AHEAD_LIMIT)
}

/// Bytes of pages that are left in front of the rows of a run with so many bytes of pages: punching fewer is not worth it.
pub(crate) fn kept_before(pages: u64) -> u64 {
    PUNCH.max(pages / AHEAD_SHARE)
}

/// What the writer knows of a run that the newest version covers, or that a transaction took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Where it ends.
    pub(crate) end: u64,
    /// What of it has pages.
    pub(crate) pages: Range<u64>,
    /// No buffer of a live version, or of this transaction, covers a byte from here on.
    pub(crate) written: u64,
    /// No live version uses a byte before this one: its rows were dropped from the front.
    pub(crate) dead: u64,
    /// Whether there may be other pages: an earlier writer may have left them.
    pub(crate) unknown: bool,
}

/// The runs, by where they begin.
#[derive(Debug, Default)]
pub(crate) struct Runs(BTreeMap<u64, Run>);

impl Runs {
    /// Notes a run that was found in the records of the newest version; `used` is what any live version uses of it.
    pub(crate) fn find(&mut self, range: &Range<u64>, used: &Range<u64>) {
        let pages = outer_pages(used, range);
        // Padding counts as written: a little is never used.
        let run = Run { end: range.end, pages, written: used.end, dead: used.start, unknown: true };
        self.0.insert(range.start, run);
    }

    pub(crate) fn insert(&mut self, start: u64, run: Run) {
        self.0.insert(start, run);
    }

    pub(crate) fn remove(&mut self, start: u64) -> Option<Run> {
        self.0.remove(&start)
    }

    /// The run that begins here.
    pub(crate) fn at(&mut self, start: u64) -> Option<&mut Run> {
        self.0.get_mut(&start)
    }

    /// The run that holds this byte, and where it begins.
    pub(crate) fn holding(&self, offset: u64) -> Option<(u64, &Run)> {
        let (start, run) = self.0.range(..=offset).next_back()?;
        (offset < run.end).then_some((*start, run))
    }

    /// The run that holds this byte, to be changed.
    pub(crate) fn holding_mut(&mut self, offset: u64) -> Option<(u64, &mut Run)> {
        let (start, run) = self.0.range_mut(..=offset).next_back()?;
        (offset < run.end).then_some((*start, run))
    }

    /// Whether a run holds these bytes.
    pub(crate) fn at_all(&self, bytes: &Range<u64>) -> bool {
        self.holding(bytes.start).is_some_and(|(_, run)| bytes.end <= run.end)
    }

    /// Bytes of all runs that have no pages.
    pub(crate) fn without_pages(&self) -> u64 {
        self.0.iter().map(|(start, run)| run.end - start - (run.pages.end - run.pages.start)).sum()
    }

    /// Notes that no live version uses what lies before `end` in the run that holds the byte before it. Returns pages that
    /// are worth punching; from then on they are none of the run's.
    pub(crate) fn note_dead(&mut self, end: u64) -> Option<Range<u64>> {
        let (start, _) = self.holding(end.checked_sub(1)?)?;
        let run = self.0.get_mut(&start)?;
        run.dead = run.dead.max(end);
        let pages = run.dead_pages();
        let all = run.pages.end - run.pages.start;
        if pages.end - pages.start < kept_before(all) {
            return None;
        }
        run.pages.start = pages.end;
        Some(pages)
    }

    /// The parts of runs that may have pages and need none; from then on they have none. The caller punches them.
    pub(crate) fn take_spare(&mut self) -> Vec<Range<u64>> {
        let mut spare = Vec::new();
        for (start, run) in &mut self.0 {
            let dead = run.dead_pages();
            let needed = outer_pages(&(dead.end..run.written + PADDING), &(*start..run.end));
            let pages = run.pages.clone();
            run.pages = dead.end..pages.end.min(needed.end);
            if core::mem::take(&mut run.unknown) {
                spare.extend([*start..dead.end, needed.end..run.end]);
            } else {
                spare.extend([dead, needed.end..pages.end]);
            }
        }
        spare.retain(|range| !range.is_empty());
        spare
    }
}

impl Run {
    /// The whole pages below what anybody uses.
    fn dead_pages(&self) -> Range<u64> {
        let end = self.dead / PAGE_SIZE * PAGE_SIZE;
        self.pages.start..end.clamp(self.pages.start, self.pages.end)
    }
}

/// The whole pages that a part of a run touches, within the run.
fn outer_pages(part: &Range<u64>, run: &Range<u64>) -> Range<u64> {
    let start = part.start / PAGE_SIZE * PAGE_SIZE;
    let end = part.end.next_multiple_of(PAGE_SIZE);
    start.max(run.start)..end.min(run.end)
}

/// This room, and less and less of it, as long as `length` fits; whole pages.
fn rooms(length: u64, room: u64) -> impl Iterator<Item = u64> {
    let less = |room: &u64| Some((room / 4).next_multiple_of(PAGE_SIZE)).filter(|less| less < room);
    core::iter::successors(Some(room), less).take_while(move |room| *room >= length)
}

impl Store {
    /// Takes a run with pages for `length` bytes and their padding, and room for `room` if there is so much in one row.
    pub(crate) fn allocate_run(&mut self, length: u64, room: u64) -> Result<Range<u64>> {
        let needed = (length + PADDING).next_multiple_of(PAGE_SIZE);
        // Whatever number was asked for: there is never more in a row.
        let room = room.min(self.mapped.geometry().capacity()) + PADDING;
        let Some((range, pages)) = self.find_run(needed, room.next_multiple_of(PAGE_SIZE)) else {
            let range = self.allocate(length + PADDING)?;
            self.note_run(&range, range.clone(), length);
            return Ok(range);
        };
        self.note_run(&range, pages, length);
        let reached = self.reach_exactly(range.start, range.start + needed);
        if reached.is_err() {
            self.give_back_run(range.start);
        }
        reached.map(|()| range)
    }

    /// Notes a new run. What is to be written counts as needed at once, where pages are given back.
    fn note_run(&mut self, range: &Range<u64>, pages: Range<u64>, length: u64) {
        let (dead, written) = (range.start, range.start + length);
        self.runs.insert(range.start, Run { end: range.end, pages, written, dead, unknown: false });
    }

    /// A free range for a run, with pages if there are some: those of a run that was given up, as a rule. Pages come before
    /// room; `length` is not above `room`.
    fn find_run(&mut self, length: u64, room: u64) -> Option<(Range<u64>, Range<u64>)> {
        let mut found = self.find_warm_run(length, room);
        if found.is_none() && self.space.any_dropped() {
            self.reclaim();
            found = self.find_warm_run(length, room);
        }
        if found.is_none() && self.learn_pages() {
            found = self.find_warm_run(length, room);
        }
        if found.is_none() {
            self.give_back_left();
        }
        found.or_else(|| self.find_cold_run(length, room))
    }

    fn find_warm_run(&mut self, length: u64, room: u64) -> Option<(Range<u64>, Range<u64>)> {
        // Who has pages prefaulted wants those used before fresh ones.
        let any = self.options.prefault > 0;
        rooms(length, room).take(2).find_map(|room| self.space.take_warm_run(length, room, any))
    }

    fn find_cold_run(&mut self, length: u64, room: u64) -> Option<(Range<u64>, Range<u64>)> {
        let range = rooms(length, room).find_map(|room| self.space.take_cold_run(room))?;
        Some((range.clone(), range.start..range.start))
    }

    /// Sees to it that a run has pages up to `end`; where it has not, some more ahead.
    pub(crate) fn reach(&mut self, start: u64, end: u64) -> Result<()> {
        let Some(run) = self.runs.at(start) else { return Ok(()) };
        if end <= run.pages.end {
            return Ok(());
        }
        let ahead = ahead_of(end - run.pages.start);
        let pages = run.pages.end..(end + ahead).next_multiple_of(PAGE_SIZE).min(run.end);
        // Where there is not so much, what is needed will do.
        if self.add_pages(&pages, end - pages.start).is_err() {
            return self.reach_exactly(start, end);
        }
        if let Some(run) = self.runs.at(start) {
            run.pages.end = pages.end;
        }
        Ok(())
    }

    /// Sees to it that a run has pages up to `end`.
    fn reach_exactly(&mut self, start: u64, end: u64) -> Result<()> {
        let Some(run) = self.runs.at(start) else { return Ok(()) };
        let pages = run.pages.end..end.next_multiple_of(PAGE_SIZE).min(run.end);
        if pages.is_empty() {
            return Ok(());
        }
        let wanted = pages.end - pages.start;
        self.reach_in_need(&pages).map_err(|error| self.refused(wanted, error))?;
        if let Some(run) = self.runs.at(start) {
            run.pages.end = pages.end;
        }
        Ok(())
    }

    fn reach_in_need(&mut self, pages: &Range<u64>) -> Result<()> {
        let wanted = pages.end - pages.start;
        if self.add_pages(pages, wanted).is_ok() {
            return Ok(());
        }
        if self.space.any_dropped() {
            self.reclaim();
        }
        self.trim_to(0);
        self.add_pages(pages, wanted)
    }

    /// Notes what version `died` no longer covers.
    pub(crate) fn drop_covered(&mut self, covered: Covered, died: u64) {
        let used = match self.runs.remove(covered.offset) {
            Some(run) => run.pages,
            None => covered.used.clone(),
        };
        self.space.drop_covered(Covered { used, ..covered }, died);
    }

    /// Gives back a run that nobody ever saw.
    pub(crate) fn give_back_run(&mut self, start: u64) {
        if let Some(run) = self.runs.remove(start) {
            self.space.give_back(start..run.end, &run.pages);
        }
    }
}
