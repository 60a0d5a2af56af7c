//! The entries of a segment, damaged ones included.

use super::inspection::{ENTRY_SIZE, Inspection, LOOKS};
use shmframe_format::Result;
use shmframe_format::geometry::RING_LENGTH;
use shmframe_format::record::check_entry;
use shmframe_format::table::Entry;

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryPlace {
    /// At this index of the commit ring.
    Ring(u64),
    /// At this index of the retained table.
    Retained(u64),
}

/// Why an entry is none: the next writer erases it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryFault {
    /// It is being written; with no writer at work: one died in the middle of it.
    Odd,
    /// Its checksum is not that of its words.
    Checksum,
    /// It stands in the ring where another version has its place.
    Misplaced,
    /// It is above `latest`: being published; with no writer at work: one died before it was.
    Unpublished,
}

/// An entry that is not an erased one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundEntry {
    /// Where it stands.
    pub place: EntryPlace,
    /// The same, bytes from the start of `data`.
    pub offset: u64,
    /// Its words. Those of an entry with a fault may be anything.
    pub entry: Entry,
    /// Why it does not count; none: its version is live.
    pub fault: Option<EntryFault>,
}

impl FoundEntry {
    /// The version that it names.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.entry.version
    }
}

impl Inspection {
    /// Every entry of the commit ring and of the retained table that is not an erased one, in the order of their places.
    ///
    /// An entry that a writer is moving may be found in both.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Truncated`].
    pub fn entries(&self) -> Result<Vec<FoundEntry>> {
        let mut suspected = Vec::new();
        let mut found = Vec::new();
        self.each_entry(|offset, entry| {
            let place = self.place_of(offset);
            if !is_erased(entry) {
                found.push(FoundEntry { place, offset, entry: *entry, fault: fault(place, entry) });
                if found.last().is_some_and(|entry| entry.fault.is_some()) {
                    suspected.push(found.len() - 1);
                }
            }
        })?;
        // They were read a stretch at a time: what looks torn may be whole.
        for index in suspected {
            let FoundEntry { place, offset, .. } = found[index];
            let entry = self.read_entry(offset)?;
            found[index] = FoundEntry { place, offset, entry, fault: fault(place, &entry) };
        }
        found.retain(|found| !is_erased(&found.entry));
        // Asked afterwards: an entry may be published while it is read.
        let latest = self.latest()?;
        for found in found.iter_mut().filter(|found| found.fault.is_none() && found.entry.version > latest) {
            found.fault = Some(EntryFault::Unpublished);
        }
        Ok(found)
    }

    /// The entry at `offset`, whole if it holds still for a moment.
    fn read_entry(&self, offset: u64) -> Result<Entry> {
        let mut entry = self.look_at_entry(offset)?;
        for _ in 0..LOOKS {
            if entry.sequence.is_multiple_of(2) && self.is_unchanged(offset, &entry)? {
                break;
            }
            entry = self.look_at_entry(offset)?;
        }
        Ok(entry)
    }

    pub(super) fn place_of(&self, offset: u64) -> EntryPlace {
        let geometry = self.header().geometry();
        let index = (offset - geometry.ring_offset()) / ENTRY_SIZE;
        match index.checked_sub(u64::from(RING_LENGTH)) {
            None => EntryPlace::Ring(index),
            Some(index) => EntryPlace::Retained(index),
        }
    }
}

fn is_erased(entry: &Entry) -> bool {
    let erased = Entry { sequence: entry.sequence, ..bytemuck::Zeroable::zeroed() };
    entry.sequence.is_multiple_of(2) && *entry == erased
}

/// Why an entry that was found here does not count, as far as it says itself.
pub(super) fn fault(place: EntryPlace, entry: &Entry) -> Option<EntryFault> {
    if !entry.sequence.is_multiple_of(2) {
        return Some(EntryFault::Odd);
    }
    // Most places are erased ones: they are told apart before anybody words an error about them.
    if entry.version == 0 || check_entry(entry, entry.version).is_err() {
        return Some(EntryFault::Checksum);
    }
    match place {
        EntryPlace::Ring(index) if entry.version % u64::from(RING_LENGTH) != index => {
            Some(EntryFault::Misplaced)
        }
        _ => None,
    }
}
