//! What stands in a directory that holds segments, whoever owns it and in whatever state.

use crate::files::file_systems::{self, Suitability};
use crate::files::location::{
    Identity, LEASE, Location, SegmentDirectory, Trust, boot_id, open_parent_to_look, parent_of_segments,
    refused, segment_of, temporary_of,
};
use crate::files::slot_pins::RegistryView;
use crate::sys::{descriptor, lock};
use crate::words::STATE_REMOVED;
use crate::writing::lease::LEASE_BYTE;
use core::mem::offset_of;
use nix::errno::Errno;
use shmframe_format::Result;
use shmframe_format::table::Publication;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

/// What stands at a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedKind {
    /// A segment of this boot, with a writer or without.
    Segment,
    /// A segment of another boot: it can be looked at by copying, and removed.
    OtherBoot,
    /// A segment in state *removed*, which its remover did not take away.
    Removed,
    /// The directory of a segment whose `data` cannot be read, or is none of this format version.
    Unreadable,
    /// A temporary that somebody works on: a segment that is being built or taken away.
    WorkedOn,
    /// A temporary that nobody works on.
    Leftover,
    /// A temporary of which nobody may say whether somebody works on it.
    Unclear,
}

/// Whether a process lives, by the kernel's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It does.
    Lives,
    /// There is none. Where writers take turns there is one only during commits.
    None,
    /// `readers` cannot be opened.
    Unknown,
}

/// What stands in the directory that holds segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The segment's name; of a temporary, the name of the segment that it was to become or was.
    pub segment: String,
    /// Where it stands.
    pub path: PathBuf,
    /// What it is.
    pub kind: ListedKind,
    /// User id of its owner.
    pub owner: u32,
    /// Whether a writer holds the lease.
    pub writer: Presence,
    /// Reader slots that are claimed by the living, and by the dead; none: the registry cannot be read.
    pub readers: Option<(usize, usize)>,
}

/// A directory that holds segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The directory.
    pub directory: PathBuf,
    /// What its file system is called.
    pub file_system: String,
    /// Whether segments are checked on this file system.
    pub is_checked: bool,
    /// Bytes of the file system in all, and free ones; 0 and 0 where it has no size.
    pub space: (u64, u64),
    /// Segments and temporaries, by name.
    pub entries: Vec<Listed>,
}

impl Listed {
    /// Whether nobody can use it any more: a temporary that nobody works on, a segment in state *removed* or of another
    /// boot. A segment without a writer is none.
    #[must_use]
    pub fn is_garbage(&self) -> bool {
        matches!(self.kind, ListedKind::Leftover | ListedKind::Removed | ListedKind::OtherBoot)
    }
}

/// What stands in `directory`, or in `SHMFRAME_DIR`, or in `/dev/shm`. Needs the right to read it; whatever else is not
/// allowed makes the answer poorer. Other files are passed over.
///
/// # Errors
/// [`shmframe_format::ErrorKind::Missing`], [`shmframe_format::ErrorKind::PermissionDenied`],
/// [`shmframe_format::ErrorKind::System`].
pub fn list(directory: Option<&Path>) -> Result<Listing> {
    let directory = parent_of_segments(directory);
    let opened = open_parent_to_look(&directory)?;
    let parent = opened.as_fd();
    let failed = |errno| refused("list the directory for segments", errno).at(directory.display());
    let magic = descriptor::file_system(parent).map_err(failed)?;
    let mut names = descriptor::list(parent).map_err(failed)?;
    names.sort_unstable();
    let entries = names.iter().filter_map(|name| listed(&directory, parent, name)).collect();
    Ok(Listing {
        file_system: file_systems::name(magic),
        is_checked: file_systems::suitability(magic) == Suitability::Checked,
        space: descriptor::space(parent).unwrap_or_default(),
        entries,
        directory,
    })
}

/// What stands at a name, if it is a segment's or a temporary's; nothing if it went meanwhile.
fn listed(directory: &Path, parent: BorrowedFd<'_>, name: &OsStr) -> Option<Listed> {
    let (temporary, segment) = (temporary_of(name), segment_of(name));
    let segment = temporary.or(segment)?.to_owned();
    let status = descriptor::status_at(parent, name).ok()?;
    let mut found = Listed {
        path: directory.join(name),
        kind: if temporary.is_some() { ListedKind::Unclear } else { ListedKind::Unreadable },
        owner: status.st_uid,
        writer: Presence::Unknown,
        readers: None,
        segment,
    };
    let location = Location::new(Some(directory), &found.segment, Trust::default()).ok()?;
    let Ok(fd) = descriptor::open_directory(parent, name) else { return Some(found) };
    let opened = SegmentDirectory { fd, identity: Identity::of(&status), location };
    if temporary.is_some() {
        found.kind = temporary_kind(&opened);
        return Some(found);
    }
    found.kind = kind_of(&opened);
    if let Ok(view) = RegistryView::within(opened) {
        found.writer = match view.has_writer() {
            Ok(true) => Presence::Lives,
            Ok(false) => Presence::None,
            Err(_) => Presence::Unknown,
        };
        found.readers = view.pins().ok().map(|pins| {
            let living = pins.iter().filter(|slot| slot.alive).count();
            (living, pins.len() - living)
        });
    }
    Some(found)
}

/// What the directory of a segment holds.
pub(crate) fn kind_of(directory: &SegmentDirectory) -> ListedKind {
    let Ok((data, header)) = directory.open_foreign_data() else { return ListedKind::Unreadable };
    if boot_id().is_ok_and(|boot| boot != header.boot()) {
        return ListedKind::OtherBoot;
    }
    let at = header.geometry().publication_offset() + offset_of!(Publication, state) as u64;
    match descriptor::read_at(data.as_fd(), size_of::<u32>(), at) {
        Ok(state) if state == STATE_REMOVED.to_le_bytes() => ListedKind::Removed,
        Ok(state) if state.len() == size_of::<u32>() => ListedKind::Segment,
        _ => ListedKind::Unreadable,
    }
}

/// Whether somebody works on a temporary: its lease says so. An empty one has none yet, or none any more; whoever begins in it
/// finds out that it was deleted, and begins again.
fn temporary_kind(directory: &SegmentDirectory) -> ListedKind {
    let lease = match directory.open_unchecked_file(LEASE, false) {
        Err(Errno::ENOENT) if descriptor::list(directory.fd.as_fd()).is_ok_and(|names| names.is_empty()) => {
            return ListedKind::Leftover;
        }
        Err(_) => return ListedKind::Unclear,
        Ok(lease) => lease,
    };
    match lock::is_locked(lease.as_fd(), LEASE_BYTE) {
        Ok(true) => ListedKind::WorkedOn,
        Ok(false) => ListedKind::Leftover,
        Err(_) => ListedKind::Unclear,
    }
}
