//! The walk: every byte range that a version covers. Recovery is this and nothing else.

use crate::directory::Root;
use crate::error::{Error, Result};
use crate::frame::{Layout, State, read_schema};
use crate::geometry::{ALIGNMENT, Geometry};
use crate::record::RecordSource;
use crate::table::RecordReference;
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
    walk_parts(source, geometry, reference, |part| match part {
        Part::Record(reference) => visit(Covered::record(reference)),
        Part::Frame(layout, state) => {
            for (extent, used) in layout.extents.iter().zip(state.used(layout)) {
                visit(Covered {
                    offset: extent.offset,
                    length: extent.length,
                    version: extent.version,
                    used,
                });
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
        Part::Record(RecordReference { offset, length, .. }) => visit(*offset..offset + u64::from(*length)),
        Part::Frame(layout, state) => state.each_buffer(layout, |bytes, _| visit(bytes)),
    })
}

/// What a walk comes to.
enum Part<'a> {
    Record(&'a RecordReference),
    Frame(&'a Layout, &'a State),
}

fn walk_parts(
    source: &impl RecordSource,
    geometry: &Geometry,
    reference: &RecordReference,
    mut visit: impl FnMut(Part<'_>),
) -> Result<Root> {
    let root = Root::read(source, reference)?;
    visit(Part::Record(reference));
    let frames = root.list(source, |node| visit(Part::Record(node)))?;
    let mut schemas = BTreeSet::new();
    for frame in frames {
        let place = |cause: Error| cause.at(format_args!("frame {:?}", frame.name));
        let layout = Layout::read(source, geometry, &frame.layout).map_err(place)?;
        let state = State::read(source, &layout, &frame.state).map_err(place)?;
        visit(Part::Record(&frame.layout));
        visit(Part::Record(&frame.state));
        if schemas.insert(layout.schema.offset) {
            read_schema(source, &layout.schema).map_err(place)?;
            visit(Part::Record(&layout.schema));
        }
        visit(Part::Frame(&layout, &state));
    }
    Ok(root)
}
