//! Bitmaps of shared memory, bit by bit.

use core::fmt;

/// The values of a column of booleans, one for each row: false until they are set.
pub struct Booleans<'b> {
    bits: Bits<'b>,
}

/// Which values of a column are null: none until one is set to null.
pub struct Validity<'b> {
    bits: Bits<'b>,
    nulls: &'b mut u64,
}

impl<'b> Booleans<'b> {
    /// Over zeroed bytes.
    pub(super) fn new(bytes: &'b mut [u8], rows: u64) -> Self {
        Self { bits: Bits { bytes, rows } }
    }

    /// Sets the value of a row, counted from 0.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn set(&mut self, row: usize, value: bool) {
        self.bits.set(row, value);
    }
}

impl<'b> Validity<'b> {
    /// Over zeroed bytes, for `rows` rows; counts the nulls.
    pub(super) fn new(bytes: &'b mut [u8], rows: u64, nulls: &'b mut u64) -> Self {
        let whole = (rows / 8) as usize;
        bytes[..whole].fill(u8::MAX);
        if let Some(last) = bytes.get_mut(whole) {
            *last = (1 << (rows % 8)) - 1;
        }
        Self { bits: Bits { bytes, rows }, nulls }
    }

    /// Makes the value of a row null, counted from 0. What stands in its place does not matter.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn set_null(&mut self, row: usize) {
        *self.nulls += u64::from(self.bits.set(row, false));
    }

    /// Makes the value of a row count again.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn set_valid(&mut self, row: usize) {
        *self.nulls -= u64::from(!self.bits.set(row, true));
    }
}

/// One bit for each row.
pub(super) struct Bits<'b> {
    bytes: &'b mut [u8],
    rows: u64,
}

impl<'b> Bits<'b> {
    pub(super) fn new(bytes: &'b mut [u8], rows: u64) -> Self {
        Self { bytes, rows }
    }

    /// Sets a bit and returns what it was.
    pub(super) fn set(&mut self, row: usize, value: bool) -> bool {
        assert!((row as u64) < self.rows, "row {row} of {}", self.rows);
        let (byte, bit) = (&mut self.bytes[row / 8], 1_u8 << (row % 8));
        let before = *byte & bit != 0;
        *byte = if value { *byte | bit } else { *byte & !bit };
        before
    }
}

impl fmt::Debug for Booleans<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Booleans({} rows)", self.bits.rows)
    }
}

impl fmt::Debug for Validity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Validity({} rows, {} nulls)", self.bits.rows, self.nulls)
    }
}
