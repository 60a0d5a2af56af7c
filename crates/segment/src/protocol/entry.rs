//! Entries: {version, root record, commit time}, each under its own seqlock.
//!
//! One writer (the holder of the lease), any number of readers. A writer that dies in the middle leaves the
//! sequence odd; the entry is then not `latest`'s (edge Commit), and the next writer erases it.

use crate::edges::Edge;
use crate::sync::{Access, Ordering, ReadWord, ReadWrite};
use crate::words::EntryWords;
use shmframe_format::table::Entry;
use words::{from_words, to_words};

/// What stands in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryRead {
    /// It is being written, or its writer died.
    Odd,
    /// A whole entry; its version is 0 if it is erased.
    Whole(Entry),
}

/// Writes an entry; its `sequence` is ignored.
pub fn write_entry(place: &EntryWords<ReadWrite>, entry: &Entry) {
    let odd = place.sequence.own() | 1;
    // Edge EraseAfter: who finds its entry changed finds a `latest` that went on, or the entry's copy elsewhere.
    place.sequence.store(odd, Edge::EraseAfter.order(Ordering::Release));
    // Edge EntryOpen: whoever sees one of the new words sees the odd sequence too. So does, after an erasure, who
    // sees a byte of the next user of the version's bytes.
    Edge::EntryOpen.fence(Ordering::Release);
    for (word, value) in place.words.iter().zip(to_words(entry)) {
        word.store(value, Ordering::Relaxed);
    }
    // Edge EntryClose: whoever sees the even sequence sees all new words.
    place.sequence.store(odd.wrapping_add(1), Edge::EntryClose.order(Ordering::Release));
}

/// Erases an entry.
pub fn erase(place: &EntryWords<ReadWrite>) {
    write_entry(place, &bytemuck::Zeroable::zeroed());
}

/// Reads an entry once; never waits.
pub fn read_entry<A: Access>(place: &EntryWords<A>) -> EntryRead {
    let sequence = place.sequence.read();
    // Edge EntryClose, the reader's end.
    Edge::EntryClose.fence(Ordering::Acquire);
    let words = core::array::from_fn(|at| place.words[at].read());
    if sequence % 2 == 1 || !unchanged(place, sequence) {
        return EntryRead::Odd;
    }
    EntryRead::Whole(from_words(sequence, words))
}

/// Reads an entry as the one who may write it.
pub(super) fn read_own_entry(place: &EntryWords<ReadWrite>) -> EntryRead {
    let sequence = place.sequence.own();
    let words = core::array::from_fn(|at| place.words[at].own());
    if sequence % 2 == 1 { EntryRead::Odd } else { EntryRead::Whole(from_words(sequence, words)) }
}

/// Whether an entry still is as it was when its sequence was read.
///
/// Whoever copies bytes of a version without a pin asks this afterwards: entries are erased before their bytes are
/// used again (edge EntryOpen), so an unchanged entry means that the copy is of that version.
pub fn unchanged<A: Access>(place: &EntryWords<A>, sequence: u64) -> bool {
    // Edge EntryCheck: the words (and bytes) read before are read before the sequence is compared.
    Edge::EntryCheck.fence(Ordering::Acquire);
    place.sequence.read() == sequence
}

#[cfg(not(loom))]
mod words {
    use super::Entry;
    use crate::words::ENTRY_WORDS;

    pub(super) fn to_words(entry: &Entry) -> [u64; ENTRY_WORDS] {
        [
            entry.version,
            entry.root_offset,
            entry.root_length,
            entry.root_checksum,
            entry.epoch,
            entry.committed,
            entry.checksum,
        ]
    }

    pub(super) fn from_words(sequence: u64, words: [u64; ENTRY_WORDS]) -> Entry {
        let [version, root_offset, root_length, root_checksum, epoch, committed, checksum] = words;
        Entry { sequence, version, root_offset, root_length, root_checksum, epoch, committed, checksum }
    }
}

/// In the models an entry has a version and a checksum: each further word multiplies the states.
#[cfg(loom)]
mod words {
    use super::Entry;
    use crate::words::ENTRY_WORDS;

    pub(super) fn to_words(entry: &Entry) -> [u64; ENTRY_WORDS] {
        [entry.version, entry.checksum]
    }

    pub(super) fn from_words(sequence: u64, words: [u64; ENTRY_WORDS]) -> Entry {
        let [version, checksum] = words;
        Entry { sequence, version, checksum, ..bytemuck::Zeroable::zeroed() }
    }
}
