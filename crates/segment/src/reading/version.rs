//! A pinned version: what it covers is frozen, and reached through [`Frozen`] tokens alone (I11).

use crate::reading::attachment::Attachment;
use crate::reading::pin::Pin;
use crate::reading::set_once::SetOnce;
use crate::sync::ReadOnly;
use crate::sys::map::Region;
use core::any::Any;
use core::panic::RefUnwindSafe;
use shmframe_format::directory::{FrameEntry, Root, Token};
use shmframe_format::frame::{Layout, State, read_schema};
use shmframe_format::geometry::Geometry;
use shmframe_format::header::Id;
use shmframe_format::record::RecordSource;
use shmframe_format::table::{Entry, RecordReference};
use shmframe_format::{Describe, ErrorKind, Report, Result};
use std::sync::Arc;

#[derive(Debug)]
enum VersionKind {
    OutOfHeap { offset: u64, length: u64 },
}

impl Describe for VersionKind {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Corrupt
    }

    fn report(&self) -> Report {
        let Self::OutOfHeap { offset, length } = self;
        Report::new(
            "damaged reference",
            "bytes within the heap",
            format!("{length} bytes at offset {offset}"),
            "the segment is damaged: remove it and create it again",
        )
    }
}

/// A version that is pinned for as long as this, or anything made from it, lives.
#[derive(Clone, Debug)]
pub struct PinnedVersion {
    hold: Arc<Pin>,
}

/// What a reader's upper half makes of a frame's records; this crate does not know what it is.
pub type Decoded = Arc<dyn Any + Send + Sync>;

/// A frame's records, checked. Only reading them under a pin makes one.
#[derive(Debug)]
pub struct CheckedFrame {
    instance: Id,
    entry: FrameEntry,
    layout: Layout,
    state: State,
    /// What the reader's upper half made of it.
    decoded: SetOnce<Decoded>,
}

/// Bytes of a live version: never written again for as long as this lives (I1).
///
/// Only [`PinnedFrame::buffer`] makes one, from a checked record under a pin (I11).
#[derive(Clone, Debug)]
pub struct Frozen {
    hold: Arc<Pin>,
    offset: u64,
    length: usize,
}

impl PinnedVersion {
    /// Pins the newest version.
    ///
    /// # Errors
    /// Those of [`Attachment::pin`].
    pub fn newest(attachment: &Arc<Attachment>) -> Result<Self> {
        Ok(Self { hold: Arc::new(attachment.pin()?) })
    }

    /// Pins `version`, if it still is kept.
    ///
    /// # Errors
    /// Those of [`Attachment::pin_at`].
    pub fn at(attachment: &Arc<Attachment>, version: u64) -> Result<Self> {
        Ok(Self { hold: Arc::new(attachment.pin_at(version)?) })
    }

    /// The version's entry.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        self.hold.entry()
    }

    /// The attachment that pins it.
    #[must_use]
    pub fn attachment(&self) -> &Arc<Attachment> {
        self.hold.attachment()
    }

    fn source(&self) -> Source<'_> {
        Source { heap: &self.hold.view().heap, geometry: self.attachment().header().geometry() }
    }

    fn root(&self) -> &Root {
        &self.hold.view().root
    }

    /// All frames, sorted by name.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`].
    pub fn frames(&self) -> Result<Vec<FrameEntry>> {
        let mut frames = self.root().list(&self.source(), |_| {})?;
        frames.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(frames)
    }

    /// The token that was committed last, up to this version.
    #[must_use]
    pub fn token(&self) -> Option<Token> {
        self.root().token
    }

    /// How many frames the version has.
    #[must_use]
    pub fn frame_count(&self) -> u64 {
        self.root().frames
    }

    /// The frame of this name, if the version has it; what `known` says (of this or another version) saves reading its
    /// records again where they are the same.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`].
    pub fn frame(
        &self,
        name: &str,
        known: impl FnOnce() -> Option<Arc<CheckedFrame>>,
    ) -> Result<Option<PinnedFrame>> {
        let kept = &self.hold.view().frames;
        let found = kept.iter().map_while(SetOnce::get).find(|frame| frame.entry.name == name);
        if let Some(frame) = found {
            return Ok(Some(PinnedFrame { hold: Arc::clone(&self.hold), frame: Place::Kept(frame) }));
        }
        let Some(frame) = self.read_frame(name, known())? else { return Ok(None) };
        // Another thread may set the same place meanwhile: then this one is not kept.
        let place = kept.iter().find(|place| place.get().is_none());
        let first = place.map(|place| place.get_or_set(Arc::clone(&frame)));
        let frame = match first {
            Some(kept) if Arc::ptr_eq(kept, &frame) => Place::Kept(kept),
            _ => Place::Own(frame),
        };
        Ok(Some(PinnedFrame { hold: Arc::clone(&self.hold), frame }))
    }

    fn read_frame(&self, name: &str, known: Option<Arc<CheckedFrame>>) -> Result<Option<Arc<CheckedFrame>>> {
        let source = self.source();
        let instance = self.attachment().header().instance();
        let known = known.filter(|known| known.instance == instance);
        let same = |entry: &FrameEntry| match &known {
            Some(known) if known.entry == *entry => Ok(Arc::clone(known)),
            _ => Err(entry.clone()),
        };
        let entry = match self.root().find_with(&source, name, same)? {
            None => return Ok(None),
            Some(Ok(known)) => return Ok(Some(known)),
            Some(Err(entry)) => entry,
        };
        let layout = Layout::read(&source, source.geometry, &entry.layout)?;
        let state = State::read(&source, &layout, &entry.state)?;
        let decoded = SetOnce::default();
        Ok(Some(Arc::new(CheckedFrame { instance, entry, layout, state, decoded })))
    }
}

/// A frame of a pinned version.
#[derive(Clone, Debug)]
pub struct PinnedFrame {
    hold: Arc<Pin>,
    frame: Place,
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

impl PinnedFrame {
    /// The version that is pinned.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.hold.entry().version
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
    /// [`ErrorKind::Corrupt`].
    pub fn schema_message(&self) -> Result<Vec<u8>> {
        let geometry = self.hold.attachment().header().geometry();
        read_schema(&Source { heap: &self.hold.view().heap, geometry }, &self.checked().layout.schema)
    }

    /// The frozen bytes of buffer `index`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the frame has no such buffer, or it does not lie in the mapping.
    pub fn buffer(&self, index: usize) -> Result<Frozen> {
        let CheckedFrame { layout, state, .. } = &**self.checked();
        let parts = layout.buffers.get(index).zip(state.buffers.get(index));
        let (place, state) = parts.ok_or_else(|| out_of_heap(index as u64, 0))?;
        if !self.hold.view().heap.contains(place.offset, state.length) {
            return Err(out_of_heap(place.offset, state.length));
        }
        Ok(Frozen { hold: Arc::clone(&self.hold), offset: place.offset, length: state.length as usize })
    }

    /// No bytes, at an aligned place of the mapping: for arrays of no rows.
    #[must_use]
    pub fn no_bytes(&self) -> Frozen {
        Frozen { hold: Arc::clone(&self.hold), offset: 0, length: 0 }
    }

    /// Whether an address lies in the mapping that holds the frame's bytes.
    #[must_use]
    pub fn contains_address(&self, address: *const u8) -> bool {
        let (base, length) = self.hold.view().heap.address();
        (base..base + length).contains(&(address as usize))
    }
}

pub(crate) fn out_of_heap(offset: u64, length: u64) -> shmframe_format::Error {
    VersionKind::OutOfHeap { offset, length }.into()
}

// What is kept there is whole, and never changes.
impl RefUnwindSafe for CheckedFrame {}

impl CheckedFrame {
    /// The frame's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// What the version sees of it.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The schema record; two frames with the same reference have the same schema.
    #[must_use]
    pub fn schema_reference(&self) -> &RecordReference {
        &self.layout.schema
    }

    /// What the reader's upper half made of it, if it was decoded before.
    #[must_use]
    pub fn decoded(&self) -> Option<&Decoded> {
        self.decoded.get()
    }

    /// Keeps what the reader's upper half made of it, unless something is kept already.
    pub fn keep_decoded(&self, decoded: Decoded) {
        self.decoded.get_or_set(decoded);
    }

    /// Bytes of its buffers.
    #[must_use]
    pub fn buffer_bytes(&self) -> u64 {
        self.state.buffers.iter().map(|buffer| buffer.length).sum()
    }
}

#[cfg(feature = "arrow")]
impl Frozen {
    /// What keeps the bytes frozen and mapped.
    pub(crate) fn into_hold(self) -> Arc<Pin> {
        self.hold
    }
}

impl AsRef<[u8]> for Frozen {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: (I1, I3, I11) the version that covers these bytes is pinned by `hold`; the range was checked
        // against the mapping when the token was made.
        unsafe { self.hold.view().heap.slice(self.offset, self.length) }
    }
}

/// Reads records of a pinned version.
pub(super) struct Source<'a> {
    pub(super) heap: &'a Region<ReadOnly>,
    pub(super) geometry: &'a Geometry,
}

impl RecordSource for Source<'_> {
    fn copy_out(&self, offset: u64, length: u64) -> Result<Vec<u8>> {
        let end = check_heap(self.geometry, offset, length)?;
        if end > self.heap.length() {
            return Err(out_of_heap(offset, length));
        }
        // SAFETY: (I1, I3, I7) the caller holds a pin on the version that names this record; the range lies in the
        // mapping; a damaged name leads to bytes that nobody checked, which are copied and then refused.
        Ok(unsafe { self.heap.slice(offset, length as usize) }.to_vec())
    }
}

pub(super) fn check_heap(geometry: &Geometry, offset: u64, length: u64) -> Result<u64> {
    if geometry.in_heap(offset, length) { Ok(offset + length) } else { Err(out_of_heap(offset, length)) }
}

shmframe_format::every_kind!(VersionKind {
    OutOfHeap: VersionKind::OutOfHeap { offset: 0, length: 1 };
});
