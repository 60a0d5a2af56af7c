//! Strings and binary, appended one by one.

use super::bits::Bits;
use super::column::Appended;
use super::error::BuilderError;
use crate::layout::error::LayoutError;
use crate::layout::source;
use crate::layout::views::{INLINE_SIZE, VIEW_SIZE};
use arrow::datatypes::Field;
use core::fmt;
use shmframe_format::addressing::{Addressing, OffsetWidth};
use shmframe_format::{Error, Result};
use shmframe_segment::{BufferDraft, Growing, Lender};

/// The most bytes that 32-bit offsets, or those of views, lead to.
pub(super) const BYTES_LIMIT: u64 = i32::MAX as u64;

/// Appends the strings of a column to shared memory, row by row.
pub struct StringAppender<'b>(pub(super) Appender<'b>);

/// Appends the binary values of a column to shared memory, row by row.
pub struct BinaryAppender<'b>(pub(super) Appender<'b>);

impl StringAppender<'_> {
    /// Appends the value of the next row.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if there are no more rows; [`ErrorKind::CapacityExceeded`] if all values together are
    /// too long for 32-bit offsets, or this one for a view; [`ErrorKind::DirectoryFull`], [`ErrorKind::QuotaExceeded`].
    /// What was appended before stays.
    ///
    /// [`ErrorKind::InvalidArgument`]: crate::ErrorKind::InvalidArgument
    /// [`ErrorKind::CapacityExceeded`]: crate::ErrorKind::CapacityExceeded
    /// [`ErrorKind::DirectoryFull`]: crate::ErrorKind::DirectoryFull
    /// [`ErrorKind::QuotaExceeded`]: crate::ErrorKind::QuotaExceeded
    pub fn append(&mut self, value: &str) -> Result<()> {
        self.0.append(value.as_bytes())
    }

    /// Appends a null for the next row.
    ///
    /// # Errors
    /// [`ErrorKind::SchemaMismatch`](crate::ErrorKind::SchemaMismatch) if the field is declared without nulls;
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if there are no more rows.
    pub fn append_null(&mut self) -> Result<()> {
        self.0.append_null()
    }

    /// Appends a value, or a null, for the next row.
    ///
    /// # Errors
    /// Those of [`StringAppender::append`] and [`StringAppender::append_null`].
    pub fn append_option(&mut self, value: Option<&str>) -> Result<()> {
        match value {
            Some(value) => self.append(value),
            None => self.append_null(),
        }
    }
}

impl BinaryAppender<'_> {
    /// Appends the value of the next row.
    ///
    /// # Errors
    /// Those of [`StringAppender::append`].
    pub fn append(&mut self, value: &[u8]) -> Result<()> {
        self.0.append(value)
    }

    /// Appends a null for the next row.
    ///
    /// # Errors
    /// Those of [`StringAppender::append_null`].
    pub fn append_null(&mut self) -> Result<()> {
        self.0.append_null()
    }

    /// Appends a value, or a null, for the next row.
    ///
    /// # Errors
    /// Those of [`StringAppender::append`] and [`StringAppender::append_null`].
    pub fn append_option(&mut self, value: Option<&[u8]>) -> Result<()> {
        match value {
            Some(value) => self.append(value),
            None => self.append_null(),
        }
    }
}

/// What both of them do.
pub(super) struct Appender<'b> {
    pub(super) frame: &'b str,
    pub(super) field: &'b Field,
    /// Rows that the column is to have.
    pub(super) rows: u64,
    /// What the builder knows of it.
    pub(super) appended: &'b mut Appended,
    /// Offsets, one more than rows, or views.
    pub(super) index: &'b mut [u8],
    /// Set where there is a value, and how many are not; none if the field is declared without nulls.
    pub(super) validity: Option<(Bits<'b>, &'b mut u64)>,
    pub(super) data: Data<'b>,
}

/// Where the bytes go.
pub(super) enum Data<'b> {
    Strings(OffsetWidth, Growing<'b>),
    Views(ViewData<'b>),
}

/// Data buffers of views.
pub(super) struct ViewData<'b> {
    pub(super) lender: Lender<'b>,
    pub(super) last: Option<Growing<'b>>,
    /// Bytes that a data buffer is given room for.
    pub(super) room: u64,
    /// The most bytes that one has.
    pub(super) limit: u64,
}

impl Appender<'_> {
    fn place(&self, error: Error) -> Error {
        error.at(format_args!("frame {:?}", self.frame))
    }

    /// The row that comes next.
    fn next_row(&self) -> Result<usize> {
        if self.appended.rows < self.rows {
            return Ok(self.appended.rows as usize);
        }
        let column = self.field.name().clone();
        Err(self.place(BuilderError::TooMany { column, rows: self.rows }.into()))
    }

    fn append(&mut self, value: &[u8]) -> Result<()> {
        let row = self.next_row()?;
        let written = match &mut self.data {
            Data::Strings(width, data) => append_string(self.field, *width, data, value)
                .map(|end| self.appended.data[0].1 = end)
                .map(|()| write_end(self.index, *width, row, self.appended.data[0].1)),
            Data::Views(data) => data.append(self.field, self.appended, value).map(|view| {
                self.index[row * VIEW_SIZE..][..VIEW_SIZE].copy_from_slice(&view);
            }),
        };
        written.map_err(|error| self.place(error))?;
        if let Some((valid, _)) = &mut self.validity {
            valid.set(row, true);
        }
        self.appended.rows += 1;
        Ok(())
    }

    fn append_null(&mut self) -> Result<()> {
        let row = self.next_row()?;
        let Some((_, nulls)) = &mut self.validity else {
            let column = self.field.name().clone();
            return Err(self.place(BuilderError::NoNulls { column }.into()));
        };
        **nulls += 1;
        match &self.data {
            Data::Strings(width, data) => write_end(self.index, *width, row, data.length()),
            Data::Views(_) => self.index[row * VIEW_SIZE..][..VIEW_SIZE].fill(0),
        }
        self.appended.rows += 1;
        Ok(())
    }
}

/// Appends the bytes of a string, and returns where they end.
fn append_string(field: &Field, width: OffsetWidth, data: &mut Growing<'_>, value: &[u8]) -> Result<u64> {
    let end = data.length() + value.len() as u64;
    if width == OffsetWidth::Narrow && end > BYTES_LIMIT {
        return Err(LayoutError::OffsetsOverflow {
            path: field.name().clone(),
            found: format!("{end} bytes"),
            limit: BYTES_LIMIT as usize,
            large: source::large(field.data_type()),
        }
        .into());
    }
    data.append(value)?;
    Ok(end)
}

/// Writes where the value of a row ends.
fn write_end(offsets: &mut [u8], width: OffsetWidth, row: usize, end: u64) {
    let width = width.bytes();
    offsets[(row + 1) * width..][..width].copy_from_slice(&end.to_le_bytes()[..width]);
}

impl ViewData<'_> {
    /// Appends a value, and returns its view.
    fn append(&mut self, field: &Field, appended: &mut Appended, value: &[u8]) -> Result<[u8; VIEW_SIZE]> {
        let mut view = [0; VIEW_SIZE];
        view[..4].copy_from_slice(&(value.len() as u32).to_le_bytes());
        if value.len() <= INLINE_SIZE {
            view[4..][..value.len()].copy_from_slice(value);
            return Ok(view);
        }
        let length = value.len() as u64;
        if length > self.limit {
            let (path, bytes, limit) = (field.name().clone(), value.len(), self.limit as usize);
            return Err(LayoutError::ValueTooLong { path, bytes, limit }.into());
        }
        let data = match &mut self.last {
            Some(data) if data.length() + length <= self.limit => data,
            _ => {
                let draft = BufferDraft { length: 0, addressing: Addressing::Bytes, room: self.room };
                let buffer = self.lender.place_one(draft)?;
                appended.data.push((buffer, 0));
                self.last.insert(self.lender.growing(buffer)?)
            }
        };
        let offset = data.length();
        data.append(value)?;
        view[4..8].copy_from_slice(&value[..4]);
        view[8..12].copy_from_slice(&(appended.data.len() as u32 - 1).to_le_bytes());
        view[12..].copy_from_slice(&(offset as u32).to_le_bytes());
        if let Some(last) = appended.data.last_mut() {
            last.1 = data.length();
        }
        Ok(view)
    }
}

impl fmt::Debug for StringAppender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for BinaryAppender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Appender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Appender({:?}, {} of {} rows)", self.field.name(), self.appended.rows, self.rows)
    }
}
