//! A hold on one version.

use crate::error::ReadKind;
use crate::frame::{Frame, KnownFrame};
use core::time::Duration;
use shmframe_format::Result;
use shmframe_segment::PinnedVersion;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

/// Frames whose records were read last, by name: private copies, no pins.
pub(crate) type KnownFrames = Mutex<HashMap<String, Arc<KnownFrame>>>;

/// A reader's hold on one version: every frame is of that version, and stays readable for as long as this, or any
/// array made from it, lives.
#[derive(Clone, Debug)]
pub struct Snapshot {
    version: PinnedVersion,
    known: Arc<KnownFrames>,
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
        UNIX_EPOCH + Duration::from_nanos(self.version.entry().committed)
    }

    /// The names of all frames, sorted.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    pub fn frames(&self) -> Result<Vec<String>> {
        Ok(self.version.frames()?.into_iter().map(|frame| frame.name).collect())
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
        self.find(name)?.ok_or_else(|| no_frame(name, self.frames()))
    }

    /// The frame of this name, if there is one.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    pub fn find(&self, name: &str) -> Result<Option<Frame>> {
        let place = |error: shmframe_format::Error| error.at(format_args!("frame {name:?}"));
        // A lock that another thread held at a fork stays held in the child: then nothing is known.
        let known = self.known.try_lock().ok().and_then(|known| known.get(name).cloned());
        let checked = known.as_ref().map(|known| known.checked());
        let Some(pinned) = self.version.frame(name, checked).map_err(place)? else { return Ok(None) };
        let known = match known {
            Some(known) if Arc::ptr_eq(known.checked(), pinned.checked()) => known,
            known => {
                let fresh = Arc::new(KnownFrame::read(&pinned, known.as_deref()).map_err(place)?);
                if let Ok(mut known) = self.known.try_lock() {
                    known.insert(name.to_owned(), Arc::clone(&fresh));
                }
                fresh
            }
        };
        Ok(Some(Frame::new(pinned, known)))
    }
}

/// The error of a frame that is not among `names`.
pub(crate) fn no_frame(frame: &str, names: Result<Vec<String>>) -> shmframe_format::Error {
    match names {
        Ok(names) => ReadKind::FrameMissing { frame: frame.to_owned(), names }.into(),
        Err(error) => error,
    }
}
