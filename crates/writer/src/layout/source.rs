//! The bytes of a piece, without the detour over `ArrayData`.
//!
//! A piece's type was checked by the planner, so the downcasts here hold.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use arrow::downcast_primitive_array;

/// The values of a piece of fixed width, `length * width` bytes.
pub(crate) fn fixed(piece: &dyn Array, width: usize) -> &[u8] {
    let values = downcast_primitive_array! {
        piece => piece.values().inner().as_slice(),
        _ => piece.as_fixed_size_binary().value_data(),
    };
    // An array may be made from a buffer that is longer than its values.
    &values[..piece.len() * width]
}

/// The keys of a piece of dictionary type, `length * width` bytes.
pub(crate) fn keys(piece: &dyn Array, width: usize) -> &[u8] {
    fixed(piece.as_any_dictionary().keys(), width)
}

/// Offsets or sizes as they stand in a piece; offsets are one more than rows, and do not start at 0.
#[derive(Clone, Copy)]
pub(crate) enum Offsets<'a> {
    Narrow(&'a [i32]),
    Wide(&'a [i64]),
}

impl Offsets<'_> {
    /// The offset at `row`: where what belongs to that row begins, and ends what belongs to the row before.
    pub(crate) fn at(self, row: usize) -> usize {
        match self {
            Self::Narrow(offsets) => offsets[row] as usize,
            Self::Wide(offsets) => offsets[row] as usize,
        }
    }

    /// What belongs to the first `rows` rows.
    pub(crate) fn span(self, rows: usize) -> Range<usize> {
        self.at(0)..self.at(rows)
    }
}

/// The offsets of a piece of strings, binary, lists or maps.
pub(crate) fn offsets(piece: &dyn Array) -> Offsets<'_> {
    match piece.data_type() {
        DataType::Utf8 => Offsets::Narrow(piece.as_string::<i32>().value_offsets()),
        DataType::Binary => Offsets::Narrow(piece.as_binary::<i32>().value_offsets()),
        DataType::LargeUtf8 => Offsets::Wide(piece.as_string::<i64>().value_offsets()),
        DataType::LargeBinary => Offsets::Wide(piece.as_binary::<i64>().value_offsets()),
        DataType::Map(_, _) => Offsets::Narrow(piece.as_map().value_offsets()),
        DataType::List(_) => Offsets::Narrow(piece.as_list::<i32>().value_offsets()),
        _ => Offsets::Wide(piece.as_list::<i64>().value_offsets()),
    }
}

/// The bytes that the rows of a piece of strings or binary cover.
pub(crate) fn bytes(piece: &dyn Array) -> &[u8] {
    let bytes = match piece.data_type() {
        DataType::Utf8 => piece.as_string::<i32>().value_data(),
        DataType::Binary => piece.as_binary::<i32>().value_data(),
        DataType::LargeUtf8 => piece.as_string::<i64>().value_data(),
        _ => piece.as_binary::<i64>().value_data(),
    };
    &bytes[offsets(piece).span(piece.len())]
}

/// The offsets and sizes of a piece of list views.
pub(crate) fn list_views(piece: &dyn Array) -> (Offsets<'_>, Offsets<'_>) {
    match piece.data_type() {
        DataType::ListView(_) => {
            let piece = piece.as_list_view::<i32>();
            (Offsets::Narrow(piece.value_offsets()), Offsets::Narrow(piece.value_sizes()))
        }
        _ => {
            let piece = piece.as_list_view::<i64>();
            (Offsets::Wide(piece.value_offsets()), Offsets::Wide(piece.value_sizes()))
        }
    }
}

/// The values of a piece of lists, list views or maps, all of them.
pub(crate) fn list_values(piece: &dyn Array) -> ArrayRef {
    match piece.data_type() {
        DataType::List(_) => Arc::clone(piece.as_list::<i32>().values()),
        DataType::LargeList(_) => Arc::clone(piece.as_list::<i64>().values()),
        DataType::ListView(_) => Arc::clone(piece.as_list_view::<i32>().values()),
        DataType::LargeListView(_) => Arc::clone(piece.as_list_view::<i64>().values()),
        _ => Arc::new(piece.as_map().entries().clone()),
    }
}

/// The type ids of a piece of unions.
pub(crate) fn type_ids(piece: &ArrayRef) -> &[u8] {
    piece.as_union().type_ids().inner().as_slice()
}

/// The type with 64-bit offsets that holds more of the same, if there is one.
pub(crate) fn large(data_type: &DataType) -> Option<&'static str> {
    match data_type {
        DataType::Utf8 => Some("LargeUtf8"),
        DataType::Binary => Some("LargeBinary"),
        DataType::List(_) => Some("LargeList"),
        DataType::ListView(_) => Some("LargeListView"),
        _ => None,
    }
}

/// The views of a piece and the data buffers that they point into.
pub(crate) fn views(piece: &dyn Array) -> (&ScalarBuffer<u128>, &[Buffer]) {
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
pub(crate) struct Valid<'a> {
    nulls: Option<&'a NullBuffer>,
    first: usize,
}

impl<'a> Valid<'a> {
    pub(crate) fn of(piece: &'a dyn Array, first: usize) -> Self {
        Self { nulls: piece.nulls().filter(|nulls| nulls.null_count() > 0), first }
    }

    pub(crate) fn all(self) -> bool {
        self.nulls.is_none()
    }

    /// Whether the row this far behind the first one is valid.
    pub(crate) fn row(self, row: usize) -> bool {
        self.nulls.is_none_or(|nulls| nulls.is_valid(self.first + row))
    }
}
