//! Publish: one store makes a version visible, all of it.

use super::entry::{EntryRead, read_own_entry, write_entry};
use super::wait::{Sleep, wake_waiters};
use crate::edges::Edge;
use crate::sync::{Ordering, ReadWrite};
use crate::words::{Control, Registry};
use shmframe_format::table::Entry;

/// Makes `entry` the newest version. Only the holder of the lease may call this, with the version after `latest`.
///
/// Returns false, and changes nothing, if the ring's place for it is not erased: reclaim first.
///
/// A crash before the store of `latest` is invisible: the next writer erases an entry above `latest` (I2, I10).
pub fn publish(
    control: Control<'_, ReadWrite>,
    registry: Registry<'_>,
    sleep: &impl Sleep,
    entry: &Entry,
) -> bool {
    let place = control.ring_slot(entry.version);
    if !matches!(read_own_entry(place), EntryRead::Whole(before) if before.version == 0) {
        return false;
    }
    write_entry(place, entry);
    // Edge Commit: releases the entry, the records and the columns of this version.
    control.publication.latest.store(entry.version, Edge::Commit.order(Ordering::Release));
    wake_waiters(control, registry, sleep);
    true
}
