//! A frame of a version: its bytes are frozen, and reached through [`Frozen`] tokens alone (I11).

use crate::copying::{Copying, PrivateBytes};
use crate::files::location::Location;
use crate::reading::pin::Pin;
use crate::reading::version::{CheckedFrame, out_of_heap};
use shmframe_format::Result;
use shmframe_format::directory::FrameEntry;
use shmframe_format::frame::read_schema;
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
/// Only [`PinnedFrame::buffer`] makes one, from a checked record, under a pin or by copying (I11).
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

    /// The frozen bytes of buffer `index`: in place, or a copy made now.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Corrupt`] if the frame has no such buffer, or it does not lie in the mapping; where
    /// it is copied, also [`shmframe_format::ErrorKind::VersionGone`], [`shmframe_format::ErrorKind::CopyLimit`],
    /// [`shmframe_format::ErrorKind::Truncated`].
    pub fn buffer(&self, index: usize) -> Result<Frozen> {
        let CheckedFrame { layout, state, .. } = &**self.checked();
        let parts = layout.buffers.get(index).zip(state.buffers.get(index));
        let (place, state) = parts.ok_or_else(|| out_of_heap(index as u64, 0))?;
        let (offset, length) = (place.offset, state.length);
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

impl Pin {
    /// Whether a range lies in the mapping, and below what the version's root says that it covers.
    fn covers(&self, offset: u64, length: u64) -> bool {
        let view = self.view();
        let below = |end| end <= view.root.heap_end;
        view.heap.contains(offset, length) && offset.checked_add(length).is_some_and(below)
    }
}

impl Frozen {
    fn private(bytes: PrivateBytes) -> Self {
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
