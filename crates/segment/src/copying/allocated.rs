//! Which bytes of `data` have pages.

use super::inspection::Inspection;
use crate::files::location::refused;
use crate::sys::descriptor;
use core::ops::Range;
use shmframe_format::Result;

/// What of `data` has pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocated {
    /// Bytes of all its pages, by the file system's account.
    pub bytes: u64,
    /// Where pages are that somebody wrote to, bytes from the start of `data`, ascending and apart. Pages that were allocated
    /// ahead and never touched count in `bytes` and stand in no range: the system shows them as holes.
    pub written: Vec<Range<u64>>,
}

impl Inspection {
    /// What of `data` has pages. Nothing holds still meanwhile: beside a writer the two parts may be of different moments.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::System`].
    pub fn allocated(&self) -> Result<Allocated> {
        let what = "ask which parts of `data` have pages";
        let written = descriptor::data_ranges(self.data()).map_err(|errno| refused(what, errno))?;
        Ok(Allocated { bytes: self.allocated_bytes()?, written })
    }

    /// Bytes of all pages of `data`, by the file system's account.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::System`].
    pub fn allocated_bytes(&self) -> Result<u64> {
        let what = "ask how many pages `data` has";
        descriptor::allocated(self.data()).map_err(|errno| refused(what, errno))
    }

    /// Bytes in all and bytes free of the file system that `data` lives on; 0 and 0 where it has no size.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::System`].
    pub fn file_system_space(&self) -> Result<(u64, u64)> {
        let what = "ask for the space of the file system";
        descriptor::space(self.data()).map_err(|errno| refused(what, errno))
    }
}
