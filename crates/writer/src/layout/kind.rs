//! Which rule lays out a type.

use arrow::datatypes::DataType;
use shmframe_format::Result;

use super::error::LayoutError;
use super::path::Path;

/// The width of the offsets of strings and binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OffsetWidth {
    Narrow,
    Wide,
}

impl OffsetWidth {
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Narrow => 4,
            Self::Wide => 8,
        }
    }
}

/// How the buffers of a type are made from the pieces of its batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// No buffers, no validity.
    Null,
    /// One bitmap.
    Bits,
    /// One buffer of values of this many bytes.
    Fixed(usize),
    /// Offsets, then bytes.
    Strings(OffsetWidth),
    /// Views, then any number of data buffers.
    Views,
    /// Keys of this many bytes; the values are the child.
    Keys(usize),
    /// No buffers but validity; the fields are the children.
    Struct,
}

impl Kind {
    /// The rule of a type, not looking at its children; `None` if it has none.
    pub(super) fn of(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Null => Some(Self::Null),
            DataType::Boolean => Some(Self::Bits),
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64
            | DataType::Float16
            | DataType::Float32
            | DataType::Float64
            | DataType::Decimal32(_, _)
            | DataType::Decimal64(_, _)
            | DataType::Decimal128(_, _)
            | DataType::Decimal256(_, _)
            | DataType::Date32
            | DataType::Date64
            | DataType::Time32(_)
            | DataType::Time64(_)
            | DataType::Timestamp(_, _)
            | DataType::Duration(_)
            | DataType::Interval(_) => data_type.primitive_width().map(Self::Fixed),
            DataType::FixedSizeBinary(width) => usize::try_from(*width).ok().map(Self::Fixed),
            DataType::Utf8 | DataType::Binary => Some(Self::Strings(OffsetWidth::Narrow)),
            DataType::LargeUtf8 | DataType::LargeBinary => Some(Self::Strings(OffsetWidth::Wide)),
            DataType::Utf8View | DataType::BinaryView => Some(Self::Views),
            DataType::Dictionary(key, value) => match value.as_ref() {
                DataType::Dictionary(_, _) => None,
                _ if !key.is_dictionary_key_type() => None,
                _ => key.primitive_width().map(Self::Keys),
            },
            DataType::Struct(_) => Some(Self::Struct),
            DataType::List(_)
            | DataType::ListView(_)
            | DataType::FixedSizeList(_, _)
            | DataType::LargeList(_)
            | DataType::LargeListView(_)
            | DataType::Union(_, _)
            | DataType::Map(_, _)
            | DataType::RunEndEncoded(_, _) => None,
        }
    }

    /// The rule of the type at `path`, or the error that names it.
    pub(super) fn at(path: &Path<'_>, data_type: &DataType) -> Result<Self> {
        match Self::of(data_type) {
            Some(kind) => Ok(kind),
            None => {
                Err(LayoutError::TypeNotSupported { path: path.to_string(), found: data_type.to_string() }
                    .into())
            }
        }
    }
}
