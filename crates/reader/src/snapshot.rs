//! A hold on one version.

use crate::error::ReadKind;
use crate::frame::{Frame, KnownFrame};
use core::fmt;
use core::time::Duration;
use shmframe_format::Result;
use shmframe_format::directory::Token;
use shmframe_format::table::Entry;
use shmframe_segment::{CheckedFrame, PinnedFrame, PinnedVersion, Validation};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

/// Frames whose records were read last, by name: private copies, no pins. What is of a version that is held stands
/// beside its pin; this is where the next version looks what it shares with the one before.
pub(crate) struct KnownFrames {
    validation: Validation,
    by_name: Mutex<HashMap<String, Arc<CheckedFrame>>>,
    /// With [`Validation::Full`]: also which of their columns this reader has looked at.
    looked_at: Mutex<HashMap<String, (Arc<CheckedFrame>, Arc<KnownFrame>)>>,
}

impl KnownFrames {
    pub(crate) fn new(validation: Validation) -> Self {
        Self { validation, by_name: Mutex::default(), looked_at: Mutex::default() }
    }
}

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
        // A lock that another thread held at a fork stays held in the child: then nothing is known.
        let mut before = None;
        let known = || {
            before = self.known.by_name.try_lock().ok().and_then(|known| known.get(name).cloned());
            before.clone()
        };
        let found = self.version.frame(name, known);
        let found = found.and_then(|pinned| match pinned {
            Some(pinned) => self.known_frame(pinned, before.as_deref()).map(Some),
            None => Ok(None),
        });
        found.map_err(|error| error.at(format_args!("frame {name:?}")))
    }

    /// A frame as it was decoded before, or decoded now and kept in mind; `before` is its like in an earlier version.
    fn known_frame(&self, pinned: PinnedFrame, before: Option<&CheckedFrame>) -> Result<Frame> {
        let known = match (self.known.validation, KnownFrame::of(pinned.checked())) {
            (Validation::Layout, Some(known)) => known,
            (Validation::Layout, None) => self.decode(&pinned, before)?,
            (Validation::Full, shared) => self.looked_at(&pinned, shared.as_deref())?,
        };
        Ok(Frame::new(pinned, known, self.known.validation))
    }

    fn decode(&self, pinned: &PinnedFrame, before: Option<&CheckedFrame>) -> Result<Arc<KnownFrame>> {
        let before = before.and_then(KnownFrame::of);
        let fresh = KnownFrame::read(pinned, before.as_deref(), Validation::Layout)?;
        self.keep_records(pinned);
        Ok(fresh.keep(pinned.checked()))
    }

    /// What this reader knows of a frame's contents: other readers of the process may have asked for less.
    fn looked_at(&self, pinned: &PinnedFrame, shared: Option<&KnownFrame>) -> Result<Arc<KnownFrame>> {
        let checked = pinned.checked();
        let mut looked_at = self.known.looked_at.try_lock().ok();
        if let Some((_, known)) = looked_at
            .as_ref()
            .and_then(|known| known.get(checked.name()))
            .filter(|(before, _)| before.is_same(checked))
        {
            return Ok(Arc::clone(known));
        }
        let fresh = Arc::new(KnownFrame::read(pinned, shared, Validation::Full)?);
        if let Some(looked_at) = &mut looked_at {
            looked_at.insert(checked.name().to_owned(), (Arc::clone(checked), Arc::clone(&fresh)));
        }
        self.keep_records(pinned);
        Ok(fresh)
    }

    fn keep_records(&self, pinned: &PinnedFrame) {
        let checked = pinned.checked();
        if let Ok(mut known) = self.known.by_name.try_lock() {
            match known.get_mut(checked.name()) {
                Some(known) => *known = Arc::clone(checked),
                None => _ = known.insert(checked.name().to_owned(), Arc::clone(checked)),
            }
        }
    }
}

/// The error of a frame that is not among `names`.
pub(crate) fn no_frame(frame: &str, names: Result<Vec<String>>) -> shmframe_format::Error {
    match names {
        Ok(names) => ReadKind::FrameMissing { frame: frame.to_owned(), names }.into(),
        Err(error) => error,
    }
}
