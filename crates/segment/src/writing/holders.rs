//! Who holds how much: the reader slots that keep bytes in use which the newest version does not cover.

use crate::covering::{Keeper, Pinned};
use crate::protocol::is_claimed;
use crate::sync::Ordering;
use crate::words::{SlotWords, label_text};
use crate::writing::space::Dropped;
use crate::writing::store::Store;
use std::collections::HashMap;

/// What keeps bytes of a segment in use besides its newest version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The reader slot.
    pub slot: u32,
    /// The process that claimed it (to show).
    pub pid: u64,
    /// When it was claimed, ns since 1970 by the clock of that process (to show).
    pub since: u64,
    /// Its label.
    pub label: String,
    /// The versions it pins, oldest first.
    pub versions: Vec<u64>,
    /// Bytes that the newest version does not cover and that one of its versions does.
    pub bytes: u64,
    /// Those of `bytes` that would be free if this slot alone let go: neither history nor another slot needs them.
    pub alone: u64,
}

impl Store {
    /// The reader slots that keep bytes in use which the newest version does not cover.
    #[must_use]
    pub fn holders(&self) -> Vec<Holder> {
        self.claimed_slots().into_iter().filter(|holder| holder.bytes > 0).collect()
    }

    /// All claimed reader slots, those that hold nothing included.
    pub(crate) fn claimed_slots(&self) -> Vec<Holder> {
        let slots = (0..).zip(self.mapped.registry().slots);
        let claimed = slots.filter(|(_, slot)| is_claimed(slot.mark.load(Ordering::Relaxed)));
        let mut holders: Vec<Holder> = claimed.map(|(index, slot)| self.holder(index, slot)).collect();
        let mut pinned = Pinned::default();
        holders.iter().for_each(|holder| pinned.add(holder.slot, &holder.versions));
        let mut alone: HashMap<u32, u64> = HashMap::new();
        for dropped in self.space.dropped_ranges() {
            if let Keeper::One(slot) = self.keeper(dropped, &pinned) {
                *alone.entry(slot).or_default() += dropped.length();
            }
        }
        for holder in &mut holders {
            holder.alone = alone.get(&holder.slot).copied().unwrap_or(0);
        }
        holders
    }

    fn holder(&self, index: u32, slot: &SlotWords) -> Holder {
        let mut versions: Vec<u64> = slot.pins.iter().map(|pin| pin.load(Ordering::Relaxed)).collect();
        versions.retain(|version| self.entries.is_live(*version));
        versions.sort_unstable();
        versions.dedup();
        let covers = |dropped: &&Dropped| {
            versions.iter().any(|version| (dropped.born..dropped.died).contains(version))
        };
        let bytes = self.space.dropped_ranges().iter().filter(covers).map(Dropped::length).sum();
        let load = |word: &crate::sync::Word64| word.load(Ordering::Relaxed);
        let (pid, since, label) = (load(&slot.pid), load(&slot.since), label_text(&slot.label));
        Holder { slot: index, pid, since, label, versions, bytes, alone: 0 }
    }

    /// Who keeps a dropped range in use; versions that nobody pins any more go with the next reclaim.
    fn keeper(&self, dropped: &Dropped, pinned: &Pinned) -> Keeper {
        if self.is_history(dropped) {
            return Keeper::Others;
        }
        pinned.keeper(dropped.born..dropped.died)
    }

    /// Whether history keeps a dropped range: whoever lets go of it, it stays until more is committed.
    fn is_history(&self, dropped: &Dropped) -> bool {
        self.entries.any_live(dropped.born.max(self.floor.max(self.wanted_floor())), dropped.died)
    }

    /// Whether a range would come free if readers let go.
    pub(crate) fn any_kept_by_readers(&self) -> bool {
        !self.space.dropped_ranges().iter().all(|dropped| self.is_history(dropped))
    }

    /// What the segment takes and who holds it, in words.
    pub(crate) fn describe_holders(&self) -> String {
        let allocated = self.allocated_bytes();
        let older: u64 = self.space.dropped_ranges().iter().map(Dropped::length).sum();
        let history = self.space.dropped_ranges().iter().filter(|dropped| self.is_history(dropped));
        let history: u64 = history.map(Dropped::length).sum();
        let mut text = format!("{allocated} bytes allocated, {older} of them for older versions alone");
        if history > 0 {
            text += &format!(
                "; history holds {history} bytes: commit more, or open the segment with a shorter one"
            );
        }
        for Holder { slot, pid, label, versions, bytes, alone, .. } in self.holders() {
            text += &format!(
                "; slot {slot} (process {pid} {label:?}) holds {bytes} bytes by versions {versions:?}, {alone} of \
                 them alone"
            );
        }
        text
    }
}
