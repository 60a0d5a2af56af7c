//! List views: offsets and sizes in any order, and the values that valid rows refer to.

use arrow::array::{Array, ArrayRef};
use shmframe_format::Result;

use super::lists;
use super::path::Path;
use super::ranges::{Places, Ranges};
use super::source::{self, Offsets, Valid};
use shmframe_format::addressing::OffsetWidth;

/// For each piece, where its values went; and the values.
pub(super) fn plan(
    path: &Path<'_>,
    pieces: &[ArrayRef],
    width: OffsetWidth,
    limit: usize,
) -> Result<(Vec<Places>, Vec<ArrayRef>)> {
    let (mut values, mut length) = (Vec::new(), 0);
    let mut places = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let (offsets, sizes) = source::list_views(piece);
        let valid = Valid::of(piece, 0);
        let mut ranges = Ranges::default();
        for row in (0..piece.len()).filter(|row| valid.row(*row)) {
            let first = offsets.at(row);
            ranges.add(first..first + sizes.at(row));
        }
        places.push(ranges.cut(&source::list_values(piece), &mut values, &mut length));
    }
    let large = pieces.first().and_then(|piece| source::large(piece.data_type()));
    lists::check(path, width, length, limit, large)?;
    Ok((places, values))
}

/// Rows of one piece, from `first` on.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) offsets: Offsets<'a>,
    pub(super) sizes: Offsets<'a>,
    pub(super) valid: Valid<'a>,
    pub(super) first: usize,
}

impl Rows<'_> {
    /// The size of the row this far behind the first one; null rows are empty.
    fn size(&self, row: usize) -> usize {
        if self.valid.row(row) { self.sizes.at(self.first + row) } else { 0 }
    }

    /// Writes where the rows' values went; 0 for empty rows.
    pub(super) fn write_offsets(&self, places: &Places, width: OffsetWidth, destination: &mut [u8]) {
        for (row, out) in destination.chunks_exact_mut(width.bytes()).enumerate() {
            let place = if self.size(row) == 0 { 0 } else { places.of(self.offsets.at(self.first + row)) };
            out.copy_from_slice(&(place as u64).to_le_bytes()[..width.bytes()]);
        }
    }

    pub(super) fn write_sizes(&self, width: OffsetWidth, destination: &mut [u8]) {
        for (row, out) in destination.chunks_exact_mut(width.bytes()).enumerate() {
            out.copy_from_slice(&(self.size(row) as u64).to_le_bytes()[..width.bytes()]);
        }
    }
}
