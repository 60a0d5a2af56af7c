//! A pinned version: what it covers is frozen, and reached through [`Frozen`] tokens alone (I11).

use crate::copying::{Copying, LONG_RECORD, PrivateBytes, copy_long_record};
use crate::reading::attachment::{Attachment, Pin};
use crate::sync::ReadOnly;
use crate::sys::map::Region;
use shmframe_format::directory::{FrameEntry, Root};
use shmframe_format::frame::{Layout, State, read_schema};
use shmframe_format::geometry::Geometry;
use shmframe_format::header::Id;
use shmframe_format::record::{RecordSource, check_entry};
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

/// A pin, and what is known of the version that it pins.
#[derive(Debug)]
pub(crate) struct Hold {
    /// Cleared before the mapping goes: fields are dropped in order.
    pin: Pin,
    view: Arc<View>,
}

/// What is known of a version: its entry, its checked root, and a mapping that reaches all that it covers.
#[derive(Debug)]
struct View {
    /// Which segment it is of.
    instance: Id,
    entry: Entry,
    root: Root,
    heap: Arc<Region<ReadOnly>>,
}

/// A version that is pinned for as long as this, or anything made from it, lives.
#[derive(Clone, Debug)]
pub struct PinnedVersion {
    hold: Arc<Hold>,
}

/// What is known of the version that was last looked at, without a pin.
#[derive(Clone, Debug)]
pub struct KnownVersion(Arc<View>);

/// A frame's records, checked. Only reading them under a pin makes one.
#[derive(Debug)]
pub struct CheckedFrame {
    instance: Id,
    entry: FrameEntry,
    layout: Layout,
    state: State,
}

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
    Mapped(Arc<Hold>),
    Private(Arc<PrivateBytes>),
}

/// What a frame's bytes are taken from.
#[derive(Clone, Debug)]
enum Origin {
    Mapped(Arc<Hold>),
    Copied(Arc<Copying>),
}

impl PinnedVersion {
    /// Pins the newest version; `known` saves reading its root again.
    ///
    /// # Errors
    /// Those of [`Attachment::pin`]; [`ErrorKind::Corrupt`]; [`ErrorKind::ProcessLimit`] where the version cannot
    /// be mapped.
    pub fn newest(attachment: &Arc<Attachment>, known: Option<&KnownVersion>) -> Result<Self> {
        Self::of(attachment.pin()?, known)
    }

    /// Pins `version`, if it still is kept.
    ///
    /// # Errors
    /// [`ErrorKind::VersionGone`], or those of [`PinnedVersion::newest`].
    pub fn at(attachment: &Arc<Attachment>, version: u64) -> Result<Self> {
        Self::of(attachment.pin_at(version)?, None)
    }

    fn of(pin: Pin, known: Option<&KnownVersion>) -> Result<Self> {
        let instance = pin.attachment().header().instance();
        let same = |known: &&KnownVersion| known.0.entry == *pin.entry() && known.0.instance == instance;
        let view = match known.filter(same) {
            Some(KnownVersion(view)) => Arc::clone(view),
            None => Arc::new(View::read(pin.attachment(), *pin.entry())?),
        };
        Ok(Self { hold: Arc::new(Hold { pin, view }) })
    }

    /// What is worth keeping of this version without keeping its pin.
    #[must_use]
    pub fn known(&self) -> KnownVersion {
        KnownVersion(Arc::clone(&self.hold.view))
    }

    /// Whether this is the version that `known` was made of.
    #[must_use]
    pub fn is(&self, known: &KnownVersion) -> bool {
        Arc::ptr_eq(&known.0, &self.hold.view)
    }

    /// The version's entry.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        self.hold.pin.entry()
    }

    /// The attachment that pins it.
    #[must_use]
    pub fn attachment(&self) -> &Arc<Attachment> {
        self.hold.pin.attachment()
    }

    fn source(&self) -> Source<'_> {
        self.hold.source()
    }

    fn root(&self) -> &Root {
        &self.hold.view.root
    }

    /// All frames, sorted by name.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`].
    pub fn frames(&self) -> Result<Vec<FrameEntry>> {
        sorted_frames(self.root(), &self.source())
    }

    /// How many frames the version has.
    #[must_use]
    pub fn frame_count(&self) -> u64 {
        self.root().frames
    }

    /// The frame of this name, if the version has it; `known` (of this or another version) saves reading its
    /// records again where they are the same.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`].
    pub fn frame(&self, name: &str, known: Option<&Arc<CheckedFrame>>) -> Result<Option<PinnedFrame>> {
        let source = self.source();
        let instance = self.hold.view.instance;
        let known_or_entry = |entry: &FrameEntry| {
            let known = known.filter(|known| known.instance == instance && known.entry == *entry);
            known.ok_or_else(|| entry.clone())
        };
        let found = self.root().find_with(&source, name, known_or_entry)?;
        let frame = match found {
            None => return Ok(None),
            Some(Ok(known)) => Arc::clone(known),
            Some(Err(entry)) => CheckedFrame::read(&source, source.geometry, instance, entry)?,
        };
        Ok(Some(PinnedFrame { origin: Origin::Mapped(Arc::clone(&self.hold)), frame }))
    }
}

/// All frames of a root, sorted by name.
pub(crate) fn sorted_frames(root: &Root, source: &impl RecordSource) -> Result<Vec<FrameEntry>> {
    let mut frames = root.list(source, |_| {})?;
    frames.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(frames)
}

impl View {
    /// Reads the root that `entry` names. The caller holds a pin on the version.
    fn read(attachment: &Arc<Attachment>, entry: Entry) -> Result<Self> {
        let geometry = attachment.header().geometry();
        let reference = check_entry(&entry, entry.version)?;
        let end = check_heap(geometry, reference.offset, reference.length)?;
        let mut heap = attachment.heap(end)?;
        let root = Root::read(&Source { heap: &heap, geometry, end, data: attachment.data() }, &reference)?;
        if root.heap_end > geometry.capacity() {
            return Err(VersionKind::OutOfHeap { offset: 0, length: root.heap_end }.into());
        }
        if root.heap_end > heap.length() {
            heap = attachment.heap(root.heap_end)?;
        }
        Ok(Self { instance: attachment.header().instance(), entry, root, heap })
    }
}

/// A frame of a version that is pinned, or that is copied out piece by piece ([`crate::CopiedVersion`]).
#[derive(Clone, Debug)]
pub struct PinnedFrame {
    origin: Origin,
    frame: Arc<CheckedFrame>,
}

impl PinnedFrame {
    /// The frame of this directory entry, which is read and handed out by copying.
    pub(crate) fn copied(copying: &Arc<Copying>, entry: FrameEntry) -> Result<Self> {
        let header = copying.header();
        let frame = CheckedFrame::read(&**copying, header.geometry(), header.instance(), entry)?;
        Ok(Self { origin: Origin::Copied(Arc::clone(copying)), frame })
    }

    /// Whether its bytes are private copies, whose owner nobody vouches for: their contents must be validated.
    #[must_use]
    pub fn is_copied(&self) -> bool {
        matches!(self.origin, Origin::Copied(_))
    }

    /// Its records.
    #[must_use]
    pub fn checked(&self) -> &Arc<CheckedFrame> {
        &self.frame
    }

    /// Its Arrow IPC schema message: a private copy.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`].
    pub fn schema_message(&self) -> Result<Vec<u8>> {
        match &self.origin {
            Origin::Mapped(hold) => read_schema(&hold.source(), &self.frame.layout.schema),
            Origin::Copied(copying) => read_schema(&**copying, &self.frame.layout.schema),
        }
    }

    /// The frozen bytes of buffer `index`: in place, or a copy made now.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the frame has no such buffer, or it does not lie in the mapping; where it is copied,
    /// also [`ErrorKind::VersionGone`], [`ErrorKind::CopyLimit`], [`ErrorKind::Truncated`].
    pub fn buffer(&self, index: usize) -> Result<Frozen> {
        let parts = self.frame.layout.buffers.get(index).zip(self.frame.state.buffers.get(index));
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
        let (base, length) = hold.view.heap.address();
        (base..base + length).contains(&(address as usize))
    }
}

pub(crate) fn out_of_heap(offset: u64, length: u64) -> shmframe_format::Error {
    VersionKind::OutOfHeap { offset, length }.into()
}

impl CheckedFrame {
    fn read(
        source: &impl RecordSource,
        geometry: &Geometry,
        instance: Id,
        entry: FrameEntry,
    ) -> Result<Arc<Self>> {
        let layout = Layout::read(source, geometry, &entry.layout)?;
        let state = State::read(source, &layout, &entry.state)?;
        Ok(Arc::new(Self { instance, entry, layout, state }))
    }

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

    /// Bytes of its buffers.
    #[must_use]
    pub fn buffer_bytes(&self) -> u64 {
        self.state.buffers.iter().map(|buffer| buffer.length).sum()
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

impl Hold {
    /// Whether a range lies in the mapping, and below what the version's root says that it covers.
    fn covers(&self, offset: u64, length: u64) -> bool {
        let end = self.view.root.heap_end;
        self.view.heap.contains(offset, length) && offset.checked_add(length).is_some_and(|last| last <= end)
    }

    fn source(&self) -> Source<'_> {
        let attachment = self.pin.attachment();
        Source {
            heap: &self.view.heap,
            geometry: attachment.header().geometry(),
            end: self.view.root.heap_end,
            data: attachment.data(),
        }
    }
}

impl AsRef<[u8]> for Frozen {
    fn as_ref(&self) -> &[u8] {
        match &self.bytes {
            // SAFETY: (I1, I3, I11) the version that covers these bytes is pinned by `hold`; the range was checked
            // against the mapping when the token was made.
            Bytes::Mapped(hold) => unsafe { hold.view.heap.slice(self.offset, self.length) },
            Bytes::Private(bytes) => (**bytes).as_ref(),
        }
    }
}

/// Reads records of a pinned version.
struct Source<'a> {
    heap: &'a Region<ReadOnly>,
    geometry: &'a Geometry,
    /// No record ends above this offset.
    end: u64,
    data: BorrowedFd<'a>,
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
