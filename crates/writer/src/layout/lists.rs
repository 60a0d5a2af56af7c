//! Lists and maps: offsets that start at 0, and the values that rows cover, behind each other. Lists of a fixed size
//! have values only.
//!
//! A null list may cover values; they stay, as values under a null struct do.

use arrow::array::{Array, ArrayRef, AsArray};
use shmframe_format::Result;

use super::error::LayoutError;
use super::path::Path;
use super::source;
use shmframe_format::addressing::OffsetWidth;

/// The values of each piece, those that its rows cover.
pub(super) fn values(
    path: &Path<'_>,
    pieces: &[ArrayRef],
    width: OffsetWidth,
    limit: usize,
) -> Result<Vec<ArrayRef>> {
    let mut children = Vec::with_capacity(pieces.len());
    let mut covered = 0_usize;
    for piece in pieces {
        let span = source::offsets(piece).span(piece.len());
        covered = covered.saturating_add(span.len());
        children.push(source::list_values(piece).slice(span.start, span.len()));
    }
    let large = pieces.first().and_then(|piece| source::large(piece.data_type()));
    check(path, width, covered, limit, large)?;
    Ok(children)
}

/// Checks that offsets of this width reach all values.
pub(super) fn check(
    path: &Path<'_>,
    width: OffsetWidth,
    covered: usize,
    limit: usize,
    large: Option<&'static str>,
) -> Result<()> {
    match width {
        OffsetWidth::Narrow if covered > limit => {
            let found = format!("{covered} values");
            Err(LayoutError::OffsetsOverflow { path: path.to_string(), found, limit, large }.into())
        }
        OffsetWidth::Narrow | OffsetWidth::Wide => Ok(()),
    }
}

/// The values of each piece of lists of a fixed size.
pub(super) fn fixed_values(pieces: &[ArrayRef]) -> Vec<ArrayRef> {
    pieces.iter().map(|piece| piece.as_fixed_size_list().values().clone()).collect()
}
