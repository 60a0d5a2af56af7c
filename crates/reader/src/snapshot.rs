//! A hold on one version.

use crate::error::ReadKind;
use crate::frame::Frame;
use crate::known_frames::KnownFrames;
use crate::position::{Appended, Position, Since};
use core::fmt;
use core::time::Duration;
use shmframe_format::directory::Token;
use shmframe_format::table::Entry;
use shmframe_format::{Error, Result};
use shmframe_segment::PinnedVersion;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A reader's hold on one version: every frame is of that version, and stays readable for as long as this, or any
/// array made from it, lives.
#[derive(Clone)]
pub struct Snapshot {
    version: PinnedVersion,
    known: Arc<KnownFrames>,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Snapshot {{ version: {}, frames: {} }}", self.version(), self.num_frames())
    }
}

/// When the version of this entry was committed.
pub(crate) fn committed(entry: &Entry) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(entry.committed)
}

impl Snapshot {
    pub(crate) fn new(version: PinnedVersion, known: Arc<KnownFrames>) -> Self {
        Self { version, known }
    }

    /// The version's number.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.entry().version
    }

    /// When the version was committed, by the writer's clock.
    #[must_use]
    pub fn committed(&self) -> SystemTime {
        committed(self.version.entry())
    }

    /// The token that a writer gave to a commit last, up to this version, and the version that carried it.
    #[must_use]
    pub fn token(&self) -> Option<Token> {
        self.version.token()
    }

    /// The names of all frames, sorted.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    pub fn frames(&self) -> Result<Vec<String>> {
        let frames = self.version.frames().map_err(|error| self.placed(error))?;
        Ok(frames.into_iter().map(|frame| frame.name.to_string()).collect())
    }

    /// How many frames there are.
    #[must_use]
    pub fn num_frames(&self) -> u64 {
        self.version.frame_count()
    }

    /// The frame of this name.
    ///
    /// # Errors
    /// [`crate::ErrorKind::FrameMissing`], with the names that exist; [`crate::ErrorKind::Corrupt`].
    pub fn frame(&self, name: &str) -> Result<Frame> {
        match self.find(name)? {
            Some(frame) => Ok(frame),
            None => Err(self.placed(no_frame(name, self.frames()?))),
        }
    }

    /// The frame of this name, if there is one.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    pub fn find(&self, name: &str) -> Result<Option<Frame>> {
        // A lock that another thread held at a fork stays held in the child: then nothing is known.
        let mut before = None;
        let known = || {
            before = self.known.records(name);
            before.clone()
        };
        let found = self.version.frame(name, known);
        let found = found.and_then(|pinned| match pinned {
            Some(pinned) => self.known.frame(pinned, before.as_deref()).map(Some),
            None => Ok(None),
        });
        found.map_err(|error| self.placed(error.at(format_args!("frame {name:?}"))))
    }

    /// Adds which segment it is to an error.
    fn placed(&self, error: Error) -> Error {
        error.at(self.version.attachment().location().path().display())
    }

    /// The rows that the frame of this name got after `position`, or what became of it: see [`Frame::appended_since`]. A frame
    /// that is missing is an answer too, [`Since::Missing`].
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    pub fn appended_since(&self, frame: &str, position: Position) -> Result<Appended> {
        match self.find(frame)? {
            Some(frame) => frame.appended_since(position),
            None => Ok(Appended { batches: Vec::new(), since: Since::Missing, position }),
        }
    }
}

/// The error of a frame that is not among `names`.
pub(crate) fn no_frame(frame: &str, names: Vec<String>) -> Error {
    ReadKind::FrameMissing { frame: frame.to_owned(), names }.into()
}
