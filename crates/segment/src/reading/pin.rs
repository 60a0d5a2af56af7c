//! Pins as a process makes them: in which of its slots, and the guard that lets go.

use crate::protocol::{EntryRead, Join, PinOutcome, read_entry};
use crate::reading::attachment::{Attachment, removed};
use crate::reading::slots::HeldSlot;
use crate::reading::view::{View, ViewPlace};
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
                "wait until it is committed (wait_for)",
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
    /// What is known of the version: kept beside the word, for as long as it is held. Null until it was looked up.
    view: *const View,
}

// SAFETY: (I3) `slot` points into the attachment's list, whose nodes never move and live as long as the
// attachment, which is held; all of a slot is atomics. `view` is null or leads to a `View`, which is `Send` and `Sync`
// (asserted there) and stays while the word is held.
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
        if !self.is_removed()
            && let Some(pin) = self.join_recent()
        {
            return Ok(pin);
        }
        self.pin_anew(None)
    }

    /// Pins `version`, if history keeps it, or this process holds it.
    ///
    /// # Errors
    /// [`ErrorKind::VersionGone`], or those of [`Attachment::pin`].
    pub fn pin_at(self: &Arc<Self>, version: u64) -> Result<Pin> {
        let held = self.slots.iter().find_map(|slot| Some((slot, slot.local.word_of(version)?)));
        if !self.is_removed()
            && let Some((slot, word)) = held
            && let Some(pin) = self.join(slot, word, version)
        {
            return Ok(pin);
        }
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
        self.join(slot, self.recent.word.load(Ordering::Relaxed), self.latest())
    }

    /// Joins the holders of a word, if it pins `version`.
    fn join(self: &Arc<Self>, slot: &HeldSlot, word: usize, version: u64) -> Option<Pin> {
        match slot.local.join(self.registry(), word, version) {
            Join::Joined => {}
            Join::Missed => return None,
            Join::Settle => {
                self.settle();
                return None;
            }
        }
        // Held from here on: dropping the pin lets go.
        let mut pin = self.held(slot, word);
        // SAFETY: (I3) the word is held by `pin`.
        if let Some(view) = unsafe { slot.views[word].get() } {
            pin.view = view;
            return Some(pin);
        }
        // Its first holder is still at it. Whatever fails here fails again for a pin of its own, which says so.
        match read_entry(self.control().ring_slot(version)) {
            EntryRead::Whole(entry) if check_entry(&entry, version).is_ok() => {
                pin.look(entry).ok().map(|()| pin)
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
            let mut stale = None;
            let known = |word: usize, version| {
                let place: &ViewPlace = &slot.views[word];
                // SAFETY: (I3) asked for by who is at work on the word.
                match unsafe { place.get() } {
                    Some(view) if view.entry.version == version => Some(view.entry),
                    Some(_) => {
                        // SAFETY: (I3) as above; the reference is gone.
                        stale = unsafe { place.take() };
                        None
                    }
                    None => None,
                }
            };
            // The view of another version is dropped afterwards: nothing is freed while the word is BUSY.
            let outcome = slot.local.pin(self.control(), self.registry(), wanted, known);
            match outcome {
                PinOutcome::Pinned(pinned) => {
                    if wanted.is_none() {
                        self.recent.word.store(pinned.word, Ordering::Relaxed);
                        self.recent.slot.store(core::ptr::from_ref(slot).cast_mut(), Ordering::Release);
                    }
                    let mut pin = self.held(slot, pinned.word);
                    pin.look(pinned.entry)?;
                    return Ok(Some(pin));
                }
                PinOutcome::NoWord => {}
                PinOutcome::Gone => return Err(self.gone(wanted)),
                PinOutcome::Unpublished => return Err(self.unpublished(wanted)),
                PinOutcome::Damaged(version) => return Err(damaged(version)),
            }
        }
        Ok(None)
    }

    /// The guard of a word that is held.
    fn held(self: &Arc<Self>, slot: &HeldSlot, word: usize) -> Pin {
        Pin { attachment: Arc::clone(self), slot, word, view: core::ptr::null() }
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
    /// Reads what `entry`, which was checked, says of the version, unless that is known.
    fn look(&mut self, entry: Entry) -> Result<()> {
        let place = &self.slot().views[self.word];
        // SAFETY: (I3) the word is held by `self`, for as long as it has the reference.
        let known = unsafe { place.get() };
        let view = match known {
            Some(view) => view,
            None => {
                let view = View::read(&self.attachment, entry)?;
                // SAFETY: (I3) as above.
                unsafe { place.get_or_set(view) }
            }
        };
        self.view = view;
        Ok(())
    }

    /// What is known of the version that is pinned.
    pub(super) fn view(&self) -> &View {
        // SAFETY: (I3) looked up before anybody else had this pin; it stays while the word is held, as long as `self`.
        unsafe { &*self.view }
    }

    /// The entry of the version that is pinned.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.view().entry
    }

    /// The attachment whose slot says so.
    #[must_use]
    pub fn attachment(&self) -> &Arc<Attachment> {
        &self.attachment
    }

    fn slot(&self) -> &HeldSlot {
        // SAFETY: (I3) a node of the attachment's list, which lives as long as the attachment, which is held.
        unsafe { &*self.slot }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        if self.slot().local.unpin(self.attachment.registry(), self.word) {
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
