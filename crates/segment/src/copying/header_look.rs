//! The header of a segment that may not open: what can be made of it, and all that is wrong.

use crate::files::location::{DATA, Location, SegmentDirectory, boot_id, refused};
use crate::files::status::SegmentStatus;
use crate::sys::descriptor;
use shmframe_format::geometry::PAGE_SIZE;
use shmframe_format::header::Header;
use shmframe_format::{Error, Result, table};
use std::os::fd::AsFd;
use std::sync::Arc;

/// What can be made of the header of a segment, whatever is wrong with it.
#[derive(Clone, Debug)]
pub struct HeaderLook {
    /// Owner, modes and sizes.
    pub status: SegmentStatus,
    /// The fields as they stand, nothing of it checked; none: `data` is missing or too short, or may not be read. In a
    /// segment of another format version those behind the version may mean anything.
    pub fields: Option<table::Header>,
    /// All that keeps a reader from opening it, except for its owner and its boot; empty: nothing.
    pub faults: Vec<Arc<Error>>,
    /// Whether it was made since the machine was started, by its own word; none without fields.
    pub is_of_this_boot: Option<bool>,
}

/// Looks at the header of a segment, whoever owns it and whatever state it is in.
///
/// # Errors
/// [`shmframe_format::ErrorKind::Missing`], [`shmframe_format::ErrorKind::LinkInTheWay`], or
/// [`shmframe_format::ErrorKind::PermissionDenied`] for the directory. What is wrong inside is a fault, not an error.
pub fn look_at_header(location: &Location) -> Result<HeaderLook> {
    let (directory, _) = location.open_foreign_directory()?;
    let status = SegmentStatus::of(&directory)?;
    let (fields, faults) = read(&directory).unwrap_or_else(|error| (None, vec![error]));
    let boot = boot_id()?;
    Ok(HeaderLook {
        status,
        fields,
        faults: faults.into_iter().map(Arc::new).collect(),
        is_of_this_boot: fields.map(|fields| fields.boot == boot),
    })
}

fn read(directory: &SegmentDirectory) -> Result<(Option<table::Header>, Vec<Error>)> {
    let (data, status) = directory.open_foreign_file(DATA)?;
    let place = |error: Error| error.at(directory.location.path().join(DATA).display());
    let page = descriptor::read_at(data.as_fd(), PAGE_SIZE as usize, 0);
    let page = page.map_err(|errno| place(refused("read the header", errno)))?;
    let (fields, faults) = Header::look(&page, status.st_size.cast_unsigned());
    Ok((fields, faults.into_iter().map(place).collect()))
}
