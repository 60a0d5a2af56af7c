//! The bytes of a piece, without the detour over `ArrayData`.
//!
//! A piece's type was checked by the planner, so the downcasts here hold.

use arrow::array::{Array, AsArray};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use arrow::downcast_primitive_array;

/// The values of a piece of fixed width, `length * width` bytes.
pub(super) fn fixed(piece: &dyn Array, width: usize) -> &[u8] {
    let values = downcast_primitive_array! {
        piece => piece.values().inner().as_slice(),
        _ => piece.as_fixed_size_binary().value_data(),
    };
    // An array may be made from a buffer that is longer than its values.
    &values[..piece.len() * width]
}

/// The keys of a piece of dictionary type, `length * width` bytes.
pub(super) fn keys(piece: &dyn Array, width: usize) -> &[u8] {
    fixed(piece.as_any_dictionary().keys(), width)
}

/// Offsets as they stand in a piece: one more than rows, not starting at 0.
#[derive(Clone, Copy)]
pub(super) enum Offsets<'a> {
    Narrow(&'a [i32]),
    Wide(&'a [i64]),
}

impl Offsets<'_> {
    /// Where the bytes of row `row` begin, or for the row after the last one, where all end.
    pub(super) fn at(self, row: usize) -> usize {
        match self {
            Self::Narrow(offsets) => offsets[row] as usize,
            Self::Wide(offsets) => offsets[row] as usize,
        }
    }
}

/// The offsets of a piece of strings or binary, and the bytes that its rows cover.
pub(super) fn strings(piece: &dyn Array) -> (Offsets<'_>, &[u8]) {
    let (offsets, bytes) = match piece.data_type() {
        DataType::Utf8 => {
            let piece = piece.as_string::<i32>();
            (Offsets::Narrow(piece.value_offsets()), piece.value_data())
        }
        DataType::Binary => {
            let piece = piece.as_binary::<i32>();
            (Offsets::Narrow(piece.value_offsets()), piece.value_data())
        }
        DataType::LargeUtf8 => {
            let piece = piece.as_string::<i64>();
            (Offsets::Wide(piece.value_offsets()), piece.value_data())
        }
        _ => {
            let piece = piece.as_binary::<i64>();
            (Offsets::Wide(piece.value_offsets()), piece.value_data())
        }
    };
    (offsets, &bytes[offsets.at(0)..offsets.at(piece.len())])
}

/// The views of a piece and the data buffers that they point into.
pub(super) fn views(piece: &dyn Array) -> (&ScalarBuffer<u128>, &[Buffer]) {
    match piece.data_type() {
        DataType::Utf8View => {
            let piece = piece.as_string_view();
            (piece.views(), piece.data_buffers())
        }
        _ => {
            let piece = piece.as_binary_view();
            (piece.views(), piece.data_buffers())
        }
    }
}

/// Which rows of a piece are valid, from row `first` on.
#[derive(Clone, Copy)]
pub(super) struct Valid<'a> {
    nulls: Option<&'a NullBuffer>,
    first: usize,
}

impl<'a> Valid<'a> {
    pub(super) fn of(piece: &'a dyn Array, first: usize) -> Self {
        Self { nulls: piece.nulls().filter(|nulls| nulls.null_count() > 0), first }
    }

    pub(super) fn all(self) -> bool {
        self.nulls.is_none()
    }

    /// Whether the row this far behind the first one is valid.
    pub(super) fn row(self, row: usize) -> bool {
        self.nulls.is_none_or(|nulls| nulls.is_valid(self.first + row))
    }
}
