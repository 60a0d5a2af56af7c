//! A frame of a version: its bytes are frozen, and reached through [`Frozen`] tokens alone (I11).

use crate::copying::{Copying, PrivateBytes};
use crate::files::location::Location;
use crate::reading::frame_bytes::{FrameBytes, place};
use crate::reading::pin::Pin;
use crate::reading::version::{CheckedFrame, out_of_heap};
use core::ops::Range;
use shmframe_format::Result;
use shmframe_format::directory::FrameEntry;
use shmframe_format::frame::{Layout, State, read_schema};
use std::sync::Arc;

/// A frame of a version that is pinned, or that is copied out piece by piece ([`crate::CopiedVersion`]).
#[derive(Clone, Debug)]
pub struct PinnedFrame {
    origin: Origin,
    frame: Place,
}

/// What a frame's bytes are taken from.
#[derive(Clone, Debug)]
enum Origin {
    Mapped(Arc<Pin>),
    Copied(Arc<Copying>),
}

/// Where a frame's records are kept.
#[derive(Clone, Debug)]
enum Place {
    /// Beside the word of the pin that the frame holds.
    Kept(*const Arc<CheckedFrame>),
    Own(Arc<CheckedFrame>),
}

// SAFETY: (I3) the pointer leads to what the held pin keeps, which is `Send` and `Sync` and never changes.
unsafe impl Send for PinnedFrame {}
// SAFETY: (I3) as above.
unsafe impl Sync for PinnedFrame {}

// What is not the pointer is shared between threads without asking.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Origin>();
    shared::<Arc<CheckedFrame>>();
};

/// Bytes of a live version, or a private copy of them: never written again for as long as this lives (I1).
///
/// Only a frame's [`FrameBytes`] make one, from a checked record, under a pin or by copying (I11).
#[derive(Clone, Debug)]
pub struct Frozen {
    bytes: Bytes,
    offset: u64,
    length: usize,
}

/// Where frozen bytes stand.
#[derive(Clone, Debug)]
enum Bytes {
    Mapped(Arc<Pin>),
    Private(Arc<PrivateBytes>),
}

impl PinnedFrame {
    /// A frame whose records are kept beside the word of the pin `hold`: `frame` is a place of its view.
    pub(super) fn kept(hold: &Arc<Pin>, frame: &Arc<CheckedFrame>) -> Self {
        Self { origin: Origin::Mapped(Arc::clone(hold)), frame: Place::Kept(frame) }
    }

    /// A frame that keeps its records itself.
    pub(super) fn own(hold: &Arc<Pin>, frame: Arc<CheckedFrame>) -> Self {
        Self { origin: Origin::Mapped(Arc::clone(hold)), frame: Place::Own(frame) }
    }

    /// The frame of this directory entry, which is read and handed out by copying.
    pub(crate) fn copied(copying: &Arc<Copying>, entry: FrameEntry) -> Result<Self> {
        let header = copying.header();
        let frame = CheckedFrame::read(&**copying, header.geometry(), header.instance(), entry)?;
        Ok(Self { origin: Origin::Copied(Arc::clone(copying)), frame: Place::Own(frame) })
    }

    /// The version that it is of.
    #[must_use]
    pub fn version(&self) -> u64 {
        match &self.origin {
            Origin::Mapped(hold) => hold.entry().version,
            Origin::Copied(copying) => copying.version(),
        }
    }

    /// Where the segment stands whose version is pinned; nothing if the frame is copied.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        match &self.origin {
            Origin::Mapped(hold) => Some(hold.attachment().location()),
            Origin::Copied(_) => None,
        }
    }

    /// Its records.
    #[must_use]
    pub fn checked(&self) -> &Arc<CheckedFrame> {
        match &self.frame {
            // SAFETY: (I3) a place of the pin's view that was set, which stays for as long as the pin is held: as `self`.
            Place::Kept(frame) => unsafe { &**frame },
            Place::Own(frame) => frame,
        }
    }

    /// Its Arrow IPC schema message: a private copy.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Corrupt`].
    pub fn schema_message(&self) -> Result<Vec<u8>> {
        let reference = &self.checked().layout.schema;
        match &self.origin {
            Origin::Mapped(hold) => read_schema(&hold.source(), reference),
            Origin::Copied(copying) => read_schema(&**copying, reference),
        }
    }

    /// These bytes of these buffers as one, if they stand behind one another: in place, or a copy made now.
    ///
    /// # Errors
    /// Those of [`FrameBytes::bytes`].
    pub fn joined(&self, parts: impl Iterator<Item = (usize, Range<u64>)>) -> Result<Option<Frozen>> {
        let CheckedFrame { layout, state, .. } = &**self.checked();
        let mut whole: Option<(u64, u64)> = None;
        for (buffer, range) in parts {
            let (offset, length) = place((layout, state), buffer, &range)?;
            whole = Some(match whole {
                None => (offset, length),
                Some((start, before)) if start + before == offset => (start, before + length),
                Some(_) => return Ok(None),
            });
        }
        whole.map_or_else(|| Ok(self.no_bytes()), |(offset, length)| self.frozen(offset, length)).map(Some)
    }

    /// Bytes that this version sees of this frame.
    fn frozen(&self, offset: u64, length: u64) -> Result<Frozen> {
        match &self.origin {
            Origin::Mapped(hold) if hold.covers(offset, length) => {
                Ok(Frozen { bytes: Bytes::Mapped(Arc::clone(hold)), offset, length: length as usize })
            }
            Origin::Mapped(_) => Err(out_of_heap(offset, length)),
            Origin::Copied(copying) => Ok(Frozen::private(copying.buffer(offset, length)?)),
        }
    }

    /// No bytes, at an aligned place: for arrays of no rows.
    #[must_use]
    pub fn no_bytes(&self) -> Frozen {
        match &self.origin {
            Origin::Mapped(hold) => Frozen { bytes: Bytes::Mapped(Arc::clone(hold)), offset: 0, length: 0 },
            Origin::Copied(_) => Frozen::private(PrivateBytes::default()),
        }
    }

    /// Whether an address lies in the mapping that holds the frame's bytes.
    #[must_use]
    pub fn contains_address(&self, address: *const u8) -> bool {
        let Origin::Mapped(hold) = &self.origin else { return false };
        let (base, length) = hold.view().heap.address();
        (base..base + length).contains(&(address as usize))
    }
}

impl FrameBytes for PinnedFrame {
    fn layout(&self) -> &Layout {
        &self.checked().layout
    }

    fn state(&self) -> &State {
        &self.checked().state
    }

    /// Where the frame is copied, also [`shmframe_format::ErrorKind::VersionGone`],
    /// [`shmframe_format::ErrorKind::CopyLimit`], [`shmframe_format::ErrorKind::Truncated`].
    fn bytes(&self, buffer: usize, range: Range<u64>) -> Result<Frozen> {
        let (offset, length) = place((self.layout(), self.state()), buffer, &range)?;
        self.frozen(offset, length)
    }
}

impl Pin {
    /// Whether a range lies in the mapping, and below what the version's root says that it covers.
    fn covers(&self, offset: u64, length: u64) -> bool {
        let view = self.view();
        let below = |end| end <= view.root.heap_end;
        view.heap.contains(offset, length) && offset.checked_add(length).is_some_and(below)
    }
}

impl Frozen {
    pub(crate) fn private(bytes: PrivateBytes) -> Self {
        let length = bytes.as_ref().len();
        Self { bytes: Bytes::Private(Arc::new(bytes)), offset: 0, length }
    }

    /// What keeps the bytes frozen, and mapped or allocated.
    #[cfg(feature = "arrow")]
    pub(crate) fn into_hold(self) -> Arc<dyn arrow::alloc::Allocation> {
        match self.bytes {
            Bytes::Mapped(hold) => hold,
            Bytes::Private(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Frozen {
    fn as_ref(&self) -> &[u8] {
        match &self.bytes {
            // SAFETY: (I1, I3, I11) the version that covers these bytes is pinned by `hold`; the range was checked
            // against the mapping when the token was made.
            Bytes::Mapped(hold) => unsafe { hold.view().heap.slice(self.offset, self.length) },
            Bytes::Private(bytes) => (**bytes).as_ref(),
        }
    }
}
