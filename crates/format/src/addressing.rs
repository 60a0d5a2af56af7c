//! How the bytes of a buffer follow from rows: what lets a frame grow, and be cut from the front, by somebody who knows no
//! types.

use crate::table::BufferItem;

/// Rows whose bits of a bitmap stand in one word: what is appended and dropped in place comes in whole words.
pub const WORD_ROWS: u64 = 64;

/// Which bytes of a buffer belong to which rows of its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// Rows cannot be told apart: bytes of strings, data of views, values of dictionaries, all that stands in pieces, and
    /// every buffer of a type that does not grow in place.
    Bytes,
    /// A bitmap with so many bits for each row.
    Bitmap(u32),
    /// Values of so many bits for each row.
    Values(u32),
    /// Offsets, of so many bits for each row, and one more at the end.
    Offsets(OffsetWidth, u32),
}

/// The width of an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetWidth {
    /// 32 bits.
    Narrow,
    /// 64 bits.
    Wide,
}

impl OffsetWidth {
    /// Bytes of an offset.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Narrow => 4,
            Self::Wide => 8,
        }
    }
}

impl Addressing {
    /// The addressing that a buffer's item says; none if it says what cannot be.
    #[must_use]
    pub fn of(item: &BufferItem) -> Option<Self> {
        match (item.role, item.bits) {
            (0, 0) => Some(Self::Bytes),
            (1, bits) => Some(Self::Bitmap(bits)),
            (2, bits) if bits.is_multiple_of(8) => Some(Self::Values(bits)),
            (3, bits) if bits.is_multiple_of(32) => Some(Self::Offsets(OffsetWidth::Narrow, bits)),
            (4, bits) if bits.is_multiple_of(64) => Some(Self::Offsets(OffsetWidth::Wide, bits)),
            _ => None,
        }
    }

    /// An item of a buffer that is addressed so.
    #[must_use]
    pub fn item(self, offset: u64, capacity: u64) -> BufferItem {
        let (role, bits) = match self {
            Self::Bytes => (0, 0),
            Self::Bitmap(bits) => (1, bits),
            Self::Values(bits) => (2, bits),
            Self::Offsets(OffsetWidth::Narrow, bits) => (3, bits),
            Self::Offsets(OffsetWidth::Wide, bits) => (4, bits),
        };
        BufferItem { offset, capacity, role, bits }
    }

    /// Where what belongs to `row` begins, bytes from the start of the buffer, for a row that is a multiple of
    /// [`WORD_ROWS`] where there are bitmaps; none if there is no such number.
    #[must_use]
    pub fn start(self, row: u64) -> Option<u64> {
        match self {
            Self::Bytes => Some(0),
            Self::Bitmap(bits) => row.checked_mul(u64::from(bits)).map(|bits| bits / 8),
            Self::Values(bits) | Self::Offsets(_, bits) => row.checked_mul(u64::from(bits / 8)),
        }
    }

    /// Bytes that a buffer of so many rows has at least; none if there is no such number.
    #[must_use]
    pub fn length(self, rows: u64) -> Option<u64> {
        match self {
            Self::Bytes => Some(0),
            Self::Bitmap(bits) => rows.checked_mul(u64::from(bits)).map(|bits| bits.div_ceil(8)),
            Self::Values(_) => self.start(rows),
            Self::Offsets(width, _) => {
                self.start(rows).and_then(|start| start.checked_add(width.bytes() as u64))
            }
        }
    }

    /// Bytes of the whole words of a bitmap of so many rows, if its last word is open; none if no word can be.
    #[must_use]
    pub fn closed_length(self, rows: u64) -> Option<u64> {
        match self {
            Self::Bitmap(1) if !rows.is_multiple_of(WORD_ROWS) => Some(rows / WORD_ROWS * 8),
            _ => None,
        }
    }

    /// What the buffer's offset is a multiple of: values go on in their run at any row.
    #[must_use]
    pub fn alignment(self) -> u64 {
        match self {
            Self::Values(bits) if bits > 0 => 1 << (bits / 8).trailing_zeros().min(6),
            Self::Offsets(width, _) => width.bytes() as u64,
            _ => crate::geometry::ALIGNMENT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Addressing::{Bitmap, Bytes, Offsets, Values};
    use OffsetWidth::{Narrow, Wide};

    #[test]
    fn items_say_how_their_buffers_are_addressed() {
        for addressing in [
            Bytes,
            Bitmap(1),
            Bitmap(3),
            Values(8),
            Values(96),
            Values(0),
            Offsets(Narrow, 96),
            Offsets(Wide, 64),
        ] {
            assert_eq!(Addressing::of(&addressing.item(64, 128)), Some(addressing));
        }
        for (role, bits) in [(0, 1), (2, 12), (3, 16), (4, 32), (5, 0)] {
            assert_eq!(Addressing::of(&BufferItem { offset: 0, capacity: 0, role, bits }), None);
        }
    }

    #[test]
    fn rows_become_bytes() {
        assert_eq!(
            [Bytes, Bitmap(1), Values(64), Offsets(Narrow, 32)].map(|a| a.start(128)),
            [0, 16, 1024, 512].map(Some)
        );
        assert_eq!(
            [Bytes, Bitmap(1), Values(64), Offsets(Narrow, 32)].map(|a| a.length(65)),
            [0, 9, 520, 264].map(Some)
        );
        assert_eq!((Offsets(Narrow, 96).start(2), Offsets(Narrow, 96).length(2)), (Some(24), Some(28)));
        assert_eq!(Values(64).start(1 << 62), None);
        assert_eq!(Offsets(Wide, 64).length(u64::MAX), None);
        assert_eq!(
            [0, 64, 65, 130].map(|rows| Bitmap(1).closed_length(rows)),
            [None, None, Some(8), Some(16)]
        );
        assert_eq!((Bitmap(2).closed_length(65), Values(8).closed_length(65)), (None, None));
        assert_eq!(
            [Bytes, Bitmap(1), Values(8), Values(96), Values(4096), Offsets(Narrow, 32)]
                .map(Addressing::alignment),
            [64, 64, 1, 4, 64, 4]
        );
    }
}
