//! A pinned version and what it says of its frames.

use crate::copying::{LONG_RECORD, copy_long_record};
use crate::reading::attachment::Attachment;
use crate::reading::frame::PinnedFrame;
use crate::reading::pin::Pin;
use crate::reading::set_once::SetOnce;
use crate::sync::ReadOnly;
use crate::sys::map::Region;
use core::any::Any;
use core::panic::RefUnwindSafe;
use shmframe_format::directory::{FrameEntry, Root, Token};
use shmframe_format::frame::{Layout, State};
use shmframe_format::geometry::Geometry;
use shmframe_format::header::Id;
use shmframe_format::record::RecordSource;
use shmframe_format::table::{Entry, RecordHeader, RecordReference};
use shmframe_format::{Describe, ErrorKind, Report, Result};
use std::os::fd::BorrowedFd;
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

/// A frame's records, checked. Only reading them under a pin, or copying them while their version stands, makes one.
#[derive(Debug)]
pub struct CheckedFrame {
    instance: Id,
    entry: FrameEntry,
    pub(super) layout: Layout,
    pub(super) state: State,
    /// What the reader's upper half made of it.
    decoded: SetOnce<Decoded>,
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
        self.hold.source()
    }

    fn root(&self) -> &Root {
        &self.hold.view().root
    }

    /// All frames, sorted by name.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`].
    pub fn frames(&self) -> Result<Vec<FrameEntry>> {
        sorted_frames(self.root(), &self.source())
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
        let found = kept.iter().map_while(SetOnce::get).find(|frame| *frame.entry.name == *name);
        if let Some(frame) = found {
            return Ok(Some(PinnedFrame::kept(&self.hold, frame)));
        }
        let Some(frame) = self.read_frame(name, known())? else { return Ok(None) };
        // Another thread may set the same place meanwhile: then this one is not kept.
        let place = kept.iter().find(|place| place.get().is_none());
        let first = place.map(|place| place.get_or_set(Arc::clone(&frame)));
        Ok(Some(match first {
            Some(kept) if Arc::ptr_eq(kept, &frame) => PinnedFrame::kept(&self.hold, kept),
            _ => PinnedFrame::own(&self.hold, frame),
        }))
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
        CheckedFrame::read(&source, source.geometry, instance, entry).map(Some)
    }
}

/// All frames of a root, sorted by name.
pub(crate) fn sorted_frames(root: &Root, source: &impl RecordSource) -> Result<Vec<FrameEntry>> {
    let mut frames = root.list(source, |_| {})?;
    frames.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(frames)
}

pub(crate) fn out_of_heap(offset: u64, length: u64) -> shmframe_format::Error {
    VersionKind::OutOfHeap { offset, length }.into()
}

// What is kept there is whole, and never changes.
impl RefUnwindSafe for CheckedFrame {}

impl CheckedFrame {
    /// Reads the records that a directory entry names.
    pub(super) fn read(
        source: &impl RecordSource,
        geometry: &Geometry,
        instance: Id,
        entry: FrameEntry,
    ) -> Result<Arc<Self>> {
        let layout = Layout::read(source, geometry, &entry.layout)?;
        let state = State::read(source, &layout, &entry.state)?;
        Ok(Arc::new(Self { instance, entry, layout, state, decoded: SetOnce::default() }))
    }

    /// The frame's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// Whether these are the same records.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (self.instance, &self.entry) == (other.instance, &other.entry)
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

    /// Bytes of its buffers that belong to rows which the version sees.
    #[must_use]
    pub fn buffer_bytes(&self) -> u64 {
        self.state.bytes(&self.layout)
    }
}

/// Reads records of a pinned version.
pub(super) struct Source<'a> {
    pub(super) heap: &'a Region<ReadOnly>,
    pub(super) geometry: &'a Geometry,
    /// No record ends above this offset.
    pub(super) end: u64,
    pub(super) data: BorrowedFd<'a>,
}

impl Pin {
    /// Reads records of the version that is pinned.
    pub(super) fn source(&self) -> Source<'_> {
        let (attachment, view) = (self.attachment(), self.view());
        Source {
            heap: &view.heap,
            geometry: attachment.header().geometry(),
            end: view.root.heap_end,
            data: attachment.data(),
        }
    }
}

impl Source<'_> {
    /// The bytes of a record, in place.
    fn bytes(&self, offset: u64, length: u64) -> Result<&[u8]> {
        let end = check_heap(self.geometry, offset, length)?;
        if end > self.end || end > self.heap.length() {
            return Err(out_of_heap(offset, length));
        }
        // SAFETY: (I1, I3, I7) the caller holds a pin on the version that names this record; the range lies in the
        // mapping; a damaged name leads to bytes that nobody checked, which are copied and then refused.
        Ok(unsafe { self.heap.slice(offset, length as usize) })
    }
}

impl RecordSource for Source<'_> {
    fn copy_out(&self, offset: u64, length: u64) -> Result<Vec<u8>> {
        let bytes = self.bytes(offset, length)?;
        if length > LONG_RECORD { copy_long_record(self.data, offset, length) } else { Ok(bytes.to_vec()) }
    }

    fn head(&self, offset: u64) -> Result<RecordHeader> {
        let bytes = self.bytes(offset, size_of::<RecordHeader>() as u64)?;
        Ok(bytemuck::pod_read_unaligned(bytes))
    }
}

pub(crate) fn check_heap(geometry: &Geometry, offset: u64, length: u64) -> Result<u64> {
    if geometry.in_heap(offset, length) { Ok(offset + length) } else { Err(out_of_heap(offset, length)) }
}

shmframe_format::every_kind!(VersionKind {
    OutOfHeap: VersionKind::OutOfHeap { offset: 0, length: 1 };
});
