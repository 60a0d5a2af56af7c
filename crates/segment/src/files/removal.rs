//! How a segment is removed by somebody who is not its writer, and what may be removed without asking anybody.

use crate::files::creation::{self, clean_leftover};
use crate::files::listing::{Listed, ListedKind, kind_of, list};
use crate::files::location::{ATTEMPTS, Location, SegmentDirectory, Trust};
use crate::files::opening::OpeningKind;
use crate::files::slot_pins::{RegistryView, SlotPins};
use crate::writing::lease::{self, Lease, Wanted};
use shmframe_format::Result;
use std::os::fd::AsFd;
use std::path::Path;

/// What became of a removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The segment is gone.
    Removed,
    /// It stays: these slots are held by living readers.
    Read(Vec<SlotPins>),
    /// It stays: it is neither of another boot nor in state *removed*.
    InUse,
}

/// Removes a segment, whatever state it is in: also one that cannot be opened (another boot, another format).
///
/// # Errors
/// [`shmframe_format::ErrorKind::Missing`]; [`shmframe_format::ErrorKind::LeaseTaken`] while a writer lives; or what the
/// directory refuses.
pub fn remove_segment(location: &Location) -> Result<()> {
    let check = |directory: &SegmentDirectory, lease: &Lease| {
        check_turns(directory, lease)?;
        Ok(Removal::Removed)
    };
    remove_if(location, check).map(drop)
}

/// As [`remove_segment`], unless a living reader holds a slot. A reader that opens the segment just now may be missed: it
/// keeps what it holds, as readers of a removed segment do.
///
/// # Errors
/// Those of [`remove_segment`] and of [`RegistryView`]: where the registry cannot be read nobody knows who reads.
pub fn remove_segment_unless_read(location: &Location) -> Result<Removal> {
    remove_if(location, |directory, lease| {
        check_turns(directory, lease)?;
        let mut pins = RegistryView::open(location)?.pins()?;
        pins.retain(|slot| slot.alive);
        Ok(if pins.is_empty() { Removal::Removed } else { Removal::Read(pins) })
    })
}

/// Removes a segment that nobody can use any more: one of another boot, or one in state *removed* whose remover died. A
/// segment is none because it has no writer.
///
/// # Errors
/// Those of [`remove_segment`].
pub fn remove_orphan(location: &Location) -> Result<Removal> {
    remove_if(location, |directory, _| {
        let orphan = matches!(kind_of(directory), ListedKind::OtherBoot | ListedKind::Removed);
        Ok(if orphan { Removal::Removed } else { Removal::InUse })
    })
}

/// Fails if a writer lives that takes turns with others: between two commits it does not hold the lease.
fn check_turns(directory: &SegmentDirectory, lease: &Lease) -> Result<()> {
    if lease.has_turns()? { Err(lease::taken(directory, Wanted::Removal)) } else { Ok(()) }
}

/// Removes a segment if `check` says so, asked with the lease in hand.
fn remove_if(
    location: &Location,
    check: impl Fn(&SegmentDirectory, &Lease) -> Result<Removal>,
) -> Result<Removal> {
    for _ in 0..ATTEMPTS {
        let directory = location.open_directory()?;
        let opened = directory.or_again(Lease::open_alone(&directory));
        let Some(lease) = opened.map_err(|error| error.at(location.path().display()))? else { continue };
        if !lease.take(None)? {
            return Err(lease::taken(&directory, Wanted::Removal));
        }
        if !directory.is_current()? {
            continue;
        }
        let checked = check(&directory, &lease)?;
        if checked == Removal::Removed {
            creation::take_away(&directory, || creation::tell_readers(&directory))?;
        }
        return Ok(checked);
    }
    Err(OpeningKind::Busy.into())
}

/// The temporaries in a directory (in `SHMFRAME_DIR`, or in `/dev/shm`) that nobody works on, of segments of any name: what
/// [`clean`] would delete.
///
/// # Errors
/// Those of [`list`].
pub fn leftovers(directory: Option<&Path>) -> Result<Vec<Listed>> {
    let mut found = list(directory)?.entries;
    found.retain(|listed| listed.kind == ListedKind::Leftover);
    Ok(found)
}

/// Deletes the temporaries that nobody works on, each with its lease in hand, and returns those that are gone. Those of owners that
/// are not trusted stay.
///
/// # Errors
/// Those of [`list`]; [`shmframe_format::ErrorKind::UnsupportedFileSystem`].
pub fn clean(directory: Option<&Path>, trust: &Trust) -> Result<Vec<Listed>> {
    let mut gone = Vec::new();
    for leftover in leftovers(directory)? {
        let location = Location::new(directory, &leftover.segment, trust.clone())?;
        let parent = location.open_parent()?;
        if leftover.path.file_name().is_some_and(|name| clean_leftover(&location, parent.as_fd(), name)) {
            gone.push(leftover);
        }
    }
    Ok(gone)
}
