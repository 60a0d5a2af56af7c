//! Pins: how a process says that it uses a version, without a system call and without waiting for anybody.
//!
//! A [`LocalSlot`] is a process's private side of a reader slot. Each of its words is free, busy (one thread works
//! on it), valid (n holders), or left behind (its last holder went while the slot was frozen). The shared words
//! carry the version alone. Threads join a valid word by counting up; the shared word does not change.
//!
//! A fork freezes a slot: parent and child then share its lock, so neither may change its words any more. Both go
//! on to a slot of their own by [`LocalSlot::rehome`].

use super::entry::{EntryRead, read_entry};
use crate::edges::Edge;
use crate::sync::{Access, LocalWord, Ordering, ReadWord, Word64};
use crate::words::{Control, PINS, Registry};
use shmframe_format::record::check_entry;
use shmframe_format::table::Entry;

pub(super) const FREE: u64 = 0;
pub(super) const BUSY: u64 = 1;
pub(super) const LEFT: u64 = 2;
/// One holder; each further one counts up.
pub(super) const VALID: u64 = 3;

/// A slot whose words are taken and cleared freely.
pub(super) const OPEN: u64 = 0;
/// Frozen for a fork that is under way.
pub(super) const FORKING: u64 = 1;
/// Frozen since a fork that found pins in it: a child may count on its words.
pub(super) const SHARED: u64 = 2;

/// A slot that has no place in the registry.
pub const NO_HOME: u32 = u32::MAX;

/// A process's private side of a reader slot.
#[derive(Debug)]
pub struct LocalSlot {
    pub(super) home: LocalWord,
    pub(super) frozen: LocalWord,
    pub(super) words: [LocalPin; PINS],
}

#[derive(Debug)]
pub(super) struct LocalPin {
    pub(super) state: LocalWord,
    pub(super) version: LocalWord,
}

/// A pin that holds: where it stands, and the entry of its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// The word of the slot.
    pub word: usize,
    /// The entry, checked.
    pub entry: Entry,
}

/// What came of trying to pin the newest version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinOutcome {
    /// It is pinned.
    Pinned(Pinned),
    /// This slot has no word to spare, or is frozen: try another one.
    NoWord,
    /// The version that was asked for is below the floor.
    Gone,
    /// The version that was asked for is not published yet.
    Unpublished,
    /// The entry of the newest version, or the floor, is damaged.
    Damaged(u64),
}

/// What came of trying to join the holders of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// The caller holds the word, too.
    Joined,
    /// It pins nothing, or another version.
    Missed,
    /// As `Missed`, and the slot is frozen and should be settled ([`LocalSlot::rehome`]).
    Settle,
}

impl LocalSlot {
    /// The private side of slot `home`, or of none yet ([`NO_HOME`]).
    #[must_use]
    pub fn new(home: u32) -> Self {
        let free = || LocalPin { state: LocalWord::new(FREE), version: LocalWord::new(0) };
        Self {
            home: LocalWord::new(u64::from(home)),
            frozen: LocalWord::new(OPEN),
            words: core::array::from_fn(|_| free()),
        }
    }

    /// The slot's place in the registry, or [`NO_HOME`].
    #[must_use]
    pub fn home(&self) -> u32 {
        self.home.load(Ordering::Acquire) as u32
    }

    /// Gives a slot without pins a place in the registry, or takes it away.
    pub fn set_home(&self, home: u32) {
        self.home.store(u64::from(home), Ordering::Release);
    }

    /// Pins the newest version, or `wanted` if it still is to be had.
    ///
    /// `known` is asked for the entry of a version while the word is the caller's alone (BUSY); one that was pinned before
    /// is still the same. It must not wait for anybody, nor allocate: a fork waits for it.
    ///
    /// Lock-free: a retry means that the writer went on. Dying in here leaves a word that the writer either reaps or
    /// ignores.
    pub fn pin<A: Access>(
        &self,
        control: Control<'_, A>,
        registry: Registry<'_>,
        wanted: Option<u64>,
        mut known: impl FnMut(usize, u64) -> Option<Entry>,
    ) -> PinOutcome {
        let Some((word, shared)) = self.take_word(registry) else { return PinOutcome::NoWord };
        let local = &self.words[word];
        let known = |version| known(word, version);
        let pinned = match wanted {
            None => pin_latest(control, shared, known).map_err(PinOutcome::Damaged),
            Some(version) => pin_kept(control, shared, version, known),
        };
        match pinned {
            Ok(entry) => {
                local.version.store(entry.version, Ordering::Relaxed);
                local.state.store(VALID, Ordering::Release);
                PinOutcome::Pinned(Pinned { word, entry })
            }
            Err(outcome) => {
                shared.store(0, Ordering::Release);
                local.state.store(FREE, Ordering::Release);
                outcome
            }
        }
    }

    /// Joins the holders of `word` if it is valid and pins `version`.
    pub fn join(&self, registry: Registry<'_>, word: usize, version: u64) -> Join {
        let local = &self.words[word];
        let state = local.state.guess();
        if state < VALID || local.state.exchange(state, state + 1, Ordering::Acquire).is_err() {
            return Join::Missed;
        }
        // We hold whatever the word pins now; it cannot change until we go.
        if local.version.load(Ordering::Relaxed) == version {
            return Join::Joined;
        }
        // Whoever else held it may be gone by now: then what is to be done falls to us.
        if self.unpin(registry, word) { Join::Settle } else { Join::Missed }
    }

    /// The versions that are pinned just now, each with the number of its holders.
    pub fn pinned(&self) -> impl Iterator<Item = (u64, u64)> {
        self.words.iter().filter_map(|local| {
            let state = local.state.load(Ordering::Acquire);
            (state >= VALID).then(|| (local.version.load(Ordering::Relaxed), state - VALID + 1))
        })
    }

    /// A word that pins `version` just now, to be joined.
    #[must_use]
    pub fn word_of(&self, version: u64) -> Option<usize> {
        self.words.iter().position(|local| {
            local.state.load(Ordering::Acquire) >= VALID && local.version.load(Ordering::Relaxed) == version
        })
    }

    /// Takes a free word of a slot that is not frozen: on return the word is busy, and ours alone.
    fn take_word<'a>(&self, registry: Registry<'a>) -> Option<(usize, &'a Word64)> {
        if self.frozen.load(Ordering::Relaxed) != OPEN || self.home() == NO_HOME {
            return None;
        }
        let free = |local: &LocalPin| local.state.guess() == FREE;
        // Edge BusyBeforeFreeze / FreezeBeforeLook: either we see the freeze, or the freezer sees us busy.
        let order = Edge::BusyBeforeFreeze.order(Ordering::SeqCst);
        let word = self
            .words
            .iter()
            .position(|local| free(local) && local.state.exchange(FREE, BUSY, order).is_ok())?;
        let too_early = (!Edge::HomeAfterFreeze.holds()).then(|| self.home());
        let frozen = self.frozen.load(order) != 0;
        // Edge HomeAfterFreeze: a slot that was frozen may have moved; one that is not, and has a busy word, stays.
        let home = too_early.unwrap_or_else(|| self.home());
        if frozen || home == NO_HOME {
            self.words[word].state.store(FREE, Ordering::Release);
            return None;
        }
        Some((word, &registry.slots[home as usize].pins[word]))
    }

    /// Lets one hold of a word go; the last one clears the shared word.
    ///
    /// Returns true if the slot is frozen and should be settled ([`LocalSlot::rehome`]).
    pub fn unpin(&self, registry: Registry<'_>, word: usize) -> bool {
        let state = &self.words[word].state;
        let mut held = state.guess();
        loop {
            let last = held == VALID;
            let (next, order) = if last {
                (BUSY, Edge::BusyBeforeFreeze.order(Ordering::SeqCst))
            } else {
                (held - 1, Ordering::Release)
            };
            match state.exchange(held, next, order) {
                Ok(_) if last => break,
                Ok(_) => return false,
                Err(now) => held = now,
            }
        }
        self.clear_busy(registry, word)
    }

    /// Clears a busy word that nobody holds; leaves it behind if the slot is frozen.
    fn clear_busy(&self, registry: Registry<'_>, word: usize) -> bool {
        let state = &self.words[word].state;
        loop {
            if self.frozen.load(Edge::BusyBeforeFreeze.order(Ordering::SeqCst)) == 0 {
                self.clear_shared(registry, word);
                state.store(FREE, Ordering::Release);
                return false;
            }
            // Edge ThawRecheck: either who thaws the slot sees the word left behind, or we see it thawed.
            state.store(LEFT, Edge::ThawRecheck.order(Ordering::SeqCst));
            let thawed = Edge::ThawRecheck.holds() && self.frozen.load(Ordering::SeqCst) == 0;
            if !thawed || state.exchange(LEFT, BUSY, Ordering::SeqCst).is_err() {
                return true;
            }
        }
    }

    pub(super) fn clear_shared(&self, registry: Registry<'_>, word: usize) {
        if let Some(slot) = registry.slots.get(self.home() as usize) {
            // Edge Unpin: what was read under the pin was read before.
            slot.pins[word].store(0, Edge::Unpin.order(Ordering::Release));
        }
    }
}

/// Pins the newest version in a shared word that is ours alone; the version if its entry is damaged.
fn pin_latest<A: Access>(
    control: Control<'_, A>,
    shared: &Word64,
    mut known: impl FnMut(u64) -> Option<Entry>,
) -> Result<Entry, u64> {
    let publication = control.publication;
    loop {
        let version = publication.latest.read();
        // Edge Commit, the reader's end.
        Edge::Commit.fence(Ordering::Acquire);
        if let Some(entry) = pin_version(control, shared, version, &mut known) {
            return Ok(entry);
        }
        // The floor passed us, or the ring lapped us: then `latest` went on. If it did not, the segment is damaged.
        // Edges FloorAfterLatest and EraseAfter, the reader's end.
        Edge::FloorAfterLatest.fence(Ordering::Acquire);
        if publication.latest.read() == version {
            return Err(version);
        }
    }
}

/// Pins `version` in a shared word that is ours alone, if it was published and still is kept.
fn pin_kept<A: Access>(
    control: Control<'_, A>,
    shared: &Word64,
    version: u64,
    known: impl FnMut(u64) -> Option<Entry>,
) -> Result<Entry, PinOutcome> {
    let published = control.publication.latest.read() >= version;
    // Edge Commit, the reader's end: an entry may stand in the ring before its version is published.
    Edge::Commit.fence(Ordering::Acquire);
    if !published {
        return Err(PinOutcome::Unpublished);
    }
    pin_version(control, shared, version, known).ok_or(PinOutcome::Gone)
}

/// Pins `version` in a shared word that is ours alone, if the floor has not passed it; its entry, checked.
///
/// Versions that are not below the floor stand in the ring: history is at most half of it. Of one that was pinned before
/// the entry is known: a version that was published keeps its entry for as long as it is live, and the floor says so.
fn pin_version<A: Access>(
    control: Control<'_, A>,
    shared: &Word64,
    version: u64,
    mut known: impl FnMut(u64) -> Option<Entry>,
) -> Option<Entry> {
    // Edge Unpin: the word may have been used before; the reads under its last pin lie behind this store.
    shared.store(version, Edge::Unpin.order(Ordering::Release));
    // Edge PinBeforeFloor / FloorBeforeScan: either the scan sees this pin, or we see the floor (I3).
    Edge::PinBeforeFloor.fence(Ordering::SeqCst);
    if control.publication.floor.read() > version && Edge::PinRecheck.holds() {
        return None;
    }
    if let Some(entry) = known(version) {
        return Some(entry);
    }
    match read_entry(control.ring_slot(version)) {
        EntryRead::Whole(entry) if check_entry(&entry, version).is_ok() => Some(entry),
        _ => None,
    }
}
