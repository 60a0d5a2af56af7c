//! Recovery: the heap and the root, from the records of all live versions, and from nothing else (I10).

use crate::covering::Uses;
use crate::events::{self, Recovery};
use crate::protocol::Entries;
use crate::sync::Ordering;
use crate::writing::mapped::Mapped;
use crate::writing::runs::Runs;
use crate::writing::space::Space;
use crate::writing::store::Store;
use core::ops::Range;
use shmframe_format::directory::Root;
use shmframe_format::record::check_entry;
use shmframe_format::table::RecordReference;
use shmframe_format::{Covered, Describe, ErrorKind, Report, Result, walk};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Instant;

/// More than can be counted to, one by one.
const COUNTER_LIMIT: u64 = 1 << 63;

#[derive(Debug)]
enum RecoveryKind {
    NoLatest { version: u64 },
    Floor { floor: u64, latest: u64 },
    Counter { name: &'static str, found: u64 },
    Overlap { offset: u64 },
}

impl Describe for RecoveryKind {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Corrupt
    }

    fn report(&self) -> Report {
        let remove = "remove the segment and create it again";
        match self {
            Self::NoLatest { version } => Report::new(
                "damaged commit ring",
                format!("an entry for version {version}, the newest"),
                "none",
                remove,
            ),
            Self::Floor { floor, latest } => Report::new(
                "damaged publication block",
                format!("a floor of at most {latest}, the newest version"),
                format!("{floor}"),
                remove,
            ),
            Self::Counter { name, found } => Report::new(
                "damaged publication block",
                format!("`{name}` below 2^63, which counting does not reach"),
                format!("{found}"),
                remove,
            ),
            Self::Overlap { offset } => Report::new(
                "damaged segment",
                "extents that do not overlap",
                format!("two of them at offset {offset}"),
                remove,
            ),
        }
    }
}

shmframe_format::every_kind!(RecoveryKind {
    NoLatest: RecoveryKind::NoLatest { version: 2 };
    Floor: RecoveryKind::Floor { floor: 3, latest: 2 };
    Counter: RecoveryKind::Counter { name: "epoch", found: u64::MAX };
    Overlap: RecoveryKind::Overlap { offset: 64 };
});

/// Free extents of the heap, adjacent ones merged: those that a writer works with, and those that a recovery would
/// find. They are equal, unless bytes leaked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// What the running writer holds to be free.
    pub working: Vec<Range<u64>>,
    /// What the records of the live versions leave free.
    pub recovered: Vec<Range<u64>>,
}

impl Store {
    /// Takes over what the records of the live versions say.
    pub(crate) fn recover(&mut self) -> Result<()> {
        let begun = Instant::now();
        let mapped = &self.mapped;
        // Before anything is erased: no entry of a version after a damaged one could be told.
        self.latest = counted("latest", mapped.publication().latest.load(Ordering::Relaxed))?;
        self.entries = Entries::recover(mapped.control(), mapped.retained());
        let floor = mapped.publication().floor.load(Ordering::Relaxed);
        if floor > self.latest {
            // A reclaim would erase the newest version.
            return Err(RecoveryKind::Floor { floor, latest: self.latest }.into());
        }
        let rebuilt = rebuild(mapped, &self.entries, self.latest)?;
        (self.space, self.runs) = (rebuilt.space, rebuilt.runs);
        (self.root, self.root_reference) = (Arc::new(rebuilt.root), rebuilt.reference);
        self.frames.clear();
        events::recovered(Recovery {
            segment: self.location(),
            version: self.latest,
            live: self.entries.live().len(),
            took: begun.elapsed(),
        });
        Ok(())
    }

    /// Compares the heap that this store works with to the one that a recovery would find.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`]; [`ErrorKind::WriterInChild`].
    pub fn audit(&mut self) -> Result<Audit> {
        self.resume()?;
        let rebuilt = rebuild(&self.mapped, &self.entries, self.latest);
        let working = self.space.free().into_iter().collect();
        self.pause();
        let space = rebuilt.map_err(|error| self.placed(error))?.space;
        Ok(Audit { working, recovered: space.free().into_iter().collect() })
    }
}

/// A word that only ever counts up by one, if it can have come so far: adding one to it cannot overflow.
pub(crate) fn counted(name: &'static str, found: u64) -> Result<u64> {
    if found < COUNTER_LIMIT { Ok(found) } else { Err(RecoveryKind::Counter { name, found }.into()) }
}

/// What a recovery finds.
struct Rebuilt {
    space: Space,
    runs: Runs,
    root: Root,
    reference: Option<RecordReference>,
}

/// The heap, the runs, the root and its reference, from the records of all live versions.
fn rebuild(mapped: &Mapped, entries: &Entries, latest: u64) -> Result<Rebuilt> {
    let geometry = *mapped.geometry();
    if latest != 0 && !entries.is_live(latest) {
        return Err(RecoveryKind::NoLatest { version: latest }.into());
    }
    let (mut root, mut reference) = (Root::empty(), None);
    // Each covered range, and the version that wrote it.
    let mut covered: BTreeMap<(u64, u64, u64), Uses> = BTreeMap::new();
    for entry in entries.live() {
        let version = entry.version;
        let found = check_entry(entry, version)?;
        let walked = walk(mapped, &geometry, &found, |range| {
            let Covered { offset, length, version: born, used } = range;
            match covered.entry((offset, length, born)) {
                Entry::Vacant(place) => drop(place.insert(Uses::new(version, used))),
                Entry::Occupied(mut found) => found.get_mut().add(version, used),
            }
        });
        root = walked.map_err(|error| error.at(format_args!("version {version}")))?;
        reference = Some(found);
    }
    let mut space = Space::new(geometry.heap_offset()..geometry.capacity());
    let mut runs = Runs::default();
    let mut end = 0;
    for ((offset, length, born), uses) in covered {
        if offset < end || !geometry.in_heap(offset, length) {
            return Err(RecoveryKind::Overlap { offset }.into());
        }
        end = offset + length;
        space.occupy(offset..end);
        let newest = uses.newest();
        if newest.last != latest {
            space.drop_covered(Covered { offset, length, version: born, used: uses.used() }, newest.last + 1);
        } else if newest.used != (offset..end) {
            runs.find(&(offset..end), &uses.used());
            uses.fronts().for_each(|(front, died)| space.drop_front(front, born, died));
        }
    }
    Ok(Rebuilt { space, runs, root, reference })
}
