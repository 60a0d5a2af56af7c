//! Reclaim: which versions nobody can reach any more. Floor, reap, fence, scan, erase, fence, reuse (I4).
//!
//! All of it runs under the writer lease. It can be killed anywhere: the floor only rises, an erased entry names
//! nothing, a moved entry stands in both places for a while, and the next writer starts with a reclaim of its own.

use super::claim::{SlotLocks, is_claimed, reap};
use super::entry::{EntryRead, erase, read_own_entry, write_entry};
use crate::edges::Edge;
use crate::sync::{Ordering, ReadWrite};
use crate::words::{Control, EntryWords, Registry};
use shmframe_format::record::check_entry;
use shmframe_format::table::Entry;
use std::collections::BTreeMap;

/// How often a scan looks at a registry whose slots come and go.
const LOOKS: usize = if cfg!(loom) { 2 } else { 16 };

/// The writer's private copy of all entries: the live versions, and where their entries stand.
#[derive(Debug, Default)]
pub struct Entries {
    /// By version: few, and the newest one comes last.
    live: Vec<Entry>,
    retained: BTreeMap<u64, usize>,
    vacant: Vec<usize>,
}

impl Entries {
    /// Reads the entries of a segment as a new holder of the lease: erases what is odd, damaged, above `latest`,
    /// or in the wrong place, and the ring's copy of what stands in both places.
    ///
    /// Repeating it, or being killed in it, changes nothing.
    #[must_use]
    pub fn recover(control: Control<'_, ReadWrite>, table: &[EntryWords<ReadWrite>]) -> Self {
        let latest = control.publication.latest.own();
        let mut entries = Self::default();
        for (index, place) in table.iter().enumerate() {
            match live_entry(place, latest) {
                Some(entry) if entries.insert(entry) => {
                    entries.retained.insert(entry.version, index);
                }
                _ => {
                    erase_remains(place);
                    entries.vacant.push(index);
                }
            }
        }
        for (index, place) in control.ring.iter().enumerate() {
            let entry = live_entry(place, latest);
            match entry.filter(|entry| entry.version % control.ring.len() as u64 == index as u64) {
                Some(entry) if entries.insert(entry) => {}
                _ => erase_remains(place),
            }
        }
        entries
    }

    /// The entries of the live versions, oldest first.
    #[must_use]
    pub fn live(&self) -> &[Entry] {
        &self.live
    }

    /// Whether a version is live.
    #[must_use]
    pub fn is_live(&self, version: u64) -> bool {
        self.find(version).is_ok()
    }

    /// Whether a live version lies in `[from, to)`.
    #[must_use]
    pub fn any_live(&self, from: u64, to: u64) -> bool {
        let first = self.find(from).unwrap_or_else(|first| first);
        self.live.get(first).is_some_and(|entry| entry.version < to)
    }

    /// Notes a version that was just published.
    pub fn published(&mut self, entry: Entry) {
        self.insert(entry);
    }

    /// Where the entry of a version stands, or would stand.
    fn find(&self, version: u64) -> Result<usize, usize> {
        self.live.binary_search_by_key(&version, |entry| entry.version)
    }

    /// Adds an entry; false if there is one of its version.
    fn insert(&mut self, entry: Entry) -> bool {
        let place = self.find(entry.version);
        if let Err(at) = place {
            self.live.insert(at, entry);
        }
        place.is_err()
    }

    /// Erases the entries that `keep` does not want; moves old ones that it wants out of the ring.
    fn settle(
        &mut self,
        control: Control<'_, ReadWrite>,
        table: &[EntryWords<ReadWrite>],
        keep: impl Fn(u64) -> bool,
        oldest_in_ring: u64,
    ) {
        let versions = self.live.iter().map(|entry| entry.version);
        let mut gone: Vec<u64> = versions.filter(|version| !keep(*version)).collect();
        // Those that stand in the ring are left.
        gone.retain(|version| {
            let index = self.retained.remove(version);
            if let Some(index) = index {
                erase(&table[index]);
                self.vacant.push(index);
            }
            index.is_none()
        });
        self.live.retain(|entry| keep(entry.version));
        let old = self.live.iter().take_while(|entry| entry.version < oldest_in_ring);
        let leaving = old.filter(|entry| !self.retained.contains_key(&entry.version));
        for entry in leaving.copied().collect::<Vec<_>>() {
            self.retain(control, table, &entry);
        }
        for version in gone {
            erase(control.ring_slot(version));
        }
    }

    /// Moves an entry from the ring to the retained table.
    fn retain(&mut self, control: Control<'_, ReadWrite>, table: &[EntryWords<ReadWrite>], entry: &Entry) {
        // The table has room for every pin word and a ring. It fills only where slots never hold still: then the entry
        // stays in the ring, and in the way of a commit.
        let Some(index) = self.vacant.pop() else { return };
        if !Edge::RetainBeforeErase.holds() {
            erase(control.ring_slot(entry.version));
        }
        write_entry(&table[index], entry);
        // Edges RetainBeforeErase, EraseAfter: whoever finds the ring's entry odd or erased finds this one.
        if Edge::RetainBeforeErase.holds() {
            erase(control.ring_slot(entry.version));
        }
        self.retained.insert(entry.version, index);
    }
}

fn live_entry(place: &EntryWords<ReadWrite>, latest: u64) -> Option<Entry> {
    match read_own_entry(place) {
        // Most places are erased ones: they are told apart before anybody words an error about them.
        EntryRead::Whole(entry)
            if (1..=latest).contains(&entry.version) && check_entry(&entry, entry.version).is_ok() =>
        {
            Some(entry)
        }
        _ => None,
    }
}

fn erase_remains(place: &EntryWords<ReadWrite>) {
    if !matches!(read_own_entry(place), EntryRead::Whole(entry) if entry == Entry { sequence: entry.sequence, ..bytemuck::Zeroable::zeroed() })
    {
        erase(place);
    }
}

/// Raises `floor`; it never falls.
pub fn raise_floor(control: Control<'_, ReadWrite>, floor: u64) {
    let word = &control.publication.floor;
    if word.own() < floor {
        // Edge FloorAfterLatest: a reader that meets the new floor finds a `latest` that is not below it.
        word.store(floor, Edge::FloorAfterLatest.order(Ordering::Release));
    }
}

/// What a reclaim saw in the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reclaimed {
    /// How many slots of the dead were cleared.
    pub reaped: usize,
    /// Slots that did not hold still, so that every version counted as pinned; none, as a rule.
    pub restless: Vec<u32>,
}

/// Every version that a claimed slot pins, sorted; damaged words are versions that nobody has.
///
/// # Errors
/// The slots that did not hold still in the last of several looks, each of which saw one claimed or released. A pin may
/// then have moved past the scan, out of a slot that was let go and claimed by another process before the scan got
/// there.
pub fn scan(registry: Registry<'_>) -> Result<Vec<u64>, Vec<u32>> {
    // Edge Unpin, the writer's end: what was read under a pin that is gone was read before.
    let order = Edge::Unpin.order(Ordering::Acquire);
    let mut restless = Vec::new();
    for _ in 0..LOOKS {
        // Edge UsedBeforePin, the writer's end, after the fence.
        let used = registry.used_slots();
        let marks = || used.iter().map(|slot| slot.mark.load(order));
        let before: Vec<u64> = marks().collect();
        let claimed = used.iter().zip(&before).filter(|(_, mark)| is_claimed(**mark));
        let pins = claimed.flat_map(|(slot, _)| slot.pins.iter().map(|pin| pin.load(order)));
        let mut pinned: Vec<u64> = pins.filter(|pin| *pin != 0).collect();
        // Edge MarkRecheck: whoever cleared a word that its pin had left has changed the mark before.
        // Edge UsedRecheck: a pin may have moved to a slot that was not used before.
        let now = if Edge::UsedRecheck.holds() { registry.used_slots().len() } else { used.len() };
        let changed = (0..).zip(marks().zip(before)).filter(|(_, (now, before))| now != before);
        restless = changed.map(|(index, _)| index).chain(used.len() as u32..now as u32).collect();
        if restless.is_empty() || !Edge::MarkRecheck.holds() {
            pinned.sort_unstable();
            pinned.dedup();
            return Ok(pinned);
        }
    }
    Err(restless)
}

/// Raises the floor to `floor` and erases the entries of all versions below it that nobody pins; afterwards the
/// bytes that no live version of `entries` covers may be used again.
///
/// `floor` is at most `latest`, and at most half a ring below it.
pub fn reclaim(
    control: Control<'_, ReadWrite>,
    table: &[EntryWords<ReadWrite>],
    registry: Registry<'_>,
    locks: &impl SlotLocks,
    entries: &mut Entries,
    floor: u64,
) -> Reclaimed {
    raise_floor(control, floor);
    let floor = control.publication.floor.own();
    let mut reaped = 0;
    // Edge ReapBeforeScan: what only the dead pinned is free after this reclaim, not after the next.
    if Edge::ReapBeforeScan.holds() {
        reaped = reap(registry, locks, floor);
    }
    // Edge FloorBeforeScan / PinBeforeFloor: either the scan sees a pin, or its reader sees the floor (I3).
    Edge::FloorBeforeScan.fence(Ordering::SeqCst);
    let pinned = scan(registry);
    if !Edge::ReapBeforeScan.holds() {
        reaped = reap(registry, locks, floor);
    }
    let is_pinned = |version| pinned.as_ref().map_or(true, |pinned| pinned.binary_search(&version).is_ok());
    let keep = |version| version >= floor || is_pinned(version);
    let latest = control.publication.latest.own();
    // A damaged word is found out by recovery; here it must not overflow.
    let oldest_in_ring = latest.saturating_add(1).saturating_sub(control.ring.len() as u64 / 2);
    // What comes after this may use the bytes of erased entries again (edge EntryOpen).
    entries.settle(control, table, keep, oldest_in_ring);
    Reclaimed { reaped, restless: pinned.err().unwrap_or_default() }
}
