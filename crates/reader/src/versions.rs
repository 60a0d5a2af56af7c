//! Versions by number: which there are, and waiting for one.

use crate::reader::{Reader, Wait};
use crate::snapshot::committed;
use core::time::Duration;
use shmframe_format::Result;
use shmframe_format::table::Entry;
use std::time::SystemTime;

/// A version that can be had by [`Reader::snapshot_at`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number.
    pub number: u64,
    /// When it was committed, by the writer's clock.
    pub committed: SystemTime,
}

impl Reader {
    /// The versions that [`Reader::snapshot_at`] gives now, oldest first, without a gap up to the newest. No system
    /// call; nothing is held: a moment later the oldest may be gone.
    ///
    /// They are those that the writer's history asks for, and, until the writer's next reclaim, some older ones.
    /// Versions that only a snapshot somewhere keeps are not among them.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    pub fn versions(&self) -> Result<Vec<Version>> {
        let entries = self.attachment().kept_versions().map_err(|error| error.at(self.path().display()))?;
        let version = |entry: Entry| Version { number: entry.version, committed: committed(&entry) };
        Ok(entries.into_iter().map(version).collect())
    }

    /// Waits until there is version `version`, or a newer one, for `timeout` at the most: whoever was told what a
    /// commit returned then reads what it wrote.
    ///
    /// # Errors
    /// Those of [`Reader::wait_newer`].
    pub fn wait_for(&self, version: u64, timeout: Duration) -> Result<Wait> {
        self.wait_newer(version.saturating_sub(1), timeout)
    }
}
