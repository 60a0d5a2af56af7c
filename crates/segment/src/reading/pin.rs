//! Pins as a process makes them: in which of its slots, and the guard that lets go.

use crate::protocol::{EntryRead, Join, LocalSlot, PinOutcome, read_entry};
use crate::reading::attachment::{Attachment, removed};
use crate::reading::slots::HeldSlot;
use crate::sync::ReadWord;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use shmframe_format::record::check_entry;
use shmframe_format::table::Entry;
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use std::sync::Arc;

#[derive(Debug)]
enum PinKind {
    Damaged { version: u64 },
    Gone { wanted: u64, oldest: u64, newest: u64 },
    Unpublished { wanted: u64, newest: u64 },
}

impl Describe for PinKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Damaged { .. } => ErrorKind::Corrupt,
            Self::Gone { .. } | Self::Unpublished { .. } => ErrorKind::VersionGone,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::Gone { wanted, oldest, newest } => Report::new(
                format!("version {wanted} is no longer kept"),
                format!("one of {oldest} to {newest}"),
                "an older one",
                "hold a snapshot to keep its version, or let the writer keep a longer history",
            ),
            Self::Unpublished { wanted, newest } => Report::new(
                format!("version {wanted} is not published yet"),
                format!("one that is not newer than {newest}"),
                "a newer one",
                "wait until it is committed (wait_newer with the version before it)",
            ),
            Self::Damaged { version } => Report::new(
                "damaged publication block",
                format!("a whole entry for version {version}, the newest"),
                "none, and no newer version",
                "remove the segment and create it again",
            ),
        }
    }
}

/// Where a process's last pin of the newest version was taken: a hint, where to look first.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// A node of the attachment's list, or null.
    slot: AtomicPtr<HeldSlot>,
    word: AtomicUsize,
}

/// A hold on a version: a word of a reader slot says so for as long as this lives.
#[derive(Debug)]
pub struct Pin {
    attachment: Arc<Attachment>,
    slot: *const HeldSlot,
    word: usize,
    entry: Entry,
}

// SAFETY: (I3) `slot` points into the attachment's list, whose nodes never move and live as long as the
// attachment, which is held; all of a slot is atomics.
unsafe impl Send for Pin {}
// SAFETY: (I3) as above.
unsafe impl Sync for Pin {}

impl Attachment {
    /// Pins the newest version.
    ///
    /// No system call, unless every slot of this process is full, or the process forked since.
    ///
    /// # Errors
    /// [`ErrorKind::RegistryFull`], [`ErrorKind::Removed`], [`ErrorKind::Corrupt`], or what opening a descriptor
    /// gives.
    pub fn pin(self: &Arc<Self>) -> Result<Pin> {
        match self.join_recent() {
            Some(pin) if !self.is_removed() => Ok(pin),
            _ => self.pin_anew(None),
        }
    }

    /// Pins `version`, if history keeps it.
    ///
    /// # Errors
    /// [`ErrorKind::VersionGone`], or those of [`Attachment::pin`].
    pub fn pin_at(self: &Arc<Self>, version: u64) -> Result<Pin> {
        self.pin_anew(Some(version))
    }

    fn pin_anew(self: &Arc<Self>, wanted: Option<u64>) -> Result<Pin> {
        if self.is_removed() {
            return Err(removed());
        }
        loop {
            if self.unsettled.load(Ordering::Relaxed) {
                self.settle();
            }
            if let Some(pin) = self.pin_in_any_slot(wanted)? {
                return Ok(pin);
            }
            self.add_slot()?;
        }
    }

    /// Joins the most recent pin, if it is of the newest version.
    fn join_recent(self: &Arc<Self>) -> Option<Pin> {
        let slot = self.recent_slot()?;
        let word = self.recent.word.load(Ordering::Relaxed);
        let version = self.latest();
        match slot.local.join(self.registry(), word, version) {
            Join::Joined => {}
            Join::Missed => return None,
            Join::Settle => {
                self.settle();
                return None;
            }
        }
        // Held from here on: dropping the pin lets go.
        let mut pin = Pin { attachment: self.clone(), slot, word, entry: bytemuck::Zeroable::zeroed() };
        match read_entry(self.control().ring_slot(version)) {
            EntryRead::Whole(entry) if check_entry(&entry, version).is_ok() => {
                pin.entry = entry;
                Some(pin)
            }
            _ => None,
        }
    }

    fn recent_slot(&self) -> Option<&HeldSlot> {
        let recent = self.recent.slot.load(Ordering::Acquire);
        // SAFETY: (I3) null, or a node of `self.slots`, which never moves and lives as long as `self`.
        unsafe { recent.as_ref() }
    }

    fn pin_in_any_slot(self: &Arc<Self>, wanted: Option<u64>) -> Result<Option<Pin>> {
        for slot in self.recent_slot().into_iter().chain(self.slots.iter()) {
            match slot.local.pin(self.control(), self.registry(), wanted) {
                PinOutcome::Pinned(pinned) => {
                    self.recent.word.store(pinned.word, Ordering::Relaxed);
                    self.recent.slot.store(core::ptr::from_ref(slot).cast_mut(), Ordering::Release);
                    let attachment = self.clone();
                    return Ok(Some(Pin { attachment, slot, word: pinned.word, entry: pinned.entry }));
                }
                PinOutcome::NoWord => {}
                PinOutcome::Gone => return Err(self.gone(wanted)),
                PinOutcome::Unpublished => return Err(self.unpublished(wanted)),
                PinOutcome::Damaged(version) => return Err(damaged(version)),
            }
        }
        Ok(None)
    }

    fn gone(&self, wanted: Option<u64>) -> Error {
        // The floor of a segment in which nothing was reclaimed yet is 0, and no version.
        let oldest = self.publication().floor.read().max(1);
        PinKind::Gone { wanted: wanted.unwrap_or(0), oldest, newest: self.latest() }.into()
    }

    fn unpublished(&self, wanted: Option<u64>) -> Error {
        PinKind::Unpublished { wanted: wanted.unwrap_or(0), newest: self.latest() }.into()
    }
}

impl Pin {
    /// The entry of the version that is pinned.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The attachment whose slot says so.
    #[must_use]
    pub fn attachment(&self) -> &Arc<Attachment> {
        &self.attachment
    }

    fn local(&self) -> &LocalSlot {
        // SAFETY: (I3) a node of the attachment's list, which lives as long as the attachment, which is held.
        &unsafe { &*self.slot }.local
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        if self.local().unpin(self.attachment.registry(), self.word) {
            self.attachment.settle();
        }
    }
}

/// The error of a publication block that does not add up at `version`.
pub(crate) fn damaged(version: u64) -> Error {
    PinKind::Damaged { version }.into()
}

shmframe_format::every_kind!(PinKind {
    Damaged: PinKind::Damaged { version: 1 };
    Gone: PinKind::Gone { wanted: 1, oldest: 2, newest: 3 };
    Unpublished: PinKind::Unpublished { wanted: 4, newest: 3 };
});
