//! The versions that can be had by number.

use crate::protocol::kept_entries;
use crate::reading::attachment::Attachment;
use crate::reading::pin::damaged;
use shmframe_format::Result;
use shmframe_format::table::Entry;

impl Attachment {
    /// The entries of the versions that can be pinned now, oldest first, without a gap. No system call; nothing is held.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Corrupt`].
    pub fn kept_versions(&self) -> Result<Vec<Entry>> {
        kept_entries(self.control()).map_err(damaged)
    }
}
