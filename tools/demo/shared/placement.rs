//! Where the bytes of arrays lie: in a mapping, or copied to somewhere else.

use arrow::array::{Array as _, ArrayData, RecordBatch};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::datatypes::DataType;

/// Bytes of the arrays that a reader used, by where they lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Bytes in the mapping of the segment.
    pub in_place: u64,
    /// Bytes elsewhere: somebody copied them.
    pub copied: u64,
}

/// A bitmap that grows ends with an open word: the bits of the last rows, up to 63. It does not stand in the bitmap but in the
/// record of the version, with which readers take it; an array that has it has no more bits. It is not counted.
const OPEN_WORD: usize = 8;

impl Placement {
    /// Counts every buffer of every column; `inside` says whether an address lies in the mapping.
    pub fn add_batches(&mut self, batches: &[RecordBatch], inside: impl Fn(*const u8) -> bool) {
        for column in batches.iter().flat_map(RecordBatch::columns) {
            self.add_array(&column.to_data(), &inside);
        }
    }

    fn add_array(&mut self, array: &ArrayData, inside: &impl Fn(*const u8) -> bool) {
        if let Some(validity) = array.nulls().map(NullBuffer::buffer) {
            self.add_bitmap(validity, inside);
        }
        for buffer in array.buffers() {
            match array.data_type() {
                DataType::Boolean => self.add_bitmap(buffer, inside),
                _ => self.add_buffer(buffer, inside),
            }
        }
        for child in array.child_data() {
            self.add_array(child, inside);
        }
    }

    fn add_bitmap(&mut self, bitmap: &Buffer, inside: &impl Fn(*const u8) -> bool) {
        if bitmap.len() > OPEN_WORD || inside(bitmap.as_ptr()) {
            self.add_buffer(bitmap, inside);
        }
    }

    /// Counts a buffer: it is in place if its first and its last byte are.
    pub fn add_buffer(&mut self, buffer: &Buffer, inside: impl Fn(*const u8) -> bool) {
        let bytes = buffer.as_slice();
        let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return };
        let count = if inside(first) && inside(last) { &mut self.in_place } else { &mut self.copied };
        *count += bytes.len() as u64;
    }
}
