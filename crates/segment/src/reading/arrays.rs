//! Arrow arrays over frozen bytes: the one place where contents are taken on trust.

use crate::reading::frame::Frozen;
use arrow::array::{ArrayData, ArrayRef, BufferSpec, PrimitiveArray, downcast_primitive, layout, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowPrimitiveType, DataType};
use arrow::error::ArrowError;
use core::ops::Range;
use core::ptr::NonNull;
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use std::sync::Arc;

/// The parts of one array.
#[derive(Debug)]
pub(super) struct ArrayParts {
    /// Its type.
    pub(super) data_type: DataType,
    /// Its length, rows.
    pub(super) length: usize,
    /// The validity bitmap and its null slots, if it has nulls.
    pub(super) validity: Option<(Buffer, Nulls)>,
    /// Its buffers, in Arrow's layout order, without the validity bitmap.
    pub(super) buffers: Vec<Buffer>,
    /// Its children.
    pub(super) children: Vec<ArrayDraft>,
}

/// How many null slots an array has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Nulls {
    /// So many, by its record.
    Recorded(u64),
    /// As many as its bitmap says.
    Counted,
}

#[derive(Debug)]
enum ArrayKind {
    Layout { data_type: DataType },
    Validity { length: usize, found: usize },
    Length { length: usize },
    Values { data_type: DataType, length: usize, found: usize },
    Nulls { length: usize, found: u64 },
    Alignment { data_type: DataType, address: usize },
}

impl Describe for ArrayKind {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Corrupt
    }

    fn report(&self) -> Report {
        let remedy = "the segment is damaged: remove it and create it again";
        match self {
            Self::Layout { data_type } => Report::new(
                "damaged column",
                format!("the buffers, children and contents of an array of type {data_type}"),
                "others",
                remedy,
            ),
            Self::Validity { length, found } => Report::new(
                "damaged column",
                format!("a validity bitmap for {length} rows"),
                format!("{found} bytes"),
                remedy,
            ),
            Self::Values { data_type, length, found } => Report::new(
                "damaged column",
                format!("{length} values of type {data_type}"),
                format!("{found} bytes"),
                remedy,
            ),
            Self::Length { length } => {
                Report::new("damaged column", "a length that can be", format!("{length}"), remedy)
            }
            Self::Nulls { length, found } => Report::new(
                "damaged column",
                format!("at most {length} nulls among as many rows, and no fewer than in some of them"),
                format!("{found}"),
                remedy,
            ),
            Self::Alignment { data_type, address } => Report::new(
                "damaged column",
                format!("values of type {data_type} at an aligned address"),
                format!("{address:#x}"),
                remedy,
            ),
        }
    }
}

/// The error of nodes and buffers that do not fit a type.
#[cold]
pub(super) fn misfit(data_type: &DataType) -> Error {
    ArrayKind::Layout { data_type: data_type.clone() }.into()
}

/// The error of null slots that do not fit the rows.
#[cold]
pub(super) fn damaged_nulls(length: usize, found: u64) -> Error {
    ArrayKind::Nulls { length, found }.into()
}

/// An Arrow buffer over frozen bytes, without a copy: it holds the pin until its last slice is dropped.
#[must_use]
pub fn to_buffer(bytes: Frozen) -> Buffer {
    let frozen = bytes.as_ref();
    let (start, length) = (NonNull::from(frozen).cast::<u8>(), frozen.len());
    // SAFETY: (I1, I3, I11) `length` bytes from `start` on, mapped or allocated, frozen for as long as the owner lives: it
    // is what `bytes` held, the pin and the mapping, or the private copy.
    unsafe { Buffer::from_custom_allocation(start, length, bytes.into_hold()) }
}

/// What is checked before a column is handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    /// Its shape, in time that does not depend on its rows (list views excepted): counts of buffers and children,
    /// lengths, alignment, the last offset and the last run end. Contents (UTF-8, the offsets in between, dictionary keys,
    /// type ids, null counts) are those that the writer was given, and are taken on trust.
    #[default]
    Layout,
    /// Contents too, by Arrow's own `validate_full`. It looks at every row.
    Full,
}

impl ArrayParts {
    /// Builds the array and checks it, with its children.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`].
    pub(super) fn build(mut self, validation: Validation) -> Result<ArrayRef> {
        if validation == Validation::Layout && self.data_type.is_primitive() && self.children.is_empty() {
            // The same checks without the detour over `ArrayData` and its allocations.
            if let [_] = self.buffers.as_slice()
                && let Some(bytes) = self.buffers.pop()
            {
                return primitive(self, bytes);
            }
        }
        let rows = 0..self.length;
        self.draft()?.check(rows, validation)
    }

    /// Builds the array, to be a child of another one, or to be cut.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], where a length or the validity bitmap cannot be.
    pub(super) fn draft(self) -> Result<ArrayDraft> {
        ArrayDraft::new(self)
    }
}

/// Values in place; the buffer is checked to hold so many, aligned.
///
/// # Errors
/// [`ErrorKind::Corrupt`].
pub fn to_values<T: ArrowPrimitiveType>(bytes: Buffer, length: usize) -> Result<ScalarBuffer<T::Native>> {
    let found = bytes.len();
    if length.checked_mul(size_of::<T::Native>()).is_none_or(|wanted| wanted > found) {
        return Err(ArrayKind::Values { data_type: T::DATA_TYPE, length, found }.into());
    }
    let start = bytes.as_ptr();
    if start.align_offset(align_of::<T::Native>()) != 0 {
        return Err(ArrayKind::Alignment { data_type: T::DATA_TYPE, address: start as usize }.into());
    }
    Ok(ScalarBuffer::new(bytes, 0, length))
}

fn primitive(parts: ArrayParts, bytes: Buffer) -> Result<ArrayRef> {
    let ArrayParts { data_type, length, validity, .. } = parts;
    let nulls = validity.map(|(bits, nulls)| null_buffer(bits, length, nulls)).transpose()?;
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
    macro_rules! array {
        ($primitive:ty, $data_type:expr) => {{
            let values = to_values::<$primitive>(bytes, length)?;
            Ok(Arc::new(PrimitiveArray::<$primitive>::new(values, nulls).with_data_type($data_type)))
        }};
    }
    downcast_primitive! {
        data_type => (array, data_type),
        _ => Err(misfit(&data_type)),
    }
}

/// An array that nobody looked into yet.
#[derive(Debug)]
pub(super) struct ArrayDraft(ArrayData);

impl ArrayDraft {
    fn new(parts: ArrayParts) -> Result<Self> {
        let ArrayParts { data_type, length, validity, buffers, children } = parts;
        check_length(&data_type, length)?;
        check_widths(&data_type, &buffers)?;
        let nulls = validity.map(|(bits, nulls)| null_buffer(bits, length, nulls)).transpose()?;
        let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
        let builder = ArrayData::builder(data_type)
            .len(length)
            .nulls(nulls)
            .buffers(buffers)
            .child_data(children.into_iter().map(|child| child.0).collect());
        // SAFETY: (I1, I7) nobody sees the data before `check` has validated its shape; contents are those of a valid
        // array that a trusted writer laid out, or validated there too, and frozen.
        Ok(Self(unsafe { builder.build_unchecked() }))
    }

    /// Checks the array and hands out these rows of it, which it has; contents are looked at in these rows alone.
    pub(super) fn check(self, rows: Range<usize>, validation: Validation) -> Result<ArrayRef> {
        let Self(data) = self;
        let data_type = data.data_type().clone();
        let shape = data.validate().and_then(|()| check_runs(&data));
        let checked = shape.and_then(|()| {
            let full = |data: &ArrayData| match validation {
                Validation::Layout => Ok(()),
                Validation::Full => data.validate_full(),
            };
            if rows == (0..data.len()) {
                return full(&data).map(|()| make_array(data));
            }
            // Its shape is that of an array, so that it can be cut: as an array, since `ArrayData` cuts structs twice.
            let array = make_array(data).slice(rows.start, rows.len());
            full(&array.to_data()).map(|()| array)
        });
        checked.map_err(|cause| misfit(&data_type).because(cause))
    }
}

/// Refuses lengths that Arrow's own checks would stumble over.
fn check_length(data_type: &DataType, length: usize) -> Result<()> {
    let width = match data_type {
        DataType::FixedSizeList(_, size) => usize::try_from(*size).unwrap_or(1).max(1),
        _ => 1,
    };
    match length.checked_mul(width) {
        Some(values) if values <= isize::MAX as usize => Ok(()),
        _ => Err(ArrayKind::Length { length }.into()),
    }
}

/// Refuses buffers that end within a number, which Arrow's own checks would stumble over.
fn check_widths(data_type: &DataType, buffers: &[Buffer]) -> Result<()> {
    let is_whole = |(spec, buffer): (&BufferSpec, &Buffer)| match spec {
        BufferSpec::FixedWidth { byte_width, .. } => {
            *byte_width == 0 || buffer.len().is_multiple_of(*byte_width)
        }
        _ => true,
    };
    match layout(data_type).buffers.iter().zip(buffers).all(is_whole) {
        true => Ok(()),
        false => Err(misfit(data_type)),
    }
}

/// Arrow's cheap checks do not ask whether the runs reach to the last row.
fn check_runs(data: &ArrayData) -> Result<(), ArrowError> {
    if let (DataType::RunEndEncoded(_, _), [ends, _]) = (data.data_type(), data.child_data()) {
        let last = match (ends.len().checked_sub(1), ends.data_type()) {
            (None, _) => 0,
            (Some(at), DataType::Int16) => i64::from(ends.buffer::<i16>(0)[at]),
            (Some(at), DataType::Int32) => i64::from(ends.buffer::<i32>(0)[at]),
            (Some(at), _) => ends.buffer::<i64>(0)[at],
        };
        if usize::try_from(last).is_ok_and(|last| last >= data.len()) {
            return data.child_data().iter().try_for_each(check_runs);
        }
        let rows = data.len();
        return Err(ArrowError::InvalidArgumentError(format!("runs end at row {last}, not at {rows}")));
    }
    data.child_data().iter().try_for_each(check_runs)
}

pub(super) fn null_buffer(bits: Buffer, length: usize, nulls: Nulls) -> Result<NullBuffer> {
    let found = bits.len();
    if found.checked_mul(8).is_none_or(|bits| bits < length) {
        return Err(ArrayKind::Validity { length, found }.into());
    }
    let bits = BooleanBuffer::new(bits, 0, length);
    match nulls {
        Nulls::Counted => Ok(NullBuffer::new(bits)),
        Nulls::Recorded(found) if found > length as u64 => Err(damaged_nulls(length, found)),
        // SAFETY: (I1, I7) the count is that of a valid array which a trusted writer laid out, like all contents, and its
        // record's checksum holds. It is not counted again: a wrong one would matter, since arrow's kernels size by it.
        Nulls::Recorded(nulls) => Ok(unsafe { NullBuffer::new_unchecked(bits, nulls as usize) }),
    }
}

shmframe_format::every_kind!(ArrayKind {
    Layout: ArrayKind::Layout { data_type: DataType::Utf8 };
    Validity: ArrayKind::Validity { length: 9, found: 1 };
    Length: ArrayKind::Length { length: usize::MAX };
    Values: ArrayKind::Values { data_type: DataType::Int8, length: 9, found: 1 };
    Nulls: ArrayKind::Nulls { length: 9, found: 10 };
    Alignment: ArrayKind::Alignment { data_type: DataType::Int64, address: 1 };
});
