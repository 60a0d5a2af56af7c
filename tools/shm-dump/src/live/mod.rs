//! What goes on in a segment at one moment, looked at by copying: no slot is taken, nothing is pinned.

mod changes;
mod frame_facts;
mod rates;

pub use changes::{change, disappearance};
pub use frame_facts::FrameFacts;
pub use rates::{Rates, told};

use crate::frames;
use crate::session::Session;
use anyhow::Result;
use core::time::Duration;
use shmframe_cli::{Exit, Failure, Place, Target};
use shmframe_format::header::Id;
use shmframe_reader::{Error, ErrorKind, SlotPins};
use shmframe_segment::SegmentState;
use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// How often a first look begins again when the writer is faster, and the time between two of them.
const FIRST_LOOKS: usize = 50;
const FIRST_REST: Duration = Duration::from_millis(20);

/// The last holder of the writer lease.
#[derive(Clone, Debug)]
pub struct WriterFacts {
    /// Whether a process holds the lease now; nobody can say if the registry cannot be read.
    pub alive: Option<bool>,
    pub pid: u64,
    pub label: String,
    /// When it gained the lease, by its clock.
    pub since: SystemTime,
}

/// A segment at one moment.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Which segment of this name it is.
    pub instance: Id,
    pub version: u64,
    /// By name.
    pub frames: Vec<FrameFacts>,
    /// When that was committed, by the writer's clock.
    pub committed: SystemTime,
    /// The claimed slots; none: the registry cannot be read.
    pub readers: Option<Vec<SlotPins>>,
    pub writer: WriterFacts,
    /// Bytes of `data` with pages.
    pub allocated: u64,
    pub quota: Option<u64>,
    /// Bytes of the file system in all, and free ones; 0 and 0 where it has no size.
    pub file_system: (u64, u64),
    /// How often a writer gained the lease.
    pub epoch: u64,
    /// How often waiting readers were woken; wraps.
    pub wakes: u32,
}

impl Facts {
    /// Looks at a segment.
    ///
    /// # Errors
    /// [`Exit::NotFound`] if it is in state *removed*; what opening and reading give.
    pub fn gather(session: &Session, place: &Place) -> Result<Self> {
        let inspector = session.inspect(place)?;
        let inspection = inspector.inspection();
        let publication = inspection.publication()?;
        if publication.state == SegmentState::Removed {
            return Err(gone(place).into());
        }
        let (entry, frames) =
            inspection.newest(|version| Ok((*version.entry(), FrameFacts::all(version)?)))?;
        let registry = session.registry(place).ok();
        let readers = registry.as_ref().and_then(|registry| registry.pins().ok());
        Ok(Self {
            instance: inspection.header().instance(),
            version: entry.version,
            committed: time(entry.committed),
            frames,
            readers,
            writer: WriterFacts {
                alive: registry.and_then(|registry| registry.has_writer().ok()),
                pid: publication.writer_pid,
                label: publication.writer_label,
                since: time(publication.writer_since),
            },
            allocated: inspection.allocated_bytes()?,
            quota: publication.quota,
            file_system: inspection.file_system_space()?,
            epoch: publication.epoch,
            wakes: publication.wake,
        })
    }

    /// Looks at the segment of a target; of the frames only at those that it means. A frame that is not there counts nothing.
    ///
    /// # Errors
    /// As [`Facts::gather`].
    pub fn of_target(session: &Session, target: &Target) -> Result<Self> {
        let mut facts = Self::gather(session, &target.place)?;
        let names = facts.frames.iter().map(|frame| frame.name.clone()).collect();
        let wanted = match frames::named(target, names) {
            Err(error) if Exit::of(&error) == Exit::NotFound => Vec::new(),
            wanted => wanted?,
        };
        let wanted: BTreeSet<String> = wanted.into_iter().collect();
        facts.frames.retain(|frame| wanted.contains(&frame.name));
        Ok(facts)
    }

    /// The same for a first look, which has nothing to show instead: again for a while if the writer is faster.
    ///
    /// # Errors
    /// Those of [`Facts::of_target`].
    pub fn first_of_target(session: &Session, target: &Target) -> Result<Self> {
        for _ in 0..FIRST_LOOKS {
            match Self::of_target(session, target) {
                Err(error) if is_overtaken(&error) => thread::sleep(FIRST_REST),
                look => return look,
            }
        }
        Self::of_target(session, target)
    }

    /// Rows of all frames.
    pub fn rows(&self) -> u64 {
        self.frames.iter().map(|frame| frame.rows).fold(0, u64::saturating_add)
    }

    /// The reader slots that are known.
    pub fn slots(&self) -> &[SlotPins] {
        self.readers.as_deref().unwrap_or_default()
    }

    /// Readers that live.
    pub fn living(&self) -> u64 {
        self.slots().iter().filter(|reader| reader.alive).count() as u64
    }

    /// How many versions the oldest one that a slot pins is behind the newest; none if it pins nothing.
    pub fn lag(&self, slot: &SlotPins) -> Option<u64> {
        slot.versions.first().map(|oldest| self.version.saturating_sub(*oldest))
    }

    /// The largest lag of a reader, in versions.
    pub fn largest_lag(&self) -> Option<u64> {
        self.slots().iter().filter_map(|slot| self.lag(slot)).max()
    }
}

/// Bytes that only one slot keeps in use, by slot; slots that hold nothing alone are left out. It walks all versions.
///
/// # Errors
/// What opening and reading give; [`Exit::NotMet`] where the newest version goes while it is walked, or cannot be walked.
pub fn held_alone(session: &Session, place: &Place, slots: &[SlotPins]) -> Result<BTreeMap<u32, u64>> {
    let held = session.inspect(place)?.inspection().coverage()?.held_alone(slots);
    Ok(held.ok_or_else(|| Failure::new(Exit::NotMet, "the newest version cannot be walked"))?)
}

/// A time in ns since 1970.
pub fn time(nanoseconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanoseconds)
}

/// Whether an error says that there is no such segment (any more).
pub fn is_gone(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<Error>().map(Error::kind);
    error.is::<Failure>() || matches!(kind, Some(ErrorKind::Missing | ErrorKind::Removed))
}

/// Whether an error says that the writer was faster than the look: the next one may be lucky.
pub fn is_overtaken(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Error>().is_some_and(|error| error.kind() == ErrorKind::VersionGone)
}

fn gone(place: &Place) -> Failure {
    Failure::new(Exit::NotFound, format!("segment {:?} was removed", place.name()))
}
