//! How a segment comes and goes: built under a temporary name and renamed in one step; renamed away, then deleted.
//!
//! Whoever is killed on the way leaves a temporary, known by its name; who next creates a segment of this name finishes it, and a
//! segment in state *removed* that still has its name. The lease is taken first and deleted last, so nobody works on a
//! directory that somebody else is taking apart.

use crate::events;
use crate::files::access::{self, Access};
use crate::files::location::{
    DATA, Identity, LEASE, Location, READERS, SegmentDirectory, boot_id, is_temporary, refused,
    temporary_name,
};
use crate::protocol;
use crate::sys::descriptor;
use crate::sys::futex::Futex;
use crate::sys::map::Region;
use crate::words::Control;
use crate::writing::lease::Lease;
use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag};
use shmframe_format::geometry::{Geometry, RING_LENGTH};
use shmframe_format::header::{Header, Role};
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

#[derive(Debug)]
enum RemovalKind {
    Stranger { name: String },
}

impl Describe for RemovalKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Stranger { .. } => ErrorKind::LinkInTheWay,
        }
    }

    fn report(&self) -> Report {
        let Self::Stranger { name } = self;
        Report::new(
            "the segment's directory cannot be removed whole",
            "the files data, readers and lease",
            format!("{name:?}"),
            "move it away, and remove the segment then; nothing was changed",
        )
    }
}

shmframe_format::every_kind!(RemovalKind {
    Stranger: RemovalKind::Stranger { name: "notes".into() };
});

const DIRECTORY_MODE: Mode = Mode::S_IRWXU;
/// The files of a segment, in the order in which they are deleted.
const FILES: [&str; 3] = [DATA, READERS, LEASE];
const FILE_MODE: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);

/// The temporary directory of a segment under construction; dropped unfinished, it is deleted.
#[derive(Debug)]
pub(crate) struct Temporary {
    location: Location,
    name: OsString,
    random: [u8; 16],
    finished: bool,
}

impl Temporary {
    /// Makes an empty one.
    pub(crate) fn make(location: &Location) -> Result<Self> {
        let random = random()?;
        let name = temporary_name(location.name(), random);
        let parent = location.open_parent()?;
        descriptor::make_directory(parent.as_fd(), &name, DIRECTORY_MODE).map_err(failed)?;
        Ok(Self { location: location.clone(), name, random, finished: false })
    }

    /// Builds the files of a segment in it, the lease first and held; nothing where a cleaner took it for a leftover.
    pub(crate) fn build(
        &self,
        geometry: Geometry,
        access: &Access,
    ) -> Result<Option<(SegmentDirectory, Lease)>> {
        let parent = self.location.open_parent()?;
        let fd = match descriptor::open_directory(parent.as_fd(), &self.name) {
            Err(Errno::ENOENT) => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        descriptor::set_mode(fd.as_fd(), DIRECTORY_MODE).map_err(failed)?;
        let identity = Identity::of(&descriptor::status(fd.as_fd()).map_err(failed)?);
        let directory = SegmentDirectory { fd, identity, location: self.location.clone() };
        let created =
            Lease::create(&directory, || descriptor::create_file(directory.fd.as_fd(), LEASE, FILE_MODE));
        let lease = match created {
            Err(Errno::ENOENT) => return Ok(None),
            lease => lease.map_err(failed)?,
        };
        // A cleaner may hold it, or may have deleted it between its creation and its lock.
        let still_there = || descriptor::status_at(directory.fd.as_fd(), OsStr::new(LEASE)).is_ok();
        if !lease.take(None)? || !still_there() {
            return Ok(None);
        }
        let header = Header::new(geometry, self.random, boot_id()?, crate::sys::clock::now());
        let data =
            write_file(&directory, DATA, geometry.capacity(), geometry.heap_offset(), &header.to_page())?;
        let size = geometry.registry_size();
        let readers = write_file(&directory, READERS, size, size, &header.to_registry_page())?;
        // Nobody else gets at them before the directory has its own mode, at the end.
        access::give(data.as_fd(), DATA, access.data)?;
        access::give(readers.as_fd(), READERS, access.readers)?;
        access::give(lease.file(), LEASE, access.lease)?;
        lease.add_registry(&directory)?;
        Ok(Some((directory, lease)))
    }

    /// Gives the finished segment its name: the one step by which it comes to be.
    pub(crate) fn finish(mut self, access: &Access) -> Result<()> {
        let parent = self.location.open_parent()?;
        let directory = descriptor::open_directory(parent.as_fd(), &self.name).map_err(failed)?;
        access::give(directory.as_fd(), "directory", access.directory)?;
        let renamed = descriptor::rename(parent.as_fd(), &self.name, &self.location.directory_name());
        renamed.map_err(|errno| match errno {
            Errno::EEXIST | Errno::ENOTEMPTY => self.location.exists(),
            _ => refused("name the segment", errno),
        })?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        // What cannot be deleted now is a leftover like any other.
        if let Ok(parent) = self.location.open_parent()
            && let Ok(directory) = descriptor::open_directory(parent.as_fd(), &self.name)
        {
            let _ = delete(parent.as_fd(), directory.as_fd(), &self.name);
        }
    }
}

/// Makes a file of `length` virtual bytes, with pages for the first `allocated`, that begins with `page`.
fn write_file(
    directory: &SegmentDirectory,
    name: &str,
    length: u64,
    allocated: u64,
    page: &[u8],
) -> Result<OwnedFd> {
    let file = descriptor::create_file(directory.fd.as_fd(), name, FILE_MODE).map_err(failed)?;
    descriptor::set_length(file.as_fd(), length).map_err(failed)?;
    descriptor::allocate(file.as_fd(), 0, allocated).map_err(failed)?;
    descriptor::write_at(file.as_fd(), page, 0).map_err(failed)?;
    Ok(file)
}

fn random() -> Result<[u8; 16]> {
    descriptor::random().map_err(|cause| {
        refused("read random bytes", Errno::from_raw(cause.raw_os_error().unwrap_or(libc::EIO)))
    })
}

fn failed(errno: Errno) -> Error {
    refused("build the segment", errno)
}

/// Takes a segment away: renames it, has everybody told by `tell`, then deletes its files, the lease last. The caller holds the
/// lease.
///
/// Whoever is not allowed to rename it has changed nothing then. Who dies before everybody is told leaves that to who clears the
/// temporary away.
pub(crate) fn take_away(directory: &SegmentDirectory, tell: impl FnOnce()) -> Result<()> {
    let location = &directory.location;
    check_contents(directory)?;
    let parent = location.open_parent()?;
    let temporary = temporary_name(location.name(), random()?);
    descriptor::rename(parent.as_fd(), &location.directory_name(), &temporary)
        .map_err(|errno| refused("rename the segment away", errno))?;
    tell();
    events::removed(location);
    delete(parent.as_fd(), directory.fd.as_fd(), &temporary)
        .map_err(|errno| refused("delete the segment's files", errno))
}

/// Fails if something stands in a segment's directory that would stay when its files are deleted. Who may not list it is told by
/// the deletion.
fn check_contents(directory: &SegmentDirectory) -> Result<()> {
    let names = descriptor::list(directory.fd.as_fd()).unwrap_or_default();
    let is_ours = |name: &OsStr| {
        let status = descriptor::status_at(directory.fd.as_fd(), name);
        FILES.iter().any(|ours| *ours == name)
            && !status.is_ok_and(|status| descriptor::is_of_kind(&status, SFlag::S_IFDIR))
    };
    match names.into_iter().find(|name| !is_ours(name)) {
        None => Ok(()),
        Some(stranger) => {
            let name = stranger.to_string_lossy().into_owned();
            let error: Error = RemovalKind::Stranger { name }.into();
            Err(error.at(directory.location.path().display()))
        }
    }
}

/// Marks a segment as removed, and wakes everybody, where the files can be made sense of. The caller holds the lease.
pub(crate) fn tell_readers(directory: &SegmentDirectory) {
    let tell = || -> Result<()> {
        let (data, header) = directory.open_data(Role::Writer)?;
        let geometry = header.geometry();
        let map = Region::read_write(data.as_fd(), geometry.retained_offset())?;
        let ring = map.shared_slice(geometry.ring_offset(), RING_LENGTH as usize);
        let control = Control { publication: map.shared(geometry.publication_offset()), ring };
        protocol::mark_removed(control, &Futex);
        Ok(())
    };
    // The segment goes in any case.
    let _ = tell();
}

/// Deletes a directory with the files of a segment in it, and nothing else.
fn delete(parent: BorrowedFd<'_>, directory: BorrowedFd<'_>, name: &OsStr) -> nix::Result<()> {
    for file in FILES {
        match descriptor::remove_file(directory, OsStr::new(file)) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    match descriptor::remove_directory(parent, name) {
        Err(Errno::ENOENT) => Ok(()),
        result => result,
    }
}

/// Deletes the temporaries of this segment's name that nobody works on.
pub(crate) fn clean_leftovers(location: &Location) -> Result<()> {
    let parent = location.open_parent()?;
    let names = descriptor::list(parent.as_fd())
        .map_err(|errno| refused("list the directory for segments", errno))?;
    for name in names.iter().filter(|name| is_temporary(name, location.name())) {
        clean_leftover(location, parent.as_fd(), name);
    }
    Ok(())
}

/// Deletes one temporary, if its lease can be had; whatever stands in the way is somebody's, and stays. Says whether it is
/// gone.
pub(crate) fn clean_leftover(location: &Location, parent: BorrowedFd<'_>, name: &OsStr) -> bool {
    let Ok(fd) = descriptor::open_directory(parent, name) else { return false };
    let Ok(status) = descriptor::status(fd.as_fd()) else { return false };
    let directory = SegmentDirectory { fd, identity: Identity::of(&status), location: location.clone() };
    match Lease::open_alone(&directory) {
        Ok(lease) => {
            // Its creator may have finished and let go since it was listed: then these are the files of a segment.
            let still_there = || {
                let status = descriptor::status_at(parent, name);
                status.is_ok_and(|status| Identity::of(&status) == directory.identity)
            };
            if !matches!(lease.take(None), Ok(true)) || !still_there() {
                return false;
            }
            // Its remover may have died before it told anybody.
            tell_readers(&directory);
            delete(parent, directory.fd.as_fd(), name).is_ok()
        }
        // No lease yet, or no longer: the directory goes only if it is empty.
        Err(_) => descriptor::remove_directory(parent, name).is_ok(),
    }
}
