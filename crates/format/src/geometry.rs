//! Where the regions of a segment begin: all arithmetic on region offsets, in one pure module.

use crate::error::{Describe, ErrorKind, Report, Result};
use crate::table::{Entry, Slot};

/// Bytes of a page of the file systems that a segment lives on.
pub const PAGE_SIZE: u64 = 4096;
/// Alignment of every extent, record and buffer, bytes.
pub const ALIGNMENT: u64 = 64;
/// Allocated bytes after every buffer: consumers read a little past the end.
pub const PADDING: u64 = 64;
/// Entries of the commit ring.
pub const RING_LENGTH: u32 = 64;
/// Reader slots of a registry, unless asked otherwise.
pub const DEFAULT_SLOTS: u32 = 512;
/// The most reader slots of a registry.
pub const SLOTS_LIMIT: u32 = 65_536;
/// Pin words of a reader slot.
pub const PINS_PER_SLOT: u32 = 48;
/// Virtual bytes of `data`, unless asked otherwise: 1 TiB.
pub const DEFAULT_CAPACITY: u64 = 1 << 40;
/// The largest capacity: 2^46 bytes, half of what a 47-bit address space can map.
pub const CAPACITY_LIMIT: u64 = 1 << 46;

/// The byte of `readers` that the holder of the lease locks, so that readers can ask whether a writer lives.
pub const WRITER_PRESENCE_BYTE: u64 = 1 << 62;

/// The sizes that decide where every region of a segment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    capacity: u64,
    slots: u32,
}

#[derive(Debug)]
enum GeometryKind {
    Capacity { found: u64, least: u64 },
    Slots { found: u32 },
}

impl Describe for GeometryKind {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidArgument
    }

    fn report(&self) -> Report {
        match self {
            Self::Capacity { found, least } => Report::new(
                "invalid capacity",
                format!("{least} to {CAPACITY_LIMIT} bytes"),
                format!("{found}"),
                "choose a capacity within these bounds; it costs address space, not memory",
            ),
            Self::Slots { found } => Report::new(
                "invalid number of reader slots",
                format!("1 to {SLOTS_LIMIT}"),
                format!("{found}"),
                "choose a number within these bounds",
            ),
        }
    }
}

impl Geometry {
    /// The geometry of a segment of `capacity` virtual bytes (rounded up to pages) and `slots` reader slots.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if a size is out of bounds.
    pub fn new(capacity: u64, slots: u32) -> Result<Self> {
        if !Self::are_slots(slots) {
            return Err(GeometryKind::Slots { found: slots }.into());
        }
        let least = Self { capacity: 0, slots }.heap_offset() + 16 * PAGE_SIZE;
        if !(least..=CAPACITY_LIMIT).contains(&capacity) {
            return Err(GeometryKind::Capacity { found: capacity, least }.into());
        }
        Ok(Self { capacity: capacity.next_multiple_of(PAGE_SIZE), slots })
    }

    /// Whether a registry may have so many slots.
    #[must_use]
    pub fn are_slots(slots: u32) -> bool {
        (1..=SLOTS_LIMIT).contains(&slots)
    }

    /// Bytes of `data`, virtual.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Slots of the reader registry.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// Start of the publication block.
    #[must_use]
    pub fn publication_offset(&self) -> u64 {
        PAGE_SIZE
    }

    /// Start of the commit ring.
    #[must_use]
    pub fn ring_offset(&self) -> u64 {
        2 * PAGE_SIZE
    }

    /// Start of the retained table.
    #[must_use]
    pub fn retained_offset(&self) -> u64 {
        self.ring_offset() + u64::from(RING_LENGTH) * size_of::<Entry>() as u64
    }

    /// Entries of the retained table: one for each pin word, and a ring.
    #[must_use]
    pub fn retained_length(&self) -> u64 {
        u64::from(self.slots) * u64::from(PINS_PER_SLOT) + u64::from(RING_LENGTH)
    }

    /// Start of the heap.
    #[must_use]
    pub fn heap_offset(&self) -> u64 {
        let end = self.retained_offset() + self.retained_length() * size_of::<Entry>() as u64;
        end.next_multiple_of(PAGE_SIZE)
    }

    /// Start of slot `index` in `readers`.
    #[must_use]
    pub fn slot_offset(&self, index: u32) -> u64 {
        Self::start_of_slot(index)
    }

    /// The same, in any registry.
    #[must_use]
    pub fn start_of_slot(index: u32) -> u64 {
        PAGE_SIZE + u64::from(index) * Self::slot_size()
    }

    /// Bytes of a reader slot, its pin words included.
    #[must_use]
    pub fn slot_size() -> u64 {
        size_of::<Slot>() as u64 + u64::from(PINS_PER_SLOT) * 8
    }

    /// Bytes of `readers`.
    #[must_use]
    pub fn registry_size(&self) -> u64 {
        self.slot_offset(self.slots).next_multiple_of(PAGE_SIZE)
    }

    /// Whether `[offset, offset + length)` lies in the heap and `offset` is aligned.
    #[must_use]
    pub fn in_heap(&self, offset: u64, length: u64) -> bool {
        offset >= self.heap_offset()
            && offset.is_multiple_of(ALIGNMENT)
            && offset.checked_add(length).is_some_and(|end| end <= self.capacity)
    }
}

crate::every_kind!(GeometryKind {
    Capacity: GeometryKind::Capacity { found: 1, least: 2 };
    Slots: GeometryKind::Slots { found: 0 };
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_stand_one_after_the_other_and_aligned() {
        for slots in [1, 7, 512, 65_536] {
            let geometry = Geometry::new(DEFAULT_CAPACITY, slots).unwrap();
            assert!(geometry.retained_offset() >= geometry.ring_offset() + 64 * 64);
            assert!(geometry.heap_offset() >= geometry.retained_offset() + geometry.retained_length() * 64);
            assert_eq!(geometry.heap_offset() % PAGE_SIZE, 0);
            assert_eq!(geometry.registry_size() % PAGE_SIZE, 0);
        }
    }

    #[test]
    fn sizes_out_of_bounds_are_errors() {
        for (capacity, slots) in
            [(0, 1), (CAPACITY_LIMIT + 1, 1), (DEFAULT_CAPACITY, 0), (DEFAULT_CAPACITY, 65_537)]
        {
            assert_eq!(Geometry::new(capacity, slots).unwrap_err().kind(), ErrorKind::InvalidArgument);
        }
    }

    #[test]
    fn heap_bounds_are_checked_without_overflow() {
        let geometry = Geometry::new(DEFAULT_CAPACITY, 8).unwrap();
        let start = geometry.heap_offset();
        assert!(geometry.in_heap(start, 64));
        assert!(!geometry.in_heap(start - 64, 64));
        assert!(!geometry.in_heap(start + 1, 8));
        assert!(!geometry.in_heap(start, u64::MAX));
        assert!(!geometry.in_heap(DEFAULT_CAPACITY, 1));
    }
}
