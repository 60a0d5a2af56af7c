//! Long records of a segment that is mapped.

use super::error::CopyKind;
use crate::files::location::refused;
use crate::sys::descriptor;
use shmframe_format::Result;
use std::os::fd::BorrowedFd;

/// Records longer than this, bytes, are copied by `read`. Only frames of hundreds of buffers have such.
pub(crate) const LONG_RECORD: u64 = 1 << 16;

/// Copies a long record by `read`: a load through a mapping would give pages to each hole that a damaged one claims (I9).
pub(crate) fn copy_long_record(data: BorrowedFd<'_>, offset: u64, length: u64) -> Result<Vec<u8>> {
    check_allocated(data, length)?;
    let bytes = descriptor::read_at(data, length as usize, offset);
    let bytes = bytes.map_err(|errno| refused("read `data`", errno))?;
    let found = bytes.len() as u64;
    if found == length { Ok(bytes) } else { Err(CopyKind::Truncated { wanted: length, found }.into()) }
}

/// Refuses a piece that is longer than all that the file has pages for: most of it would be a hole.
pub(super) fn check_allocated(data: BorrowedFd<'_>, length: u64) -> Result<()> {
    let allocated = descriptor::allocated(data);
    let allocated = allocated.map_err(|errno| refused("ask for the size of `data`", errno))?;
    if length <= allocated { Ok(()) } else { Err(CopyKind::Holes { wanted: length, allocated }.into()) }
}
