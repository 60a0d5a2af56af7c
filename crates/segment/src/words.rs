//! The shared structures as atomics: twins of those in `shmframe_format::table`, offset by offset (I6).

use crate::sync::{Access, ReadWord, ReadWrite, Word64};

/// Pin words of a slot; fewer in the models, where each word multiplies the states.
pub const PINS: usize = if cfg!(loom) { 2 } else { shmframe_format::geometry::PINS_PER_SLOT as usize };

/// Words of an entry behind its sequence, `version` to `checksum`; the models have these two only.
pub const ENTRY_WORDS: usize = if cfg!(loom) { 2 } else { 7 };

/// The publication block: written by the holder of the lease only.
#[derive(Debug)]
#[repr(C)]
pub struct Publication<A: Access> {
    /// The newest version.
    pub latest: A::Word64,
    /// No version below this one may be pinned any more.
    pub floor: A::Word64,
    unused_1: [u8; 112],
    /// The futex word of all waiters.
    pub wake: A::Word32,
    /// 1 open, 2 removed.
    pub state: A::Word32,
    unused_2: [u8; 120],
    /// Grows with each new holder of the lease.
    pub epoch: A::Word64,
    /// Versions that the floor leaves alone, the newest included.
    pub history: A::Word64,
    /// Grows before pages are given back.
    pub trims: A::Word64,
    /// Process id of the holder of the lease (to show).
    pub writer_pid: A::Word64,
    /// When the lease was taken (to show).
    pub writer_since: A::Word64,
    /// The writer's label (to show).
    pub writer_label: [A::Word64; 8],
    /// Bytes of `data` that may have pages; all ones: no quota.
    pub quota: A::Word64,
    /// Where the holder of the lease keeps free pages in reserve: bytes from the start of `data`, plus how many pages.
    pub reserve: A::Word64,
    unused_3: [u8; 136],
}

/// One entry of the commit ring or of the retained table.
#[derive(Debug)]
#[repr(C)]
pub struct EntryWords<A: Access> {
    /// Seqlock: odd while the entry is being written.
    pub sequence: A::Word64,
    /// `version` to `checksum` of [`shmframe_format::table::Entry`].
    pub words: [A::Word64; ENTRY_WORDS],
}

/// A reader slot.
#[derive(Debug)]
#[repr(C)]
pub struct SlotWords {
    /// Odd: claimed. Grows with each claim and each release.
    pub mark: Word64,
    /// Process id (to show).
    pub pid: Word64,
    /// When the slot was claimed (to show).
    pub since: Word64,
    unused_1: [u8; 40],
    /// The reader's label (to show).
    pub label: [Word64; 8],
    /// The versions it pins; 0: none.
    pub pins: [Word64; PINS],
}

#[cfg(not(loom))]
mod same_layout {
    use super::*;
    use crate::sync::ReadOnly;
    use core::mem::offset_of;
    use shmframe_format::table;

    macro_rules! same_offsets {
        ($mine:ty, $theirs:ty, $($field:ident),*) => {
            $( const _: () = assert!(offset_of!($mine, $field) == offset_of!($theirs, $field)); )*
        };
    }

    same_offsets!(
        Publication<ReadOnly>,
        table::Publication,
        latest,
        floor,
        unused_1,
        wake,
        state,
        unused_2,
        epoch,
        history,
        trims,
        writer_pid,
        writer_since,
        writer_label,
        quota,
        reserve,
        unused_3
    );
    same_offsets!(SlotWords, table::Slot, mark, pid, since, unused_1, label);
    const _: () = assert!(size_of::<Publication<ReadWrite>>() == size_of::<table::Publication>());
    const _: () = assert!(size_of::<EntryWords<ReadWrite>>() == size_of::<table::Entry>());
    const _: () = assert!(offset_of!(SlotWords, pins) == size_of::<table::Slot>());
    const _: () = assert!(align_of::<Publication<ReadWrite>>() == 8 && align_of::<SlotWords>() == 8);
    const _: () = assert!(size_of::<SlotWords>() == 512);
}

/// The state word of an open segment.
pub const STATE_OPEN: u32 = 1;
/// The state word of a removed segment.
pub const STATE_REMOVED: u32 = 2;

/// What readers and writers share in `data`.
#[derive(Debug)]
pub struct Control<'a, A: Access> {
    /// The publication block.
    pub publication: &'a Publication<A>,
    /// The commit ring.
    pub ring: &'a [EntryWords<A>],
}

impl<A: Access> Clone for Control<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Access> Copy for Control<'_, A> {}

impl<'a, A: Access> Control<'a, A> {
    /// The ring's place for a version.
    #[must_use]
    pub fn ring_slot(&self, version: u64) -> &'a EntryWords<A> {
        &self.ring[(version % self.ring.len() as u64) as usize]
    }
}

/// What readers and writers share in `readers`.
#[derive(Clone, Copy, Debug)]
pub struct Registry<'a> {
    /// Not zero: somebody waits for the next version.
    pub waiting: &'a Word64,
    /// Slots from this one on were never claimed.
    pub used: &'a Word64,
    /// The slots.
    pub slots: &'a [SlotWords],
}

impl<'a> Registry<'a> {
    /// The slots that were ever claimed, as far as this thread knows by now.
    #[must_use]
    pub fn used_slots(&self) -> &'a [SlotWords] {
        // A damaged word costs a longer look, or hides slots as a cleared pin word hides a pin; it is no access
        // outside of the registry (I8).
        let used = usize::try_from(self.used.read()).unwrap_or(usize::MAX);
        &self.slots[..used.min(self.slots.len())]
    }
}

/// A label as words: UTF-8, cut at a character, padded with zeros.
#[must_use]
pub fn label_words(label: &str) -> [u64; 8] {
    let mut end = label.len().min(64);
    while !label.is_char_boundary(end) {
        end -= 1;
    }
    let mut bytes = [0; 64];
    bytes[..end].copy_from_slice(&label.as_bytes()[..end]);
    bytemuck::cast(bytes)
}

/// The label that words hold; damaged ones are shown with replacement characters.
pub fn label_text<W: ReadWord<Value = u64>>(words: &[W; 8]) -> String {
    label_of(core::array::from_fn(|at| words[at].read()))
}

/// The label that plain words hold.
pub(crate) fn label_of(words: [u64; 8]) -> String {
    let bytes: [u8; 64] = bytemuck::cast(words);
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(any(loom, test))]
mod on_the_heap {
    use super::*;
    use crate::sync::Word32;

    impl Publication<ReadWrite> {
        /// A publication block of a segment without versions, outside shared memory, for models.
        #[must_use]
        pub fn new() -> Self {
            let zero = || Word64::new(0);
            Self {
                latest: zero(),
                floor: zero(),
                unused_1: [0; 112],
                wake: Word32::new(0),
                state: Word32::new(STATE_OPEN),
                unused_2: [0; 120],
                epoch: zero(),
                history: Word64::new(1),
                trims: zero(),
                writer_pid: zero(),
                writer_since: zero(),
                writer_label: core::array::from_fn(|_| zero()),
                quota: zero(),
                reserve: zero(),
                unused_3: [0; 136],
            }
        }
    }

    impl Default for Publication<ReadWrite> {
        fn default() -> Self {
            Self::new()
        }
    }

    impl EntryWords<ReadWrite> {
        /// An erased entry, outside shared memory, for models.
        #[must_use]
        pub fn new() -> Self {
            Self { sequence: Word64::new(0), words: core::array::from_fn(|_| Word64::new(0)) }
        }
    }

    impl Default for EntryWords<ReadWrite> {
        fn default() -> Self {
            Self::new()
        }
    }

    impl SlotWords {
        /// A free slot, outside shared memory, for models.
        #[must_use]
        pub fn new() -> Self {
            let zero = || Word64::new(0);
            Self {
                mark: zero(),
                pid: zero(),
                since: zero(),
                unused_1: [0; 40],
                label: core::array::from_fn(|_| zero()),
                pins: core::array::from_fn(|_| zero()),
            }
        }
    }

    impl Default for SlotWords {
        fn default() -> Self {
            Self::new()
        }
    }
}
