//! Which versions can be pinned now.

use super::entry::{EntryRead, read_entry};
use crate::edges::Edge;
use crate::sync::{Access, Ordering, ReadWord};
use crate::words::Control;
use shmframe_format::record::check_entry;
use shmframe_format::table::Entry;

/// The entries of the versions from the floor to the newest one, oldest first, without a gap.
///
/// Lock-free: a retry means that the writer went on.
///
/// # Errors
/// A version whose entry is damaged.
pub fn kept_entries<A: Access>(control: Control<'_, A>) -> Result<Vec<Entry>, u64> {
    let publication = control.publication;
    loop {
        let latest = publication.latest.read();
        // Edge Commit, the reader's end: the entries of all versions up to this one stand.
        Edge::Commit.fence(Ordering::Acquire);
        let oldest =
            publication.floor.read().max(1).max(latest.saturating_sub(control.ring.len() as u64 - 1));
        let entries: Vec<_> = (oldest..=latest).map(|version| read_version(control, version)).collect();
        // Edge EraseAfter, the reader's end: who finds an entry erased finds the floor that passed it.
        Edge::EraseAfter.fence(Ordering::Acquire);
        let floor = publication.floor.read();
        if floor <= latest {
            return entries.into_iter().skip(floor.saturating_sub(oldest) as usize).collect();
        }
        // The floor passed all of them: then `latest` went on. If it did not, the segment is damaged.
        Edge::FloorAfterLatest.fence(Ordering::Acquire);
        if publication.latest.read() == latest {
            return Err(latest);
        }
    }
}

fn read_version<A: Access>(control: Control<'_, A>, version: u64) -> Result<Entry, u64> {
    match read_entry(control.ring_slot(version)) {
        EntryRead::Whole(entry) if check_entry(&entry, version).is_ok() => Ok(entry),
        _ => Err(version),
    }
}
