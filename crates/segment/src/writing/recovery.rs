//! Recovery: the heap and the root, from the records of all live versions, and from nothing else (I10).

use crate::protocol::Entries;
use crate::sync::Ordering;
use crate::writing::mapped::Mapped;
use crate::writing::space::Space;
use crate::writing::store::Store;
use core::ops::Range;
use shmframe_format::directory::Root;
use shmframe_format::record::check_entry;
use shmframe_format::table::RecordReference;
use shmframe_format::{Covered, Describe, ErrorKind, Report, Result, walk};
use std::collections::BTreeMap;

/// No version, epoch or generation comes near this one by counting.
const NUMBER_LIMIT: u64 = 1 << 62;

#[derive(Debug)]
enum RecoveryKind {
    NoLatest { version: u64 },
    Floor { floor: u64, latest: u64 },
    Overlap { offset: u64 },
    UsedUp { what: &'static str, found: u64 },
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
            Self::Overlap { offset } => Report::new(
                "damaged segment",
                "extents that do not overlap",
                format!("two of them at offset {offset}"),
                remove,
            ),
            Self::UsedUp { what, found } => Report::new(
                format!("damaged {what}"),
                format!("a number far below {NUMBER_LIMIT}"),
                format!("{found}"),
                remove,
            ),
        }
    }
}

shmframe_format::every_kind!(RecoveryKind {
    NoLatest: RecoveryKind::NoLatest { version: 2 };
    Floor: RecoveryKind::Floor { floor: 3, latest: 2 };
    Overlap: RecoveryKind::Overlap { offset: 64 };
    UsedUp: RecoveryKind::UsedUp { what: "epoch", found: u64::MAX };
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
        let mapped = &self.mapped;
        self.entries = Entries::recover(mapped.control(), mapped.retained());
        self.latest = mapped.publication().latest.load(Ordering::Relaxed);
        let floor = mapped.publication().floor.load(Ordering::Relaxed);
        if floor > self.latest {
            // A reclaim would erase the newest version.
            return Err(RecoveryKind::Floor { floor, latest: self.latest }.into());
        }
        check_number("newest version", self.latest)?;
        let rebuilt = rebuild(mapped, &self.entries, self.latest)?;
        check_number("generation", rebuilt.1.next_generation)?;
        (self.space, self.root, self.root_reference) = rebuilt;
        self.frames.clear();
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
        let (space, _, _) = rebuilt?;
        Ok(Audit { working, recovered: space.free().into_iter().collect() })
    }
}

/// Refuses a number that could not be counted on from.
pub(crate) fn check_number(what: &'static str, found: u64) -> Result<()> {
    if found < NUMBER_LIMIT { Ok(()) } else { Err(RecoveryKind::UsedUp { what, found }.into()) }
}

/// The heap, the root and its reference, from the records of all live versions.
fn rebuild(
    mapped: &Mapped,
    entries: &Entries,
    latest: u64,
) -> Result<(Space, Root, Option<RecordReference>)> {
    let geometry = *mapped.geometry();
    let mut space = Space::new(geometry.heap_offset()..geometry.capacity());
    let mut newest = (Root::empty(), None);
    if latest != 0 && !entries.live().contains_key(&latest) {
        return Err(RecoveryKind::NoLatest { version: latest }.into());
    }
    // Each covered range, and the newest live version that covers it.
    let mut covered: BTreeMap<Covered, u64> = BTreeMap::new();
    for (version, entry) in entries.live() {
        let reference = check_entry(entry, *version)?;
        let walked = walk(mapped, &geometry, &reference, |range| {
            covered.insert(range, *version);
        });
        newest = (walked.map_err(|error| error.at(format_args!("version {version}")))?, Some(reference));
    }
    let mut end = 0;
    for (range, last) in covered {
        if range.offset < end || !geometry.in_heap(range.offset, range.length) {
            return Err(RecoveryKind::Overlap { offset: range.offset }.into());
        }
        end = range.offset + range.length;
        space.occupy(range.offset..end);
        if last != latest {
            space.drop_covered(range, last + 1);
        }
    }
    Ok((space, newest.0, newest.1))
}
