//! The reader slots that a process holds: each with a descriptor that carries its lock, and nothing else.

use crate::protocol::{self, LocalSlot, NO_HOME, Rehome, SlotLocks};
use crate::reading::view::ViewPlace;
use crate::sync::Ordering;
use crate::sys::lock;
use crate::words::{PINS, Registry};
use std::os::fd::{BorrowedFd, IntoRawFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::AtomicI32;

const CLOSED: i32 = -1;

/// The locks of the registry's slots, as the holder of one descriptor sees them.
pub(crate) struct DescriptorLocks<'a>(pub(crate) BorrowedFd<'a>);

impl SlotLocks for DescriptorLocks<'_> {
    fn try_lock(&self, slot: u32) -> bool {
        // An error is no proof of death (I5).
        lock::try_lock(self.0, u64::from(slot)).unwrap_or(false)
    }

    fn unlock(&self, slot: u32) {
        // An error leaves the lock with the descriptor, until that is closed.
        let _ = lock::unlock(self.0, u64::from(slot));
    }
}

/// Claims a slot through `descriptor` and writes down who did (to show, never to decide).
pub(crate) fn claim(registry: Registry<'_>, descriptor: BorrowedFd<'_>, label: &[u64; 8]) -> Option<u32> {
    let home = protocol::claim(registry, &DescriptorLocks(descriptor))?;
    let slot = &registry.slots[home as usize];
    slot.pid.store(u64::from(std::process::id()), Ordering::Relaxed);
    slot.since.store(crate::sys::clock::now(), Ordering::Relaxed);
    for (word, value) in slot.label.iter().zip(label) {
        word.store(*value, Ordering::Relaxed);
    }
    Some(home)
}

/// A slot of this process: its private side, and the descriptor that carries its lock.
#[derive(Debug)]
pub(crate) struct HeldSlot {
    pub(crate) local: LocalSlot,
    /// For each word what is known of the version that it pins, or pinned last.
    pub(crate) views: [ViewPlace; PINS],
    descriptor: AtomicI32,
    next: OnceLock<Box<HeldSlot>>,
}

impl HeldSlot {
    pub(crate) fn homeless() -> Self {
        Self {
            local: LocalSlot::new(NO_HOME),
            views: [const { ViewPlace::empty() }; PINS],
            descriptor: AtomicI32::new(CLOSED),
            next: OnceLock::new(),
        }
    }

    /// Gives the slot a claimed place, under the fork lock.
    pub(crate) fn move_in(&self, home: u32, descriptor: OwnedFd) {
        self.descriptor.store(descriptor.into_raw_fd(), Ordering::Relaxed);
        self.local.set_home(home);
    }

    /// Takes its place away without touching the registry: closes this process's descriptor, under the fork lock.
    pub(crate) fn move_out(&self) {
        self.close();
        self.local.set_home(NO_HOME);
    }

    fn close(&self) {
        let descriptor = self.descriptor.swap(CLOSED, Ordering::Relaxed);
        if descriptor != CLOSED {
            crate::fork::close_raw(descriptor);
        }
    }

    /// Moves a frozen slot's pins to a place of this process alone; false if that has to wait.
    pub(crate) fn settle<E>(
        &self,
        registry: Registry<'_>,
        claim: impl FnOnce() -> Result<(u32, OwnedFd), E>,
    ) -> bool {
        let new = std::cell::Cell::new(None);
        let claim = || {
            let (home, descriptor) = claim()?;
            new.set(Some(descriptor));
            Ok::<_, E>(home)
        };
        let outcome = self.local.rehome(registry, claim, || self.close());
        if let Some(descriptor) = new.take() {
            self.descriptor.store(descriptor.into_raw_fd(), Ordering::Relaxed);
        }
        matches!(outcome, Ok(Rehome::Moved | Rehome::Emptied))
    }

    /// Releases the slot at the end of the attachment, under the fork lock. A frozen one only loses this process's descriptor: another
    /// process may pin through it.
    pub(crate) fn leave(&self, registry: Registry<'_>) {
        let descriptor = self.descriptor.load(Ordering::Relaxed);
        let home = self.local.home();
        if descriptor != CLOSED && home != NO_HOME && !self.local.is_frozen() {
            // SAFETY: (I5) the slot owns the open descriptor, and closes it below.
            let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
            protocol::release(registry, &DescriptorLocks(borrowed), home);
        }
        self.close();
    }
}

/// An append-only list of slots: iterated without a lock, appended under the fork lock. Nodes never move.
#[derive(Debug, Default)]
pub(crate) struct SlotList {
    first: OnceLock<Box<HeldSlot>>,
}

impl Drop for SlotList {
    /// One node after the other: a long list must not be dropped by recursion.
    fn drop(&mut self) {
        let mut next = self.first.take();
        while let Some(mut slot) = next {
            next = slot.next.take();
        }
    }
}

impl SlotList {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &HeldSlot> {
        core::iter::successors(self.first.get(), |slot| slot.next.get()).map(|slot| &**slot)
    }

    /// Appends a slot. One thread at a time: the fork lock is held.
    pub(crate) fn push(&self, slot: Box<HeldSlot>) {
        let mut place = &self.first;
        while let Some(node) = place.get() {
            place = &node.next;
        }
        // The place was empty, and nobody else appends.
        let _ = place.set(slot);
    }
}
