//! The walk: every byte range that a version covers. Recovery is this and nothing else.

use crate::directory::Root;
use crate::error::{Error, Result};
use crate::frame::{Layout, State, read_schema};
use crate::geometry::{ALIGNMENT, Geometry};
use crate::record::RecordSource;
use crate::table::{ExtentItem, RecordReference};
use core::ops::Range;
use std::collections::BTreeSet;

/// A range of bytes that a live version covers: a record or an extent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Bytes from the start of `data`.
    pub offset: u64,
    /// Bytes, a multiple of [`ALIGNMENT`].
    pub length: u64,
    /// The version that wrote it.
    pub version: u64,
    /// What of it the version uses, bytes from the start of `data`: a run is reserved beyond its rows, and keeps what stood
    /// before them.
    pub used: Range<u64>,
}

impl Covered {
    /// The range of a record.
    #[must_use]
    pub fn record(reference: &RecordReference) -> Self {
        let length = u64::from(reference.length).next_multiple_of(ALIGNMENT);
        let used = reference.offset..reference.offset + length;
        Self { offset: reference.offset, length, version: reference.version, used }
    }
}

/// What stands in a covered range, and whose it is: a frame's name, where it is one frame's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// The root record.
    Root,
    /// A directory record.
    Directory,
    /// A schema record; frames that share it come to it once, by the first of them.
    Schema(&'a str),
    /// A layout record.
    Layout(&'a str),
    /// A state record.
    State(&'a str),
    /// An extent: the frame, and which of the frame's extents it is, by offset.
    Extent(&'a str, usize),
}

/// Calls `visit` for every range that the version of this root record covers, each once.
///
/// Every record on the way is read and checked.
///
/// # Errors
/// [`crate::ErrorKind::Corrupt`], with the frame's name where it is known.
pub fn walk(
    source: &impl RecordSource,
    geometry: &Geometry,
    reference: &RecordReference,
    mut visit: impl FnMut(Covered),
) -> Result<Root> {
    walk_contents(source, geometry, reference, |covered, _| visit(covered))
}

/// As [`walk`]; says of each range what stands in it.
///
/// # Errors
/// Those of [`walk`].
pub fn walk_contents(
    source: &impl RecordSource,
    geometry: &Geometry,
    reference: &RecordReference,
    mut visit: impl FnMut(Covered, Content<'_>),
) -> Result<Root> {
    walk_parts(source, geometry, reference, |part| match part {
        Part::Record(reference, content) => visit(Covered::record(reference), content),
        Part::Frame(name, layout, state) => {
            for (index, (extent, used)) in layout.extents.iter().zip(state.used(layout)).enumerate() {
                let ExtentItem { offset, length, version } = *extent;
                visit(Covered { offset, length, version, used }, Content::Extent(name, index));
            }
        }
    })
}

/// Calls `visit` for the bytes of every record and every buffer of a version, to the byte: those that are frozen while it is
/// live. Bytes that several buffers share come several times.
///
/// # Errors
/// Those of [`walk`].
pub fn walk_bytes(
    source: &impl RecordSource,
    geometry: &Geometry,
    reference: &RecordReference,
    mut visit: impl FnMut(Range<u64>),
) -> Result<Root> {
    walk_parts(source, geometry, reference, |part| match part {
        Part::Record(RecordReference { offset, length, .. }, _) => {
            visit(*offset..offset + u64::from(*length));
        }
        Part::Frame(_, layout, state) => state.each_buffer(layout, |bytes, _| visit(bytes)),
    })
}

/// What a walk comes to.
enum Part<'a> {
    Record(&'a RecordReference, Content<'a>),
    Frame(&'a str, &'a Layout, &'a State),
}

fn walk_parts(
    source: &impl RecordSource,
    geometry: &Geometry,
    reference: &RecordReference,
    mut visit: impl FnMut(Part<'_>),
) -> Result<Root> {
    let root = Root::read(source, reference)?;
    visit(Part::Record(reference, Content::Root));
    let frames = root.list(source, |node| visit(Part::Record(node, Content::Directory)))?;
    let mut schemas = BTreeSet::new();
    for frame in frames {
        let place = |cause: Error| cause.at(format_args!("frame {:?}", frame.name));
        let layout = Layout::read(source, geometry, &frame.layout).map_err(place)?;
        let state = State::read(source, &layout, &frame.state).map_err(place)?;
        visit(Part::Record(&frame.layout, Content::Layout(&frame.name)));
        visit(Part::Record(&frame.state, Content::State(&frame.name)));
        if schemas.insert(layout.schema.offset) {
            read_schema(source, &layout.schema).map_err(place)?;
            visit(Part::Record(&layout.schema, Content::Schema(&frame.name)));
        }
        visit(Part::Frame(&frame.name, &layout, &state));
    }
    Ok(root)
}
