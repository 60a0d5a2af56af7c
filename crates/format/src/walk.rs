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
        let length = reference.length.next_multiple_of(ALIGNMENT);
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
    let root = Root::read(source, reference)?;
    visit(Covered::record(reference));
    let frames = root.list(source, |node| visit(Covered::record(node)))?;
    let mut schemas = BTreeSet::new();
    for frame in frames {
        let place = |cause: Error| cause.at(format_args!("frame {:?}", frame.name));
        let layout = Layout::read(source, geometry, &frame.layout).map_err(place)?;
        let state = State::read(source, &layout, &frame.state).map_err(place)?;
        visit(Covered::record(&frame.layout));
        visit(Covered::record(&frame.state));
        if schemas.insert(layout.schema.offset) {
            read_schema(source, &layout.schema).map_err(place)?;
            visit(Covered::record(&layout.schema));
        }
        for (extent, used) in layout.extents.iter().zip(state.used(&layout)) {
            visit(Covered { offset: extent.offset, length: extent.length, version: extent.version, used });
        }
    }
    Ok(root)
}
