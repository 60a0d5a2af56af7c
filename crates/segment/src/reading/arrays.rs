//! Arrow arrays over frozen bytes: the one place where contents are taken on trust.

use crate::reading::version::Frozen;
use arrow::array::{ArrayData, ArrayRef, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::datatypes::DataType;
use core::ptr::NonNull;
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};

/// The parts of one array.
#[derive(Debug)]
pub struct ArrayParts {
    /// Its type.
    pub data_type: DataType,
    /// Its length, rows.
    pub length: usize,
    /// The validity bitmap and its null slots, if it has nulls.
    pub validity: Option<(Frozen, usize)>,
    /// Its buffers, in Arrow's layout order, without the validity bitmap.
    pub buffers: Vec<Frozen>,
    /// Its children.
    pub children: Vec<ArrayData>,
}

#[derive(Debug)]
enum ArrayKind {
    Layout { data_type: DataType },
    Validity { length: usize, found: usize },
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
                format!("the buffers and children of an array of type {data_type}"),
                "others",
                remedy,
            ),
            Self::Validity { length, found } => Report::new(
                "damaged column",
                format!("a validity bitmap for {length} rows"),
                format!("{found} bytes"),
                remedy,
            ),
        }
    }
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

/// Builds an array over frozen bytes.
///
/// Its shape is checked in time that does not depend on its length (list views excepted): counts of buffers and
/// children, lengths, alignment, the last offset. Its contents (UTF-8, offsets in between, dictionary keys, null
/// counts) are those of an array that a shmframe writer was given, and are taken on trust (`docs/security.md`).
///
/// # Errors
/// [`ErrorKind::Corrupt`].
pub fn build_array(parts: ArrayParts) -> Result<ArrayData> {
    let ArrayParts { data_type, length, validity, buffers, children } = parts;
    let nulls = validity.map(|(bits, nulls)| null_buffer(bits, length, nulls)).transpose()?;
    let builder = ArrayData::builder(data_type)
        .len(length)
        .nulls(nulls)
        .buffers(buffers.into_iter().map(to_buffer).collect())
        .child_data(children);
    // SAFETY: (I1, I7) shape is validated right below, before anybody else sees the data; contents are those of a
    // valid array that a trusted writer laid out, and frozen.
    let data = unsafe { builder.build_unchecked() };
    if let Err(cause) = data.validate() {
        let failed = ArrayKind::Layout { data_type: data.data_type().clone() };
        return Err(Error::from(failed).because(cause));
    }
    Ok(data)
}

/// As [`build_array`], as an array.
#[must_use]
pub fn to_array(data: ArrayData) -> ArrayRef {
    make_array(data)
}

fn null_buffer(bits: Frozen, length: usize, nulls: usize) -> Result<NullBuffer> {
    let found = bits.as_ref().len();
    if found.checked_mul(8).is_none_or(|bits| bits < length) {
        return Err(ArrayKind::Validity { length, found }.into());
    }
    let bits = BooleanBuffer::new(to_buffer(bits), 0, length);
    // SAFETY: (I1, I7) the count is that of a valid array which a trusted writer laid out, like all contents, and its
    // record's checksum holds. It is not counted again: a wrong one would matter, since arrow's kernels size by it.
    Ok(unsafe { NullBuffer::new_unchecked(bits, nulls) })
}

shmframe_format::every_kind!(ArrayKind {
    Layout: ArrayKind::Layout { data_type: DataType::Utf8 };
    Validity: ArrayKind::Validity { length: 9, found: 1 };
});
