//! Strings and binary, appended one by one.

use super::bits::Bits;
use super::column::{Appended, Bytes};
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
    pub(super) leads: Leads,
    /// The most bytes that narrow offsets lead to, or a data buffer of views has.
    pub(super) limit: u64,
    pub(super) data: Stretches<'b>,
}

/// What the bytes are led to by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leads {
    Offsets(OffsetWidth),
    Views,
}

/// Where the bytes go: to the last stretch while it has room, then to another one.
pub(super) struct Stretches<'b> {
    pub(super) lender: Lender<'b>,
    pub(super) last: Option<Growing<'b>>,
    /// Bytes of the stretches before the last one.
    pub(super) before: u64,
    /// Bytes that another one is given room for.
    pub(super) room: u64,
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
        let written = match self.leads {
            Leads::Offsets(width) => self.append_string(row, width, value),
            Leads::Views => self.append_view(row, value),
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
        match self.leads {
            Leads::Offsets(width) => self.write_end(row, width, self.end()),
            Leads::Views => self.index[row * VIEW_SIZE..][..VIEW_SIZE].fill(0),
        }
        self.appended.rows += 1;
        Ok(())
    }

    /// Where the bytes that were appended so far end, as offsets count.
    fn end(&self) -> u64 {
        let last = self.data.last.as_ref().map_or(0, Growing::length);
        self.appended.base.offset + self.data.before + last
    }

    /// Writes where the value of a row ends.
    fn write_end(&mut self, row: usize, width: OffsetWidth, end: u64) {
        let (width, place) = (width.bytes(), row + self.appended.lead);
        self.index[place * width..][..width].copy_from_slice(&end.to_le_bytes()[..width]);
    }

    fn append_string(&mut self, row: usize, width: OffsetWidth, value: &[u8]) -> Result<()> {
        let end = self.end() + value.len() as u64;
        if width == OffsetWidth::Narrow && end > self.limit {
            return Err(LayoutError::OffsetsOverflow {
                path: self.field.name().clone(),
                found: format!("{end} bytes"),
                limit: self.limit as usize,
                large: source::large(self.field.data_type()),
            }
            .into());
        }
        let fits = |data: &Growing<'_>| data.has_room(value.len() as u64);
        self.data.append(self.appended, value, fits)?;
        self.write_end(row, width, end);
        Ok(())
    }

    fn append_view(&mut self, row: usize, value: &[u8]) -> Result<()> {
        let mut view = [0; VIEW_SIZE];
        view[..4].copy_from_slice(&(value.len() as u32).to_le_bytes());
        if value.len() <= INLINE_SIZE {
            view[4..][..value.len()].copy_from_slice(value);
        } else {
            let (length, limit) = (value.len() as u64, self.limit);
            if length > limit {
                let (path, bytes) = (self.field.name().clone(), value.len());
                return Err(LayoutError::ValueTooLong { path, bytes, limit: limit as usize }.into());
            }
            let (stretches, base) = (self.appended.data.len(), self.appended.base);
            let first = if stretches == 1 { base.offset } else { 0 };
            let fits = |data: &Growing<'_>| data.has_room(length) && first + data.length() + length <= limit;
            let offset = self.data.append(self.appended, value, fits)?;
            let stretch = self.appended.data.len() - 1;
            let offset = if stretch == 0 { base.offset + offset } else { offset };
            view[4..8].copy_from_slice(&value[..4]);
            view[8..12].copy_from_slice(&((base.buffer + stretch) as u32).to_le_bytes());
            view[12..].copy_from_slice(&(offset as u32).to_le_bytes());
        }
        self.index[row * VIEW_SIZE..][..VIEW_SIZE].copy_from_slice(&view);
        Ok(())
    }
}

impl<'b> Stretches<'b> {
    /// Appends bytes to the last stretch, if they fit, else to another one; returns where in it they begin.
    fn append(
        &mut self,
        appended: &mut Appended,
        bytes: &[u8],
        fits: impl Fn(&Growing<'b>) -> bool,
    ) -> Result<u64> {
        let data = match &mut self.last {
            Some(data) if fits(data) => data,
            last => {
                let addressing = Addressing::Bytes;
                let buffer = self.lender.place_one(BufferDraft { length: 0, addressing, room: self.room })?;
                let next = self.lender.growing(buffer)?;
                appended.data.push(Bytes { buffer, length: 0, addressing });
                self.before += last.as_ref().map_or(0, Growing::length);
                last.insert(next)
            }
        };
        let offset = data.length();
        data.append(bytes)?;
        if let Some(last) = appended.data.last_mut() {
            last.length = data.length();
        }
        Ok(offset)
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
