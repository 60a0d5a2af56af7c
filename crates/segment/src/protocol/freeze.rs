//! What a fork does to a slot: frozen, its pins noted, then thawed where it is, or moved to a place of this process alone.

use super::pin::{BUSY, FORKING, FREE, LEFT, LocalSlot, NO_HOME, OPEN, SHARED, VALID};
use crate::edges::Edge;
use crate::sync::Ordering;
use crate::words::{Registry, SlotWords};

/// What came of trying to move a frozen slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rehome {
    /// A thread is at work on one of its words: try again later.
    Busy,
    /// It holds no pins; its old lock was let go, and it has no home.
    Emptied,
    /// Its pins stand in the new home; its old lock was let go.
    Moved,
}

impl LocalSlot {
    /// Freezes the slot for a fork: from here on nobody takes a word of it, and no word is cleared.
    pub fn freeze(&self) {
        if self.frozen.load(Ordering::Relaxed) == OPEN {
            self.frozen.store(FORKING, Edge::FreezeBeforeLook.order(Ordering::SeqCst));
        }
    }

    /// Right before the fork, once the slot is frozen: waits until nobody is at work on it, calling `pause` meanwhile, and
    /// notes whether the child will find pins in it.
    ///
    /// Only then is there an answer that holds for both sides: before, a thread may be making a pin; afterwards another
    /// thread of the parent may let go of what the child still counts on. A slot that an earlier fork shared stays
    /// shared.
    pub fn note_pins(&self, mut pause: impl FnMut()) {
        let early = !Edge::NoteWhenIdle.holds() && self.has_pins();
        // A thread that took its word before the freeze finishes without any lock.
        while self.is_busy() {
            pause();
        }
        // Edge NoteBeforeFork.
        if early || Edge::NoteWhenIdle.holds() && Edge::NoteBeforeFork.holds() && self.has_pins() {
            self.frozen.store(SHARED, Ordering::Relaxed);
        }
    }

    /// Whether a child of this process, or its parent, may count on the slot's words.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        if !Edge::NoteBeforeFork.holds() {
            return self.has_pins();
        }
        // Edge NoteBeforeFork: what was noted, not what stands there by now.
        self.frozen.load(Ordering::Relaxed) == SHARED
    }

    /// Whether the slot is frozen.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Relaxed) != OPEN
    }

    /// Whether a thread is at work on a word.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.any(|state| state == BUSY)
    }

    /// Whether a word is held.
    #[must_use]
    pub fn has_pins(&self) -> bool {
        self.any(|state| state >= VALID)
    }

    /// Whether a pin would find a word here just now.
    #[must_use]
    pub fn has_room(&self) -> bool {
        !self.is_frozen() && self.home() != NO_HOME && self.any(|state| state == FREE)
    }

    fn any(&self, wanted: impl Fn(u64) -> bool) -> bool {
        let order = Edge::FreezeBeforeLook.order(Ordering::SeqCst);
        self.words.iter().any(|local| wanted(local.state.load(order)))
    }

    /// Ends the freeze of a slot, in its home: clears what was left behind.
    pub fn thaw(&self, registry: Registry<'_>) {
        self.frozen.store(0, Edge::ThawRecheck.order(Ordering::SeqCst));
        for (word, local) in self.words.iter().enumerate() {
            if local.state.load(Ordering::SeqCst) == LEFT
                && local.state.exchange(LEFT, BUSY, Ordering::SeqCst).is_ok()
            {
                self.clear_shared(registry, word);
                local.state.store(FREE, Ordering::Release);
            }
        }
    }

    /// Moves a frozen slot's pins to a new home, or empties it if it has none, and thaws it.
    ///
    /// `claim_new` claims a slot for this process alone and returns its place; `close_old` closes this process's
    /// descriptor of the old lock (never unlocks: another process may share it).
    ///
    /// # Errors
    /// The error of `claim_new`; the slot then stays frozen, and its pins hold where they are.
    pub fn rehome<E>(
        &self,
        registry: Registry<'_>,
        claim_new: impl FnOnce() -> Result<u32, E>,
        close_old: impl FnOnce(),
    ) -> Result<Rehome, E> {
        if self.is_busy() {
            return Ok(Rehome::Busy);
        }
        if !self.has_pins() {
            close_old();
            self.set_home(NO_HOME);
            self.thaw(registry);
            return Ok(Rehome::Emptied);
        }
        let home = claim_new()?;
        if Edge::RehomeBeforeClose.holds() {
            self.copy_pins(&registry.slots[home as usize]);
            // Edge RehomeBeforeClose: whoever gets the old lock finds the pins in the new slot.
            close_old();
        } else {
            close_old();
            self.copy_pins(&registry.slots[home as usize]);
        }
        self.set_home(home);
        self.thaw(registry);
        Ok(Rehome::Moved)
    }

    fn copy_pins(&self, slot: &SlotWords) {
        for (local, shared) in self.words.iter().zip(&slot.pins) {
            if local.state.load(Ordering::Acquire) >= VALID {
                shared.store(local.version.load(Ordering::Relaxed), Ordering::Release);
            }
        }
    }

    /// In a forked child, before anything else runs: forgets what threads were doing that the child does not have.
    ///
    /// Words that were busy are held by nobody; the shared ones belong to the parent, or to a frozen slot.
    pub fn forget_threads(&self) {
        for local in &self.words {
            if matches!(local.state.load(Ordering::Relaxed), BUSY | LEFT) {
                local.state.store(FREE, Ordering::Relaxed);
            }
        }
    }
}
