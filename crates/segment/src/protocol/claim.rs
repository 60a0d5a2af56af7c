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
/// What stands in the registry is not trusted (I8): a damaged word costs a question to the kernel at the most.
pub fn reap(registry: Registry<'_>, locks: &impl SlotLocks, floor: u64) -> usize {
    let in_the_way = |pin: u64| pin != 0 && pin < floor;
    let stands = |slot: &SlotWords| slot.pins.iter().any(|pin| in_the_way(pin.load(Ordering::Relaxed)));
    let used = (0..).zip(registry.used_slots());
    used.filter(|(index, slot)| stands(slot) && reap_slot(registry, locks, *index)).count()
}

/// Clears all slots of the dead, and calls `reaped` with each of them. Anybody may who may write the registry, whoever holds
/// the lease, and several at once.
pub fn reap_all(registry: Registry<'_>, locks: &impl SlotLocks, mut reaped: impl FnMut(u32)) {
    // `used` is a hint for scans; a look at all of them costs nothing that counts here.
    let all = (0..).zip(registry.slots).map(|(index, _)| index);
    all.filter(|index| reap_slot(registry, locks, *index)).for_each(&mut reaped);
}

/// Clears a slot if it is a dead one's: claimed, and its lock is to be had.
///
/// To everybody else this is a claimer that takes the slot of a dead one, pins nothing, and releases it: the lock keeps out
/// claimers and other reapers, and a scan that meets the cleared words meets the changed mark.
fn reap_slot(registry: Registry<'_>, locks: &impl SlotLocks, index: u32) -> bool {
    let slot = &registry.slots[index as usize];
    if !is_claimed(slot.mark.load(Ordering::Relaxed)) || !locks.try_lock(index) {
        return false;
    }
    let mark = slot.mark.own();
    if !is_claimed(mark) {
        // Its holder released it meanwhile, or another reaper did.
        locks.unlock(index);
        return false;
    }
    if Edge::MarkBeforeClear.holds() {
        // Edge MarkBeforeClear: as in `claim`. The one who scans may be another process.
        slot.mark.store(mark.wrapping_add(2), Ordering::Release);
    }
    release(registry, locks, index);
    true
}

fn clear(slot: &SlotWords) {
    for pin in &slot.pins {
        // Edge Unpin: whoever held these pins is dead or gone; its reads lie behind the lock.
        pin.store(0, Edge::Unpin.order(Ordering::Release));
    }
}
