//! One version of a segment, held or copied: the same questions to both.

use shmframe_reader::{Frame, Inspected, Result, Snapshot};
use std::time::SystemTime;

/// A version that is looked at.
pub enum View<'a> {
    /// Pinned: it stays.
    Held(&'a Snapshot),
    /// Copied piece by piece.
    Copied(&'a Inspected<'a>),
}

impl View<'_> {
    /// The version's number.
    pub fn version(&self) -> u64 {
        match self {
            Self::Held(snapshot) => snapshot.version(),
            Self::Copied(inspected) => inspected.version(),
        }
    }

    /// When it was committed, by the writer's clock.
    pub fn committed(&self) -> SystemTime {
        match self {
            Self::Held(snapshot) => snapshot.committed(),
            Self::Copied(inspected) => inspected.committed(),
        }
    }

    /// The names of all frames, sorted.
    pub fn frames(&self) -> Result<Vec<String>> {
        match self {
            Self::Held(snapshot) => snapshot.frames(),
            Self::Copied(inspected) => inspected.frames(),
        }
    }

    /// The frame of this name.
    pub fn frame(&self, name: &str) -> Result<Frame> {
        match self {
            Self::Held(snapshot) => snapshot.frame(name),
            Self::Copied(inspected) => inspected.frame(name),
        }
    }
}
