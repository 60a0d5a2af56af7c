//! What the live versions of a segment cover, from their records: which bytes, of which frame, and whose pins keep them.

use super::inspection::{Inspection, LOOKS, LiveVersion};
use crate::covering::{Keeper, Pinned, Use, Uses, wanted_floor};
use crate::files::slot_pins::SlotPins;
use core::ops::{Range, RangeBounds};
use shmframe_format::{Content, Covered, Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// What stands in a covered range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The root record of a version.
    Root,
    /// A record of the directory of frames.
    Directory,
    /// The schema record of a frame, or of several frames.
    Schema,
    /// The layout record of a frame.
    Layout,
    /// The state record of a frame.
    State,
    /// The extent of a frame with this index, by offset.
    Extent(usize),
}

/// A range of bytes that live versions cover: a record or an extent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoveredRange {
    /// Bytes from the start of `data`.
    pub offset: u64,
    /// Bytes, a multiple of 64.
    pub length: u64,
    /// The version that wrote it, or that first wrote in it.
    pub written: u64,
    /// What stands there.
    pub what: What,
    /// The frame whose it is; of a schema record that several frames share, one of them. None for root and directory.
    pub frame: Option<Arc<str>>,
    uses: Uses,
}

impl CoveredRange {
    /// Where it ends, bytes from the start of `data`.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset + self.length
    }

    /// What the versions that cover it use of it, oldest first.
    pub fn uses(&self) -> impl Iterator<Item = &Use> {
        self.uses.all()
    }

    /// What any version uses of it, bytes from the start of `data`.
    #[must_use]
    pub fn used(&self) -> Range<u64> {
        self.uses.used()
    }

    /// The oldest and the newest live version that cover it. All live versions between them do.
    #[must_use]
    pub fn live(&self) -> (u64, u64) {
        (self.uses.all().next().map_or(0, |oldest| oldest.first), self.uses.newest().last)
    }

    /// Whether it is a run: reserved beyond what is used of it, or with rows dropped from its front.
    #[must_use]
    pub fn is_run(&self) -> bool {
        self.uses.all().any(|part| part.used != (self.offset..self.end()))
    }
}

/// What is wrong with what live versions cover. Where there is such a thing, the numbers of a [`Coverage`] are those of
/// the rest.
#[derive(Clone, Debug)]
pub enum Finding {
    /// The newest version has no whole entry.
    NoEntry {
        /// Its number.
        version: u64,
    },
    /// A version cannot be walked to the end: nothing of it is counted.
    Version {
        /// Its number.
        version: u64,
        /// Why.
        error: Arc<Error>,
    },
    /// Two ranges overlap. Both are counted.
    Overlap {
        /// The one that begins first.
        first: Box<CoveredRange>,
        /// The other one.
        second: Box<CoveredRange>,
    },
    /// A version covers one range twice.
    Twice {
        /// The version.
        version: u64,
        /// Where the range begins, bytes from the start of `data`.
        offset: u64,
    },
}

/// What the live versions of a segment cover.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// The versions that were walked, oldest first.
    pub versions: Vec<LiveVersion>,
    /// What they cover, by offset.
    pub ranges: Vec<CoveredRange>,
    /// What is wrong with it.
    pub problems: Vec<Finding>,
    /// The newest version when the look began.
    pub latest: u64,
    /// History keeps the versions from this one on: the floor to which a reclaim raises what stands there, if it is higher.
    pub floor: u64,
}

impl Inspection {
    /// Walks all versions that have an entry, those that only pins keep included. Every record on the way is read, and its
    /// checksum compared.
    ///
    /// A version that goes meanwhile is left out; one that cannot be walked is a finding, and so are ranges that overlap.
    /// Each version may copy as much as one look may.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] where not even the entries can be read.
    pub fn coverage(self: &Arc<Self>) -> Result<Coverage> {
        let mut looks = 0;
        let (publication, listed, newest) = loop {
            let (publication, mut listed) = (self.publication()?, self.versions()?);
            // The newest one goes first: what it needs decides about all others.
            let newest = listed.pop().map(|live| (live, self.walk(&live)));
            looks += 1;
            let is_gone = matches!(&newest, Some((_, Err(error))) if error.kind() == ErrorKind::VersionGone);
            if !is_gone || looks == LOOKS {
                break (publication, listed, newest);
            }
        };
        let latest =
            newest.as_ref().map_or(publication.latest, |(live, _)| live.version.max(publication.latest));
        let mut gathered = Gathered::default();
        let (mut versions, mut problems) = (Vec::new(), Vec::new());
        for (live, walked) in listed.into_iter().map(|live| (live, self.walk(&live))).chain(newest) {
            match walked {
                Ok(found) => {
                    gathered.add(live.version, found, &mut problems);
                    versions.push(live);
                }
                Err(error) if error.kind() == ErrorKind::VersionGone => {}
                Err(error) => {
                    problems.push(Finding::Version { version: live.version, error: Arc::new(error) });
                }
            }
        }
        if latest > 0 && !self.is_known(latest, &versions, &problems)? {
            problems.push(Finding::NoEntry { version: latest });
        }
        let ranges = gathered.into_ranges(&mut problems);
        let floor = publication.floor.max(wanted_floor(publication.latest, publication.history));
        Ok(Coverage { versions, ranges, problems, latest, floor })
    }

    /// What a version covers.
    fn walk(self: &Arc<Self>, live: &LiveVersion) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        self.at_live(live, |version| {
            found.clear();
            version.walk(|covered, content| found.push((covered, What::from(content), name(content))))
        })?;
        Ok(found)
    }

    /// Whether something was said of the newest version, or it is the newest no longer.
    fn is_known(&self, latest: u64, walked: &[LiveVersion], problems: &[Finding]) -> Result<bool> {
        let failed =
            |finding: &Finding| matches!(finding, Finding::Version { version, .. } if *version == latest);
        let said = walked.last().is_some_and(|live| live.version == latest) || problems.iter().any(failed);
        Ok(said || self.latest()? != latest)
    }
}

impl From<Content<'_>> for What {
    fn from(content: Content<'_>) -> Self {
        match content {
            Content::Root => Self::Root,
            Content::Directory => Self::Directory,
            Content::Schema(_) => Self::Schema,
            Content::Layout(_) => Self::Layout,
            Content::State(_) => Self::State,
            Content::Extent(_, index) => Self::Extent(index),
        }
    }
}

fn name(content: Content<'_>) -> Option<Arc<str>> {
    match content {
        Content::Root | Content::Directory => None,
        Content::Schema(name) | Content::Layout(name) | Content::State(name) | Content::Extent(name, _) => {
            Some(name.into())
        }
    }
}

/// A range that a version covers, what stands there, and whose it is.
type Found = (Covered, What, Option<Arc<str>>);

/// Ranges by offset, length and the version that wrote them: what makes them one.
#[derive(Default)]
struct Gathered(BTreeMap<(u64, u64, u64), CoveredRange>);

impl Gathered {
    fn add(&mut self, version: u64, found: Vec<Found>, problems: &mut Vec<Finding>) {
        for (Covered { offset, length, version: written, used }, what, frame) in found {
            match self.0.entry((offset, length, written)) {
                Entry::Vacant(place) => {
                    let uses = Uses::new(version, used);
                    place.insert(CoveredRange { offset, length, written, what, frame, uses });
                }
                Entry::Occupied(range) if range.get().uses.newest().last == version => {
                    problems.push(Finding::Twice { version, offset });
                }
                Entry::Occupied(mut range) => range.get_mut().uses.add(version, used),
            }
        }
    }

    fn into_ranges(self, problems: &mut Vec<Finding>) -> Vec<CoveredRange> {
        let ranges: Vec<CoveredRange> = self.0.into_values().collect();
        // The one that reaches farthest so far.
        let mut longest: Option<&CoveredRange> = None;
        for range in &ranges {
            match longest {
                Some(before) if range.offset < before.end() => {
                    let (first, second) = (Box::new(before.clone()), Box::new(range.clone()));
                    problems.push(Finding::Overlap { first, second });
                    longest = Some(if range.end() > before.end() { range } else { before });
                }
                _ => longest = Some(range),
            }
        }
        ranges
    }
}

impl Coverage {
    /// Bytes that these versions use, each once: `..` for all, `v..=v` for one.
    #[must_use]
    pub fn bytes(&self, versions: impl RangeBounds<u64>) -> u64 {
        let bytes = |range| self.used_by(range, &versions).map_or(0, |used| used.end - used.start);
        self.ranges.iter().map(bytes).fold(0, u64::saturating_add)
    }

    /// The same for each frame; under no name what belongs to no frame.
    #[must_use]
    pub fn bytes_by_frame(&self, versions: impl RangeBounds<u64>) -> BTreeMap<Option<Arc<str>>, u64> {
        let mut bytes = BTreeMap::new();
        for range in &self.ranges {
            if let Some(used) = self.used_by(range, &versions) {
                let sum = bytes.entry(range.frame.clone()).or_insert(0u64);
                *sum = sum.saturating_add(used.end - used.start);
            }
        }
        bytes
    }

    /// What these versions use of a range; nothing if none of them covers it.
    fn used_by(&self, range: &CoveredRange, versions: &impl RangeBounds<u64>) -> Option<Range<u64>> {
        let meets = |part: &&Use| {
            let first = self.versions.partition_point(|live| live.version < part.first);
            let mut between = self.versions[first..].iter().take_while(|live| live.version <= part.last);
            between.any(|live| versions.contains(&live.version))
        };
        let used = range.uses.all().filter(meets).map(|part| part.used.clone());
        used.reduce(|all, part| all.start.min(part.start)..all.end.max(part.end))
    }

    /// For each slot the bytes that its pins alone keep in use: those that neither the newest version nor history nor
    /// another slot's pins need, fronts of runs from which rows were dropped included. They are free after the next
    /// reclaim that finds the slot gone. Slots that keep nothing are left out.
    ///
    /// None where the newest version could not be walked: what it needs is not known then.
    #[must_use]
    pub fn held_alone(&self, pins: &[SlotPins]) -> Option<BTreeMap<u32, u64>> {
        if self.versions.last().is_none_or(|live| live.version != self.latest) {
            return None;
        }
        let mut alone = BTreeMap::new();
        let mut pinned = Pinned::default();
        for slot in pins {
            let live = slot.versions.iter().copied().filter(|version| self.is_live(*version));
            pinned.add(slot.slot, &live.collect::<Vec<_>>());
        }
        for (bytes, life) in self.given_up() {
            if !self.any_live(life.start.max(self.floor)..life.end)
                && let Keeper::One(slot) = pinned.keeper(life)
            {
                let sum = alone.entry(slot).or_insert(0u64);
                *sum = sum.saturating_add(bytes);
            }
        }
        Some(alone)
    }

    /// Bytes that the newest version does not use, and the versions that do: from the one that wrote there to the first one
    /// without them.
    fn given_up(&self) -> impl Iterator<Item = (u64, Range<u64>)> {
        self.ranges.iter().flat_map(|range| {
            let (used, newest) = (range.used(), range.uses.newest().last);
            let stays = newest == self.latest;
            let whole = (!stays).then(|| (used.end - used.start, range.written..newest.saturating_add(1)));
            let front =
                move |(front, died): (Range<u64>, u64)| (front.end - front.start, range.written..died);
            let fronts = stays.then(|| range.uses.fronts().map(front));
            whole.into_iter().chain(fronts.into_iter().flatten())
        })
    }

    /// Whether a version was walked.
    fn is_live(&self, version: u64) -> bool {
        self.versions.binary_search_by_key(&version, |live| live.version).is_ok()
    }

    /// Whether a version that was walked lies in `versions`.
    fn any_live(&self, versions: Range<u64>) -> bool {
        let at = self.versions.partition_point(|live| live.version < versions.start);
        self.versions.get(at).is_some_and(|live| live.version < versions.end)
    }
}
