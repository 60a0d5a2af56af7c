//! Which rule lays out a type.

use arrow::datatypes::{DataType, Field, FieldRef, Fields, UnionFields, UnionMode};
use shmframe_format::Result;

use shmframe_format::addressing::{Addressing, OffsetWidth};

use super::error::LayoutError;
use super::path::Path;
use super::views::VIEW_SIZE;

/// The most values of a row that are told apart.
const MOST_VALUES: u32 = 1 << 20;

/// How the buffers of a type are made from the pieces of its batches, and what its children are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
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
    /// Keys; the values are the child.
    Keys { width: usize, keys: &'a DataType, values: &'a DataType },
    /// No buffers but validity; the fields are the children.
    Struct(&'a Fields),
    /// Offsets; the values are the child.
    Lists(OffsetWidth, &'a FieldRef),
    /// No buffers but validity; the values, so many for each row, are the child.
    FixedLists(usize, &'a FieldRef),
    /// Offsets, then sizes; the values are the child.
    ListViews(OffsetWidth, &'a FieldRef),
    /// Type ids and no validity; the children are as long as the union.
    SparseUnion(&'a UnionFields),
    /// Type ids, then offsets, and no validity; the children are as long as they need to be.
    DenseUnion(&'a UnionFields),
    /// No buffers, no validity; the children are the run ends and the values.
    Runs { ends: &'a FieldRef, values: &'a FieldRef },
}

impl<'a> Kind<'a> {
    /// The rule of a type, not looking at its children; `None` for what Arrow itself takes for no type.
    pub(crate) fn of(data_type: &'a DataType) -> Option<Self> {
        use OffsetWidth::{Narrow, Wide};
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
            DataType::Utf8 | DataType::Binary => Some(Self::Strings(Narrow)),
            DataType::LargeUtf8 | DataType::LargeBinary => Some(Self::Strings(Wide)),
            DataType::Utf8View | DataType::BinaryView => Some(Self::Views),
            DataType::Dictionary(keys, values) => {
                let width = keys.primitive_width().filter(|_| keys.is_dictionary_key_type());
                width.map(|width| Self::Keys { width, keys, values })
            }
            DataType::Struct(fields) => Some(Self::Struct(fields)),
            DataType::List(field) => Some(Self::Lists(Narrow, field)),
            DataType::LargeList(field) => Some(Self::Lists(Wide, field)),
            DataType::Map(entries, _) => is_entries(entries).then_some(Self::Lists(Narrow, entries)),
            DataType::FixedSizeList(field, size) => {
                usize::try_from(*size).ok().map(|size| Self::FixedLists(size, field))
            }
            DataType::ListView(field) => Some(Self::ListViews(Narrow, field)),
            DataType::LargeListView(field) => Some(Self::ListViews(Wide, field)),
            DataType::Union(fields, UnionMode::Sparse) => Some(Self::SparseUnion(fields)),
            DataType::Union(fields, UnionMode::Dense) => Some(Self::DenseUnion(fields)),
            DataType::RunEndEncoded(ends, values) => {
                let countable = ends.data_type().is_run_ends_type() && !ends.is_nullable();
                countable.then_some(Self::Runs { ends, values })
            }
        }
    }

    /// Whether a field of which each row of the column has so many values grows in place: rows can be told apart in all of
    /// its buffers, those of dictionary values excepted, and only whole rows share a byte.
    pub(crate) fn grows(field: &'a Field, values: u32) -> bool {
        let few = values <= MOST_VALUES;
        match Self::of(field.data_type()) {
            Some(Self::Fixed(width)) => u32::try_from(width)
                .ok()
                .and_then(|width| width.checked_mul(8)?.checked_mul(values))
                .is_some(),
            Some(Self::Null | Self::Strings(_) | Self::Views) => few,
            Some(Self::Bits) => values == 1,
            Some(Self::Keys { values: value_type, .. }) => {
                let plain =
                    matches!(Self::of(value_type), Some(Self::Fixed(_) | Self::Strings(_) | Self::Views));
                few && plain && field.dict_is_ordered() != Some(true)
            }
            Some(Self::Struct(fields)) => fields.iter().all(|field| Self::grows(field, values)),
            Some(Self::FixedLists(size, field)) => u32::try_from(size)
                .ok()
                .and_then(|size| size.checked_mul(values))
                .is_some_and(|values| values <= MOST_VALUES && Self::grows(field, values)),
            Some(
                Self::Lists(_, _)
                | Self::ListViews(_, _)
                | Self::SparseUnion(_)
                | Self::DenseUnion(_)
                | Self::Runs { .. },
            )
            | None => false,
        }
    }

    /// How the first buffer of a node behind its validity bitmap follows from rows, if each row of the column has so many
    /// values. Others are bytes.
    pub(crate) fn addressing(self, values: u32) -> Addressing {
        match self {
            Self::Bits => Addressing::Bitmap(values),
            Self::Fixed(width) | Self::Keys { width, .. } => Addressing::Values(width as u32 * 8 * values),
            Self::Strings(width) => Addressing::Offsets(width, width.bytes() as u32 * 8 * values),
            Self::Views => Addressing::Values(VIEW_SIZE as u32 * 8 * values),
            _ => Addressing::Bytes,
        }
    }

    /// Whether a type that grows in place has bytes of which rows cannot be cut, those of dictionary values excepted.
    pub(crate) fn has_data(data_type: &'a DataType) -> bool {
        match Self::of(data_type) {
            Some(Self::Strings(_) | Self::Views) => true,
            Some(Self::Struct(fields)) => fields.iter().any(|field| Self::has_data(field.data_type())),
            Some(Self::FixedLists(_, field)) => Self::has_data(field.data_type()),
            _ => false,
        }
    }

    /// How many values each row of the column has in the children, if it has so many here; none if rows cannot be told apart
    /// there.
    pub(crate) fn values_below(self, values: u32) -> Option<u32> {
        match self {
            Self::Struct(_) => Some(values),
            Self::FixedLists(size, _) => u32::try_from(size).ok()?.checked_mul(values),
            _ => None,
        }
    }

    /// The rule of the type at `path`, or the error that names it.
    pub(crate) fn at(path: &Path<'_>, data_type: &'a DataType) -> Result<Self> {
        match Self::of(data_type) {
            Some(kind) => Ok(kind),
            None => {
                Err(LayoutError::TypeNotSupported { path: path.to_string(), found: data_type.to_string() }
                    .into())
            }
        }
    }
}

/// Whether these can be the entries of a map: keys that are never null, and values.
fn is_entries(entries: &FieldRef) -> bool {
    match entries.data_type() {
        DataType::Struct(fields) => !entries.is_nullable() && fields.len() == 2 && !fields[0].is_nullable(),
        _ => false,
    }
}
