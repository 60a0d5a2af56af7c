//! A process's attachment to a segment: one per process and segment, shared by all its readers.
//!
//! It maps the publication block read-only and the registry read-write, and owns the process's reader slots. Pins
//! hold it, so that a slot outlives the reader for as long as any array lives.

use crate::events;
use crate::files::location::{ATTEMPTS, Location, READERS, SegmentDirectory, refused};
use crate::fork::{AtFork, ForkLock, Registration, check_handlers};
use crate::protocol::{NO_HOME, WaitOutcome, wait_newer};
use crate::reading::pin::Recent;
use crate::reading::set_once::SetOnce;
use crate::reading::slots::{HeldSlot, SlotList};
use crate::sync::{ReadOnly, ReadWord, ReadWrite, Word64};
use crate::sys::futex::Futex;
use crate::sys::map::Region;
use crate::sys::{descriptor, lock};
use crate::words::{Control, Publication, Registry, STATE_REMOVED, label_words};
use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use nix::errno::Errno;
use shmframe_format::geometry::{CAPACITY_LIMIT, Geometry, RING_LENGTH, WRITER_PRESENCE_BYTE};
use shmframe_format::header::{Header, Id, Role};
use shmframe_format::table::RegistryHeader;
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock, Weak};

/// The least that a reader maps of the heap, bytes; each next mapping is four times as large, so growth seldom needs
/// one. The last covers every capacity.
const SMALLEST_MAPPING: u64 = 1 << 30;
const MAPPINGS: usize = 9;
const _: () = assert!(SMALLEST_MAPPING << (2 * (MAPPINGS - 1)) >= CAPACITY_LIMIT);

#[derive(Debug)]
enum AttachmentKind {
    RegistryFull { slots: u32 },
    Removed,
}

impl Describe for AttachmentKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::RegistryFull { .. } => ErrorKind::RegistryFull,
            Self::Removed => ErrorKind::Removed,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::RegistryFull { slots } => Report::new(
                "the reader registry is full",
                "a free reader slot, or one of a dead process",
                format!("{slots} slots, all held by living processes"),
                "hold fewer versions at once (48 for each slot), stop readers, or create the segment with more slots",
            ),
            Self::Removed => Report::new(
                "the segment was removed",
                "an open segment",
                "one that was removed; snapshots that are held stay valid",
                "open it again once it was created again",
            ),
        }
    }
}

/// A slot's place in the registry, and the descriptor that carries its lock.
type Claimed = (u32, OwnedFd);

/// Why there is no slot: made under the fork lock, where nothing is allocated.
enum NoSlot {
    Full,
    Refused(Errno),
}

/// One process's attachment to one segment.
#[derive(Debug)]
pub struct Attachment {
    header: Header,
    directory: SegmentDirectory,
    data: OwnedFd,
    control: Region<ReadOnly>,
    registry: Region<ReadWrite>,
    heaps: [SetOnce<Arc<Region<ReadOnly>>>; MAPPINGS],
    label: String,
    pub(super) slots: SlotList,
    /// The pin that was taken last.
    pub(super) recent: Recent,
    /// Whether a fork froze a slot that has not been moved yet.
    pub(super) unsettled: AtomicBool,
    this: Weak<Self>,
    registration: OnceLock<Registration>,
}

impl Attachment {
    /// The process's attachment to a segment: the one it has, or a new one, shown under `label`.
    ///
    /// # Errors
    /// Everything that opening a segment refuses; see `docs/security.md`.
    pub fn open(location: &Location, label: &str) -> Result<Arc<Self>> {
        for _ in 0..ATTEMPTS {
            let directory = location.open_directory()?;
            if let Some((data, header, registry)) = directory.or_again(open_files(&directory))? {
                return Self::attach(directory, data, header, &registry, label);
            }
        }
        Err(Error::from(AttachmentKind::Removed).at(location.path().display()))
    }

    /// As [`Attachment::open`], if the name still leads to this instance.
    ///
    /// # Errors
    /// [`ErrorKind::Removed`] if it does not; those of [`Attachment::open`].
    pub fn open_instance(location: &Location, instance: Id, label: &str) -> Result<Arc<Self>> {
        let attachment = Self::open(location, label)?;
        if attachment.header.instance() == instance {
            return Ok(attachment);
        }
        Err(removed().at(location.path().display()))
    }

    fn attach(
        directory: SegmentDirectory,
        data: OwnedFd,
        header: Header,
        registry: &OwnedFd,
        label: &str,
    ) -> Result<Arc<Self>> {
        if let Some(attachment) = Self::find(&directory, header.instance()) {
            return attachment.unless_removed();
        }
        let geometry = *header.geometry();
        let control = Region::read_only(data.as_fd(), geometry.heap_offset())?;
        let registry = Region::read_write(registry.as_fd(), geometry.registry_size())?;
        let attachment = Arc::new_cyclic(|this| Self {
            header,
            directory,
            data,
            control,
            registry,
            heaps: Default::default(),
            label: label.to_owned(),
            slots: SlotList::default(),
            recent: Recent::default(),
            unsettled: AtomicBool::new(false),
            this: this.clone(),
            registration: OnceLock::new(),
        });
        let attachment = attachment.unless_removed()?;
        let object: *const Self = Arc::as_ptr(&attachment);
        // SAFETY: (outside the invariants) the attachment stands in an Arc, and takes the registration back first
        // thing when it is dropped.
        let registration = unsafe { Registration::new(object) };
        // The place is empty: this attachment was made just now.
        let _ = attachment.registration.set(registration);
        Ok(attachment)
    }

    /// The attachment, unless its segment was removed: the directory may stand there for a while yet.
    fn unless_removed(self: Arc<Self>) -> Result<Arc<Self>> {
        if self.is_removed() {
            return Err(Error::from(AttachmentKind::Removed).at(self.location().path().display()));
        }
        Ok(self)
    }

    /// The attachment that this process has to the segment, if any.
    fn find(directory: &SegmentDirectory, instance: Id) -> Option<Arc<Self>> {
        let mut found = None;
        ForkLock::take().each(|object| {
            if let Some(attachment) = object.attachment()
                && attachment.directory.identity == directory.identity
                && attachment.header.instance() == instance
                && found.is_none()
            {
                found = attachment.this.upgrade();
            }
        });
        found
    }

    /// The segment's header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// `data`, to read.
    pub(crate) fn data(&self) -> BorrowedFd<'_> {
        self.data.as_fd()
    }

    /// Where the segment stands.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.directory.location
    }

    pub(super) fn control(&self) -> Control<'_, ReadOnly> {
        let geometry = self.header.geometry();
        Control {
            publication: self.publication(),
            ring: self.control.shared_slice(geometry.ring_offset(), RING_LENGTH as usize),
        }
    }

    pub(super) fn publication(&self) -> &Publication<ReadOnly> {
        self.control.shared(self.header.geometry().publication_offset())
    }

    pub(super) fn registry(&self) -> Registry<'_> {
        registry_words(&self.registry, self.header.geometry().slots())
    }

    /// The newest version. No system call.
    #[must_use]
    pub fn latest(&self) -> u64 {
        self.publication().latest.read()
    }

    /// Whether the segment was removed. No system call.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.publication().state.read() == STATE_REMOVED
    }

    /// Whether the name still leads to this segment.
    ///
    /// # Errors
    /// If the directory cannot be looked at.
    pub fn is_current(&self) -> Result<bool> {
        self.directory.is_current()
    }

    /// Whether some process holds the writer lease now, by the kernel's word.
    ///
    /// # Errors
    /// If the registry cannot be opened.
    pub fn has_writer(&self) -> Result<bool> {
        // A writer that removes the segment says so in `state` before its files go.
        let opened = self.directory.or_again(self.directory.open_file(READERS, false))?;
        let Some((file, _)) = opened else { return Ok(false) };
        let locked = lock::is_locked(file.as_fd(), WRITER_PRESENCE_BYTE);
        let place = || self.location().path().join(READERS);
        locked.map_err(|errno| refused("ask for the writer", errno).at(place().display()))
    }

    /// Sleeps until there is a version newer than `version`, once, for `cap` at the most.
    #[must_use]
    pub fn wait_newer(&self, version: u64, cap: Duration) -> WaitOutcome {
        wait_newer(self.control(), self.registry(), &Futex, version, cap)
    }

    /// Makes room for another pin: claims a slot, for a homeless one of the list or for a new one.
    ///
    /// Nothing happens if there is room by now: whoever found none during a fork waits for its end here, and so do
    /// threads that find a full slot at the same time.
    pub(super) fn add_slot(&self) -> Result<()> {
        let registry = self.registry();
        let mut fresh = Some(Box::new(HeldSlot::homeless()));
        let label = label_words(&self.label);
        let lock = ForkLock::take();
        if self.slots.iter().any(|slot| slot.local.has_room()) {
            return Ok(());
        }
        let claimed = self.claim(registry, &label).map(|(home, descriptor)| {
            let homeless = |slot: &&HeldSlot| slot.local.home() == NO_HOME && !slot.local.is_frozen();
            if let Some(slot) = self.slots.iter().find(homeless) {
                slot.move_in(home, descriptor);
            } else if let Some(slot) = fresh.take() {
                slot.move_in(home, descriptor);
                self.slots.push(slot);
            }
        });
        drop(lock);
        claimed.map_err(|reason| match reason {
            NoSlot::Full => AttachmentKind::RegistryFull { slots: self.header.geometry().slots() }.into(),
            NoSlot::Refused(Errno::ENOENT) => AttachmentKind::Removed.into(),
            NoSlot::Refused(errno) => refused("open the reader registry", errno),
        })
    }

    /// Claims a slot of the registry, under the fork lock.
    fn claim(&self, registry: Registry<'_>, label: &[u64; 8]) -> core::result::Result<Claimed, NoSlot> {
        check_handlers().map_err(NoSlot::Refused)?;
        let opened = descriptor::open_file(self.directory.fd.as_fd(), READERS, true);
        let descriptor = opened.map_err(NoSlot::Refused)?;
        let home = crate::reading::slots::claim(registry, descriptor.as_fd(), label).ok_or(NoSlot::Full)?;
        Ok((home, descriptor))
    }

    /// Moves the pins of frozen slots to slots of this process alone (`docs/protocol.md`, Fork).
    ///
    /// Never fails: what cannot be moved now (a thread is at work there, the registry is full) stays protected where
    /// it is, and is tried again.
    pub(super) fn settle(&self) {
        let registry = self.registry();
        let label = label_words(&self.label);
        let lock = ForkLock::take();
        self.unsettled.store(false, Ordering::Relaxed);
        for slot in self.slots.iter().filter(|slot| slot.local.is_frozen()) {
            if !slot.settle(registry, || self.claim(registry, &label)) {
                self.unsettled.store(true, Ordering::Relaxed);
            }
        }
        drop(lock);
        events::forked(self.location(), !self.unsettled.load(Ordering::Relaxed));
    }

    /// Bytes of address space that the attachment's mappings take.
    pub(super) fn mapped_bytes(&self) -> u64 {
        let heaps = self.heaps.iter().filter_map(SetOnce::get).map(|heap| heap.length());
        self.control.length() + self.registry.length() + heaps.sum::<u64>()
    }

    /// The heap, mapped at least up to `end`.
    ///
    /// Mappings of growing sizes are made once each and kept: no lock, so nothing that a fork could leave locked.
    ///
    /// # Errors
    /// [`ErrorKind::ProcessLimit`] where no larger mapping can be had.
    pub(crate) fn heap(&self, end: u64) -> Result<Arc<Region<ReadOnly>>> {
        let capacity = self.header.geometry().capacity();
        let sizes = (0..).map(|step| (SMALLEST_MAPPING << (2 * step)).min(capacity));
        let Some((size, place)) = sizes.zip(&self.heaps).find(|(size, _)| *size >= end) else {
            return Ok(Arc::new(Region::read_only(self.data.as_fd(), end)?));
        };
        if let Some(heap) = place.get() {
            return Ok(Arc::clone(heap));
        }
        match Region::read_only(self.data.as_fd(), size) {
            Ok(heap) => Ok(Arc::clone(place.get_or_set(Arc::new(heap)))),
            // Not even that much address space: just what this version needs.
            Err(_) => Ok(Arc::new(Region::read_only(self.data.as_fd(), end)?)),
        }
    }
}

fn open_files(directory: &SegmentDirectory) -> Result<(OwnedFd, Header, OwnedFd)> {
    let (data, header) = directory.open_data(Role::Reader)?;
    let registry = directory.open_registry(&header)?;
    Ok((data, header, registry))
}

/// The words of a mapped registry.
pub(crate) fn registry_words(region: &Region<ReadWrite>, slots: u32) -> Registry<'_> {
    Registry {
        waiting: region.shared::<Word64>(offset_of!(RegistryHeader, waiting) as u64),
        used: region.shared::<Word64>(offset_of!(RegistryHeader, used) as u64),
        slots: region.shared_slice(Geometry::start_of_slot(0), slots as usize),
    }
}

impl AtFork for Attachment {
    fn prepare(&self) {
        for slot in self.slots.iter() {
            slot.local.freeze();
        }
        for slot in self.slots.iter() {
            slot.local.note_pins(std::thread::yield_now);
        }
    }

    fn parent(&self) {
        for slot in self.slots.iter() {
            if slot.local.is_shared() {
                self.unsettled.store(true, Ordering::Relaxed);
            } else {
                slot.local.thaw(self.registry());
            }
        }
    }

    fn child(&self) {
        for slot in self.slots.iter() {
            slot.local.forget_threads();
            if slot.local.has_pins() {
                self.unsettled.store(true, Ordering::Relaxed);
            } else {
                slot.move_out();
                slot.local.thaw(self.registry());
            }
        }
    }

    fn attachment(&self) -> Option<&Attachment> {
        Some(self)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        // Without a registration there never was a slot.
        if let Some(registration) = self.registration.take() {
            registration.end(|| {
                for slot in self.slots.iter() {
                    slot.leave(self.registry());
                }
            });
        }
    }
}

/// The error of a segment that was removed.
pub(crate) fn removed() -> Error {
    AttachmentKind::Removed.into()
}

shmframe_format::every_kind!(AttachmentKind {
    RegistryFull: AttachmentKind::RegistryFull { slots: 1 };
    Removed: AttachmentKind::Removed;
});
