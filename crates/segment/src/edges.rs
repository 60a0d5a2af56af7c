//! The happens-before edges of the protocol, by name.
//!
//! Both ends of an edge name it, `docs/protocol.md` explains it, and for each one a loom model shows that the
//! protocol breaks without it: under `cfg(loom)`, `break_edge` leaves one out.

use crate::sync::{self, Ordering};

/// A fence, an order of steps or a re-check that the protocol rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Edge {
    /// The store of `latest` releases entry, records and columns; a reader's load of `latest` acquires them.
    Commit = 1,
    /// The pin is stored before `floor` is read (fence on the reader's side).
    PinBeforeFloor,
    /// `floor` is stored before pins are scanned (fence on the writer's side).
    FloorBeforeScan,
    /// A pin counts only if `floor` has not passed it (the re-check).
    PinRecheck,
    /// Clearing a pin releases the reads under it; the scan acquires them.
    Unpin,
    /// An entry's sequence is odd before its words change, and before the bytes of an erased one are used again.
    EntryOpen,
    /// An entry's sequence is even again after its words changed.
    EntryClose,
    /// An entry's words are read before its sequence is compared.
    EntryCheck,
    /// An entry stands in the retained table before it leaves the ring.
    RetainBeforeErase,
    /// The waiting flag is set before `latest` is looked at again.
    FlagBeforeLatest,
    /// `latest` is stored before the waiting flag is read.
    LatestBeforeFlag,
    /// A waiter looks at `latest` again after it set the flag.
    WaitRecheck,
    /// The flag is cleared before `wake` is bumped.
    FlagBeforeWake,
    /// `floor` is stored after the `latest` that it follows: a reader that meets it finds that version.
    FloorAfterLatest,
    /// An entry changes after what makes up for it: whoever meets it changed finds a newer `latest`, or its copy in
    /// the retained table.
    EraseAfter,
    /// A slot is taken only by who holds its lock.
    ClaimUnderLock,
    /// A slot's mark changes before a claimer clears its words.
    MarkBeforeClear,
    /// A scan during which a mark changed is made again: a pin may have moved out of that slot, past the scan.
    MarkRecheck,
    /// A claimer says that its slot is used before it pins anything there.
    UsedBeforePin,
    /// A scan during which more slots came into use is made again: a pin may have moved to one of them.
    UsedRecheck,
    /// Re-homed pins stand in the new slot before the old lock is let go.
    RehomeBeforeClose,
    /// The dead are reaped before the living are scanned: what only they pinned is free at once.
    ReapBeforeScan,
    /// A word is busy before the slot's freeze mark is read.
    BusyBeforeFreeze,
    /// A slot's home is read after its freeze mark: who finds it thawed finds where it has moved.
    HomeAfterFreeze,
    /// A slot is frozen before its words are looked at.
    FreezeBeforeLook,
    /// Pins are noted for a fork when no thread is at work on a word any more.
    NoteWhenIdle,
    /// They are noted before the fork, not looked for after it.
    NoteBeforeFork,
    /// An unpin that found the slot frozen looks again after it left its word behind.
    ThawRecheck,
}

impl Edge {
    /// Every edge.
    pub const ALL: &[Self] = &[
        Self::Commit,
        Self::PinBeforeFloor,
        Self::FloorBeforeScan,
        Self::PinRecheck,
        Self::Unpin,
        Self::EntryOpen,
        Self::EntryClose,
        Self::EntryCheck,
        Self::RetainBeforeErase,
        Self::FlagBeforeLatest,
        Self::LatestBeforeFlag,
        Self::WaitRecheck,
        Self::FlagBeforeWake,
        Self::FloorAfterLatest,
        Self::EraseAfter,
        Self::ClaimUnderLock,
        Self::MarkBeforeClear,
        Self::MarkRecheck,
        Self::UsedBeforePin,
        Self::UsedRecheck,
        Self::RehomeBeforeClose,
        Self::ReapBeforeScan,
        Self::BusyBeforeFreeze,
        Self::HomeAfterFreeze,
        Self::FreezeBeforeLook,
        Self::NoteWhenIdle,
        Self::NoteBeforeFork,
        Self::ThawRecheck,
    ];

    /// A fence of this edge.
    #[inline]
    pub(crate) fn fence(self, order: Ordering) {
        if self.holds() {
            sync::fence(order);
        }
    }

    /// The memory order of an access of this edge.
    #[inline]
    pub(crate) fn order(self, order: Ordering) -> Ordering {
        if self.holds() { order } else { Ordering::Relaxed }
    }

    /// Always true outside the models: they leave one edge out to see the protocol break.
    #[inline(always)]
    pub(crate) fn holds(self) -> bool {
        #[cfg(loom)]
        return BROKEN.load(Ordering::SeqCst) != self as u8;
        #[cfg(not(loom))]
        true
    }
}

#[cfg(loom)]
static BROKEN: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

/// Leaves one edge out of the protocol, or none.
#[cfg(loom)]
pub fn break_edge(edge: Option<Edge>) {
    BROKEN.store(edge.map_or(0, |edge| edge as u8), Ordering::SeqCst);
}
