//! How a segment comes and goes: built under a temporary name and renamed in one step; renamed away, then deleted.
//!
//! Whoever is killed on the way leaves a temporary, known by its name, or a segment in state *removed*; who next
//! creates a segment of this name finishes both. The lease is taken first and deleted last, so nobody works on a
//! directory that somebody else is taking apart.

use crate::lease::Lease;
use crate::location::{
    DATA, Identity, LEASE, Location, READERS, SegmentDirectory, boot_id, is_temporary, refused,
    temporary_name,
};
use crate::sys::{descriptor, limits};
use nix::errno::Errno;
use nix::sys::stat::Mode;
use shmframe_format::geometry::Geometry;
use shmframe_format::header::Header;
use shmframe_format::{Error, Result};
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd};

const DIRECTORY_MODE: Mode = Mode::S_IRWXU;
const FILE_MODE: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);

/// A segment under construction: nobody can open it yet, and its lease is held.
#[derive(Debug)]
pub(crate) struct Construction {
    pub(crate) directory: SegmentDirectory,
    pub(crate) lease: Lease,
    temporary: OsString,
}

impl Construction {
    /// Builds the files of a segment under a temporary name; nothing where a cleaner took it for a leftover.
    pub(crate) fn begin(location: &Location, geometry: Geometry) -> Result<Option<Self>> {
        limits::check_file_size(geometry.capacity())?;
        let parent = location.open_parent()?;
        let random = descriptor::random().map_err(|cause| {
            refused("read random bytes", Errno::from_raw(cause.raw_os_error().unwrap_or(libc::EIO)))
        })?;
        let temporary = temporary_name(location.name(), random);
        descriptor::make_directory(parent.as_fd(), &temporary, DIRECTORY_MODE)
            .map_err(|errno| refused("create the segment's directory", errno))?;
        let built = Self::build(location, geometry, parent.as_fd(), &temporary, random);
        match built {
            Ok(construction) => Ok(construction),
            Err(error) => {
                // What cannot be deleted now is a leftover like any other.
                if let Ok(fd) = descriptor::open_directory(parent.as_fd(), &temporary) {
                    let _ = delete(parent.as_fd(), fd.as_fd(), &temporary);
                }
                Err(error.at(location.path().display()))
            }
        }
    }

    fn build(
        location: &Location,
        geometry: Geometry,
        parent: BorrowedFd<'_>,
        temporary: &OsStr,
        random: [u8; 16],
    ) -> Result<Option<Self>> {
        let fd = match descriptor::open_directory(parent, temporary) {
            Err(Errno::ENOENT) => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        descriptor::set_mode(fd.as_fd(), DIRECTORY_MODE).map_err(failed)?;
        let identity = Identity::of(&descriptor::status(fd.as_fd()).map_err(failed)?);
        let directory = SegmentDirectory { fd, identity, location: location.clone() };
        let created = Lease::create(|| descriptor::create_file(directory.fd.as_fd(), LEASE, FILE_MODE));
        let lease = match created {
            Err(Errno::ENOENT) => return Ok(None),
            lease => lease.map_err(failed)?,
        };
        // A cleaner may hold it, or may have deleted it between its creation and its lock.
        let ours =
            lease.take(None)? && descriptor::status_at(directory.fd.as_fd(), OsStr::new(LEASE)).is_ok();
        if !ours {
            return Ok(None);
        }
        let header = Header::new(geometry, random, boot_id()?, crate::clock::now());
        let data = descriptor::create_file(directory.fd.as_fd(), DATA, FILE_MODE).map_err(failed)?;
        descriptor::set_length(data.as_fd(), geometry.capacity()).map_err(failed)?;
        descriptor::allocate(data.as_fd(), 0, geometry.heap_offset()).map_err(failed)?;
        descriptor::write_at(data.as_fd(), &header.to_page(), 0).map_err(failed)?;
        let readers = descriptor::create_file(directory.fd.as_fd(), READERS, FILE_MODE).map_err(failed)?;
        descriptor::set_length(readers.as_fd(), geometry.registry_size()).map_err(failed)?;
        descriptor::allocate(readers.as_fd(), 0, geometry.registry_size()).map_err(failed)?;
        descriptor::write_at(readers.as_fd(), &header.to_registry_page(), 0).map_err(failed)?;
        lease.add_registry(&directory)?;
        Ok(Some(Self { directory, lease, temporary: temporary.to_owned() }))
    }

    /// Gives the finished segment its name: the one step by which it comes to be.
    pub(crate) fn finish(directory: &SegmentDirectory, temporary: &OsStr) -> Result<()> {
        let location = &directory.location;
        let parent = location.open_parent()?;
        let renamed = descriptor::rename(parent.as_fd(), temporary, &location.directory_name());
        renamed.map_err(|errno| match errno {
            Errno::EEXIST | Errno::ENOTEMPTY => location.exists(),
            _ => refused("name the segment", errno),
        })
    }

    /// Takes it apart again.
    pub(crate) fn abandon(directory: &SegmentDirectory, temporary: &OsStr) {
        if let Ok(parent) = directory.location.open_parent() {
            // What cannot be deleted now is a leftover like any other.
            let _ = delete(parent.as_fd(), directory.fd.as_fd(), temporary);
        }
    }

    /// The parts: the directory, the lease that is held, and the temporary name.
    pub(crate) fn into_parts(self) -> (SegmentDirectory, Lease, OsString) {
        (self.directory, self.lease, self.temporary)
    }
}

fn failed(errno: Errno) -> Error {
    refused("build the segment", errno)
}

/// Takes a segment away: renames it, then deletes its files, the lease last. The caller holds the lease.
pub(crate) fn take_away(directory: &SegmentDirectory) -> Result<()> {
    let location = &directory.location;
    let parent = location.open_parent()?;
    let random = descriptor::random().map_err(|cause| {
        refused("read random bytes", Errno::from_raw(cause.raw_os_error().unwrap_or(libc::EIO)))
    })?;
    let temporary = temporary_name(location.name(), random);
    descriptor::rename(parent.as_fd(), &location.directory_name(), &temporary)
        .map_err(|errno| refused("rename the segment away", errno))?;
    delete(parent.as_fd(), directory.fd.as_fd(), &temporary)
        .map_err(|errno| refused("delete the segment's files", errno))
}

/// Deletes a directory with the files of a segment in it, and nothing else.
fn delete(parent: BorrowedFd<'_>, directory: BorrowedFd<'_>, name: &OsStr) -> nix::Result<()> {
    for file in [DATA, READERS, LEASE] {
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

/// Deletes one temporary, if its lease can be had; whatever stands in the way is somebody's, and stays.
fn clean_leftover(location: &Location, parent: BorrowedFd<'_>, name: &OsStr) {
    let Ok(fd) = descriptor::open_directory(parent, name) else { return };
    let Ok(status) = descriptor::status(fd.as_fd()) else { return };
    let directory = SegmentDirectory { fd, identity: Identity::of(&status), location: location.clone() };
    match Lease::open_alone(&directory) {
        Ok(lease) => {
            if matches!(lease.take(None), Ok(true)) {
                let _ = delete(parent, directory.fd.as_fd(), name);
            }
        }
        // No lease yet, or no longer: the directory goes only if it is empty.
        Err(_) => {
            let _ = descriptor::remove_directory(parent, name);
        }
    }
}
