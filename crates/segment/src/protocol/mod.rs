//! The protocol of `docs/protocol.md`, as functions over shared words.
//!
//! Nothing here knows of files, mappings or system calls: locks, and sleeping, come in through the small traits
//! [`SlotLocks`] and [`Sleep`]. So the very same functions run on a mapping and, under loom, on the heap.
//! Each [`crate::edges::Edge`] is named at both of its ends.

mod claim;
mod entry;
mod freeze;
mod kept;
mod pin;
mod publish;
mod reclaim;
mod wait;

pub use claim::{SlotLocks, claim, is_claimed, reap, reap_all, release};
pub use entry::{EntryRead, erase, read_entry, unchanged, write_entry};
pub use freeze::Rehome;
pub use kept::kept_entries;
pub use pin::{Join, LocalSlot, NO_HOME, PinOutcome, Pinned};
pub use publish::publish;
pub use reclaim::{Entries, Reclaimed, raise_floor, reclaim, scan};
pub use wait::{Sleep, WaitOutcome, mark_removed, wait_newer, wake_all, wake_waiters};
