//! Whose the files of a segment are, who may use them, and what they take.

use crate::files::location::{DATA, LEASE, READERS, SegmentDirectory, refused};
use crate::sys::descriptor;
use nix::sys::stat::{FileStat, SFlag};
use shmframe_format::Result;
use std::ffi::OsStr;
use std::os::fd::AsFd;

/// What the system says of a file or a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// User id of its owner.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
    /// Whether it is what it should be: a directory, or a regular file. A link is neither.
    pub is_regular: bool,
    /// Its length, bytes, virtual.
    pub size: u64,
    /// Bytes of its pages.
    pub allocated: u64,
}

/// What the system says of the parts of a segment. None: it is missing, or the directory may not be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentStatus {
    /// The directory.
    pub directory: FileStatus,
    /// Frames and versions.
    pub data: Option<FileStatus>,
    /// The reader registry.
    pub readers: Option<FileStatus>,
    /// The writer lease.
    pub lease: Option<FileStatus>,
}

impl FileStatus {
    fn of(status: &FileStat, kind: SFlag) -> Self {
        Self {
            uid: status.st_uid,
            gid: status.st_gid,
            mode: status.st_mode & 0o7777,
            is_regular: descriptor::is_of_kind(status, kind),
            size: status.st_size.cast_unsigned(),
            allocated: status.st_blocks.cast_unsigned() * 512,
        }
    }
}

impl SegmentStatus {
    pub(crate) fn of(directory: &SegmentDirectory) -> Result<Self> {
        let own = descriptor::status(directory.fd.as_fd());
        let own = own.map_err(|errno| refused("ask for the owner", errno))?;
        let file = |name: &str| {
            let status = descriptor::status_at(directory.fd.as_fd(), OsStr::new(name)).ok()?;
            Some(FileStatus::of(&status, SFlag::S_IFREG))
        };
        Ok(Self {
            directory: FileStatus::of(&own, SFlag::S_IFDIR),
            data: file(DATA),
            readers: file(READERS),
            lease: file(LEASE),
        })
    }
}
