//! Fields that are declared without nulls.
//!
//! The check is Arrow's own: of a struct or a list of a fixed size, nulls under its own nulls do not count, nor does
//! anything below unions, list views and runs. Arrays that were built without checks may break it.

use arrow::array::{Array, ArrayRef};
use shmframe_format::Result;

use super::error::LayoutError;
use super::path::Path;

/// What hides nulls of a child.
#[derive(Clone, Copy)]
pub(super) enum Hidden<'a> {
    /// Nothing.
    No,
    /// The nulls of these parents, one for each piece of the child, each over so many rows of the child.
    Under(&'a [ArrayRef], usize),
    /// The field may have nulls.
    Allowed,
}

/// Checks that the pieces of a field have no nulls that are not hidden.
pub(super) fn check(path: &Path<'_>, pieces: &[ArrayRef], hidden: Hidden<'_>) -> Result<()> {
    let shown = match hidden {
        Hidden::Allowed => None,
        Hidden::No => pieces.iter().find(|piece| piece.null_count() > 0),
        Hidden::Under(parents, rows) => {
            let mut pairs = parents.iter().zip(pieces);
            pairs.find(|(parent, piece)| shows(parent, piece, rows)).map(|(_, piece)| piece)
        }
    };
    match shown {
        None => Ok(()),
        Some(piece) => {
            let nulls = piece.null_count();
            Err(LayoutError::UnexpectedNulls { path: path.to_string(), nulls }.into())
        }
    }
}

/// Whether a null of the child stands under a valid row of its parent.
fn shows(parent: &ArrayRef, child: &ArrayRef, rows: usize) -> bool {
    let Some(nulls) = child.nulls().filter(|nulls| nulls.null_count() > 0) else { return false };
    (0..child.len()).any(|row| nulls.is_null(row) && parent.is_valid(row / rows))
}
