//! The version that a writer of the same process builds on.

use crate::known_frames::KnownFrames;
use crate::snapshot::Snapshot;
use shmframe_format::Result;
use shmframe_format::header::Id;
use shmframe_segment::{Attachment, Location, PinnedVersion, Validation};
use std::sync::Arc;

impl Snapshot {
    /// Holds a version of the segment at a place that is known. The caller sees to it that the version is kept.
    ///
    /// # Errors
    /// Those of [`crate::ReaderOptions::open`] and [`crate::Reader::snapshot_at`].
    #[doc(hidden)]
    pub fn of(location: &Location, instance: Id, label: &str, version: u64) -> Result<Self> {
        let held = Attachment::open_instance(location, instance, label)
            .and_then(|attachment| PinnedVersion::at(&attachment, version));
        let version = held.map_err(|error| error.at(location.path().display()))?;
        Ok(Self::new(version, Arc::new(KnownFrames::new(Validation::Layout))))
    }
}
