//! Strings and binary: offsets that start at 0, and the bytes behind each other. Lists have such offsets too.

use arrow::array::ArrayRef;
use shmframe_format::Result;

use super::error::LayoutError;
use super::path::Path;
use super::source::{self, Offsets};
use shmframe_format::addressing::OffsetWidth;

/// How many bytes the rows of all pieces cover.
pub(super) fn plan(path: &Path<'_>, pieces: &[ArrayRef], width: OffsetWidth, limit: usize) -> Result<usize> {
    let bytes = pieces.iter().map(|piece| source::bytes(piece).len()).sum();
    match width {
        OffsetWidth::Narrow if bytes > limit => Err(LayoutError::OffsetsOverflow {
            path: path.to_string(),
            found: format!("{bytes} bytes"),
            limit,
            large: pieces.first().and_then(|piece| source::large(piece.data_type())),
        }
        .into()),
        OffsetWidth::Narrow | OffsetWidth::Wide => Ok(bytes),
    }
}

/// Writes where the rows from `first` on end, if what the piece covers begins at `base`.
pub(super) fn write_ends(offsets: Offsets<'_>, first: usize, base: usize, destination: &mut [u8]) {
    // Two's complement: the difference may be negative, the sum is not.
    let shift = base.wrapping_sub(offsets.at(0));
    match offsets {
        Offsets::Narrow(offsets) => {
            let shift = shift as i32;
            for (end, out) in offsets[first + 1..].iter().zip(destination.chunks_exact_mut(4)) {
                out.copy_from_slice(&end.wrapping_add(shift).to_le_bytes());
            }
        }
        Offsets::Wide(offsets) => {
            let shift = shift as i64;
            for (end, out) in offsets[first + 1..].iter().zip(destination.chunks_exact_mut(8)) {
                out.copy_from_slice(&end.wrapping_add(shift).to_le_bytes());
            }
        }
    }
}
