//! Reader slots: claimed, released and reaped under a lock that the kernel drops when its holder dies (I5).
//!
//! A lock's acquisition and release order memory as a mutex's do: the kernel takes and drops them under a lock of
//! its own. The mark and the words of a slot are written by the holder of its lock alone.

use crate::edges::Edge;
use crate::sync::Ordering;
use crate::words::{Registry, SlotWords};

/// The locks of the slots, as one holder sees them.
pub trait SlotLocks {
    /// Takes the lock of a slot if nobody holds it. A holder's own lock counts as held by somebody only if it was
    /// taken through another descriptor.
    fn try_lock(&self, slot: u32) -> bool;
    /// Lets a lock go that this holder took.
    fn unlock(&self, slot: u32);
}

/// Claims a slot: a free one if there is one, else one whose claimer is dead.
///
/// On return its lock is held, it is marked and its words are zero; nothing if every slot is held.
/// Dying in here leaves a slot that is marked or not, with pins of the dead or not, and no lock: anybody may claim it.
pub fn claim(registry: Registry<'_>, locks: &impl SlotLocks) -> Option<u32> {
    let with_mark = |wanted: bool| {
        let marks = (0..).zip(registry.slots);
        marks.filter(move |(_, slot)| is_claimed(slot.mark.load(Ordering::Relaxed)) == wanted)
    };
    let mut candidates = with_mark(false).chain(with_mark(true));
    // Edge ClaimUnderLock: two claimers never get one slot.
    let (index, slot) =
        candidates.find(|(index, _)| locks.try_lock(*index) || !Edge::ClaimUnderLock.holds())?;
    if Edge::UsedBeforePin.holds() {
        // Edge UsedBeforePin: a scan that must see a pin of the caller's looks at this slot.
        registry.used.raise(u64::from(index) + 1);
    }
    // The caller's first pin is stored after the mark and fenced (edge PinBeforeFloor), so a scan that must see the
    // pin sees the mark.
    let claimed = slot.mark.own().wrapping_add(1) | 1;
    if Edge::MarkBeforeClear.holds() {
        // Edge MarkBeforeClear: a pin may have moved from here to a slot that a scan has passed by already. Who sees
        // it gone sees the mark changed; who sees this mark sees the pin where it went.
        slot.mark.store(claimed, Ordering::Release);
        clear(slot);
    } else {
        clear(slot);
        slot.mark.store(claimed, Ordering::Release);
    }
    Some(index)
}

/// Whether a slot with this mark is claimed: the mark grows with each claim and each release.
#[must_use]
pub fn is_claimed(mark: u64) -> bool {
    mark % 2 == 1
}

/// Releases a slot: clears it, unmarks it, lets its lock go.
pub fn release(registry: Registry<'_>, locks: &impl SlotLocks, index: u32) {
    let slot = &registry.slots[index as usize];
    clear(slot);
    // Edge Unpin: a scan passes by a slot that is not claimed.
    slot.mark.store(slot.mark.own().wrapping_add(1) & !1, Edge::Unpin.order(Ordering::Release));
    locks.unlock(index);
}

/// Clears the slots of the dead that hold pins of versions below `floor`; returns how many.
///
/// Only the holder of the lease reaps. What stands in the registry is not trusted (I8): a damaged word costs a
/// question to the kernel at the most.
pub fn reap(registry: Registry<'_>, locks: &impl SlotLocks, floor: u64) -> usize {
    let mut reaped = 0;
    for (index, slot) in (0..).zip(registry.used_slots()) {
        let in_the_way = |pin: u64| pin != 0 && pin < floor;
        let claimed = is_claimed(slot.mark.load(Ordering::Relaxed));
        if claimed
            && slot.pins.iter().any(|pin| in_the_way(pin.load(Ordering::Relaxed)))
            && locks.try_lock(index)
        {
            release(registry, locks, index);
            reaped += 1;
        }
    }
    reaped
}

fn clear(slot: &SlotWords) {
    for pin in &slot.pins {
        // Edge Unpin: whoever held these pins is dead or gone; its reads lie behind the lock.
        pin.store(0, Edge::Unpin.order(Ordering::Release));
    }
}
