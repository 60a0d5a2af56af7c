//! The writer lease: the kernel lock that makes one process the writer.
//!
//! Byte 0 of `lease` is the lease; byte 1 is a turnstile: who wants the lease holds the turnstile while trying, so
//! that a writer that lets go and wants again stands behind those who wait. Writers that take turns share byte 2 for as
//! long as they live: who would remove the segment between two of their commits sees them. The holder also locks a byte of
//! `readers`, so that readers, who may not open `lease`, can ask whether a writer lives.

use crate::files::location::{Identity, LEASE, READERS, SegmentDirectory, refused};
use crate::files::opening::holder;
use crate::fork::{AtFork, ForkLock, Registration, check_handlers, close_raw};
use crate::steps::{Step, step};
use crate::sys::lock;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use core::time::Duration;
use shmframe_format::geometry::WRITER_PRESENCE_BYTE;
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use std::os::fd::{BorrowedFd, IntoRawFd, OwnedFd};
use std::time::Instant;

pub(crate) const LEASE_BYTE: u64 = 0;
const TURNSTILE_BYTE: u64 = 1;
const TURNS_BYTE: u64 = 2;
const CLOSED: i32 = -1;
/// How long a waiter sleeps between two tries, at first and at most.
const PATIENCE: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(5));

#[derive(Debug)]
enum LeaseKind {
    Taken { holder: String, own: bool, wanted: Wanted },
    InChild,
    Superseded { mine: u64, found: u64 },
}

impl Describe for LeaseKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Taken { .. } => ErrorKind::LeaseTaken,
            Self::InChild => ErrorKind::WriterInChild,
            Self::Superseded { .. } => ErrorKind::Superseded,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::Taken { holder, own: true, .. } => Report::new(
                "the writer lease is taken",
                "no other writer",
                format!("{holder}, which is this very process"),
                "use the writer that this process has, or drop it first",
            ),
            Self::Taken { holder, own: false, wanted } => Report::new(
                "the writer lease is taken",
                "no other writer",
                holder.clone(),
                match wanted {
                    Wanted::Life => {
                        "stop that writer, wait for it (lease_timeout), or let all writers take turns \
                         (several_writers)"
                    }
                    Wanted::Turn => {
                        "wait for longer (lease_timeout), or stop that writer: one that does not take turns keeps \
                         the lease for life"
                    }
                    Wanted::Removal => "stop that writer, or let it remove the segment",
                },
            ),
            Self::InChild => Report::new(
                "a writer was used in a forked child",
                "the process that opened it",
                "a child of it",
                "open a writer of its own in the child, after the parent let go of the lease; or write in the parent",
            ),
            Self::Superseded { mine, found } => Report::new(
                "another writer took over",
                format!("epoch {mine}"),
                format!("epoch {found}"),
                "drop this writer and open another one; nothing of this transaction was published",
            ),
        }
    }
}

/// What the lease was wanted for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// To write for as long as the writer lives.
    Life,
    /// For one commit: writers take turns.
    Turn,
    /// To remove the segment.
    Removal,
}

/// The error of a lease that somebody else holds, or another writer of this process.
pub(crate) fn taken(directory: &SegmentDirectory, wanted: Wanted) -> Error {
    let mut own = false;
    // What this process holds it knows itself: a pid may be another namespace's.
    ForkLock::take().each(|object| own |= object.holds_lease(directory.identity));
    let error: Error = LeaseKind::Taken { holder: holder(directory), own, wanted }.into();
    error.at(directory.location.path().display())
}

/// The error of a writer that was superseded.
pub(crate) fn superseded(mine: u64, found: u64) -> Error {
    LeaseKind::Superseded { mine, found }.into()
}

/// What a writer has to give up in a forked child: descriptors that carry its locks, and the place of its mapping.
#[derive(Debug)]
struct ForkState {
    lease: AtomicI32,
    registry: AtomicI32,
    /// Where the writable mapping stands; length 0: nowhere yet.
    map_start: AtomicUsize,
    map_length: AtomicUsize,
    in_child: AtomicBool,
    /// Whether the lease is held.
    held: AtomicBool,
    /// The segment.
    directory: Identity,
}

impl AtFork for ForkState {
    fn prepare(&self) {}

    fn parent(&self) {}

    fn child(&self) {
        self.in_child.store(true, Ordering::Relaxed);
        for descriptor in [&self.lease, &self.registry] {
            let number = descriptor.swap(CLOSED, Ordering::Relaxed);
            if number != CLOSED {
                close_raw(number);
            }
        }
        let length = self.map_length.load(Ordering::Relaxed);
        if length != 0 {
            reserve(self.map_start.load(Ordering::Relaxed), length);
        }
    }

    fn holds_lease(&self, directory: Identity) -> bool {
        self.held.load(Ordering::Relaxed)
            && !self.in_child.load(Ordering::Relaxed)
            && self.directory == directory
    }
}

/// Keeps anything else from being mapped where the parent's writable mapping stands: stray slices of it then fault.
fn reserve(start: usize, length: usize) {
    step(Step::SystemCall);
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
    // SAFETY: (outside the invariants) MAP_FIXED_NOREPLACE never replaces a mapping; the range is free in the child
    // because the mapping there was kept from it (MADV_DONTFORK).
    unsafe { libc::mmap(core::ptr::without_provenance_mut(start), length, libc::PROT_NONE, flags, -1, 0) };
}

/// The descriptors of a writer, and the lease while it is held.
#[derive(Debug)]
pub(crate) struct Lease {
    /// Dropped first: the registration points at `state`.
    _registration: Registration,
    state: Box<ForkState>,
}

impl Lease {
    /// Opens the lock descriptors of a segment; the lease is not taken yet.
    pub(crate) fn open(directory: &SegmentDirectory) -> Result<Self> {
        let lease = Self::open_alone(directory)?;
        lease.add_registry(directory)?;
        Ok(lease)
    }

    /// Opens the lease file alone: the registry's descriptor is added later, if there is a registry.
    pub(crate) fn open_alone(directory: &SegmentDirectory) -> Result<Self> {
        let lease = Self::unopened(directory.identity);
        lease.open_into(&lease.state.lease, directory, LEASE)?;
        Ok(lease)
    }

    /// Creates the lease file, by `create`, which allocates nothing: it runs under the fork lock.
    pub(crate) fn create(
        directory: &SegmentDirectory,
        create: impl FnOnce() -> nix::Result<OwnedFd>,
    ) -> nix::Result<Self> {
        let lease = Self::unopened(directory.identity);
        keep(&lease.state.lease, create)?;
        Ok(lease)
    }

    /// Opens the registry for the locks of the writer.
    pub(crate) fn add_registry(&self, directory: &SegmentDirectory) -> Result<()> {
        self.open_into(&self.state.registry, directory, READERS)
    }

    fn open_into(&self, place: &AtomicI32, directory: &SegmentDirectory, name: &'static str) -> Result<()> {
        keep(place, || directory.open_unchecked_file(name, true))
            .map_err(|errno| directory.file_refused(name, errno))?;
        directory.check_file(name, self.descriptor(place)).map(drop)
    }

    fn unopened(directory: Identity) -> Self {
        let state = Box::new(ForkState {
            lease: AtomicI32::new(CLOSED),
            registry: AtomicI32::new(CLOSED),
            map_start: AtomicUsize::new(0),
            map_length: AtomicUsize::new(0),
            in_child: AtomicBool::new(false),
            held: AtomicBool::new(false),
            directory,
        });
        // SAFETY: (outside the invariants) the state is boxed, and outlives its registration (order of the fields).
        let registration = unsafe { Registration::new(&raw const *state) };
        Self { _registration: registration, state }
    }

    /// Notes where the writable mapping stands.
    pub(crate) fn note_mapping(&self, (start, length): (usize, usize)) {
        let _lock = ForkLock::take();
        self.state.map_start.store(start, Ordering::Relaxed);
        self.state.map_length.store(length, Ordering::Relaxed);
    }

    /// Whether this is the forked child of the process that opened it.
    pub(crate) fn in_child(&self) -> bool {
        self.state.in_child.load(Ordering::Relaxed)
    }

    /// Fails in a forked child.
    pub(crate) fn check_process(&self) -> Result<()> {
        if self.in_child() { Err(LeaseKind::InChild.into()) } else { Ok(()) }
    }

    /// Takes the lease, and shows it to readers; false if it is not to be had before the deadline.
    pub(crate) fn take(&self, deadline: Option<Instant>) -> Result<bool> {
        self.check_process()?;
        let what = "take the writer lease";
        let lease = self.descriptor(&self.state.lease);
        let poll =
            |byte| poll(deadline, || lock::try_lock(lease, byte).map_err(|errno| refused(what, errno)));
        if !poll(TURNSTILE_BYTE)? {
            return Ok(false);
        }
        let taken = poll(LEASE_BYTE);
        if matches!(taken, Ok(true)) {
            self.state.held.store(true, Ordering::Relaxed);
        }
        lock::unlock(lease, TURNSTILE_BYTE).map_err(|errno| refused(what, errno))?;
        taken
    }

    /// Stays for further turns: seen as a writer also between them. The caller holds the lease, so no remover looks now.
    pub(crate) fn stay(&self) -> Result<()> {
        let stays = lock::try_share(self.file(), TURNS_BYTE);
        // Nobody locks the byte for itself alone, unless to play tricks: then a remover sees that.
        stays.map(drop).map_err(|errno| refused("stay as a writer that takes turns", errno))
    }

    /// Whether other writers live that take turns.
    pub(crate) fn has_turns(&self) -> Result<bool> {
        lock::is_held(self.file(), TURNS_BYTE)
            .map_err(|errno| refused("ask for writers that take turns", errno))
    }

    /// Shows the lease to readers.
    pub(crate) fn show(&self) -> Result<()> {
        let shown = lock::try_lock(self.registry_locks(), WRITER_PRESENCE_BYTE);
        // Held by a reader that plays tricks: they then see a writer where there is one.
        shown.map(drop).map_err(|errno| refused("show the writer lease", errno))
    }

    /// Lets the lease go.
    pub(crate) fn release(&self) {
        if self.in_child() {
            return;
        }
        self.state.held.store(false, Ordering::Relaxed);
        // An error leaves the locks with the descriptors, until those are closed.
        let _ = lock::unlock(self.registry_locks(), WRITER_PRESENCE_BYTE);
        let _ = lock::unlock(self.descriptor(&self.state.lease), LEASE_BYTE);
    }

    /// The lease file.
    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.descriptor(&self.state.lease)
    }

    /// The descriptor through which the writer asks for, and takes, the locks of reader slots.
    pub(crate) fn registry_locks(&self) -> BorrowedFd<'_> {
        self.descriptor(&self.state.registry)
    }

    fn descriptor<'a>(&'a self, number: &'a AtomicI32) -> BorrowedFd<'a> {
        // SAFETY: (I5) the lease owns the descriptor until it is dropped; in a forked child it is closed and the
        // number is -1, which no call of a child reaches (`check_process`).
        unsafe { BorrowedFd::borrow_raw(number.load(Ordering::Relaxed).max(0)) }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let _lock = ForkLock::take();
        for descriptor in [&self.state.registry, &self.state.lease] {
            let number = descriptor.swap(CLOSED, Ordering::Relaxed);
            if number != CLOSED {
                close_raw(number);
            }
        }
    }
}

/// Opens a descriptor that will carry locks and puts it where the fork handlers look, both under the fork lock.
fn keep(place: &AtomicI32, open: impl FnOnce() -> nix::Result<OwnedFd>) -> nix::Result<()> {
    check_handlers()?;
    let _lock = ForkLock::take();
    place.store(open()?.into_raw_fd(), Ordering::Relaxed);
    Ok(())
}

/// Tries until it works or the deadline has passed; without a deadline, once.
fn poll(deadline: Option<Instant>, mut attempt: impl FnMut() -> Result<bool>) -> Result<bool> {
    let mut patience = PATIENCE.0;
    loop {
        if attempt()? {
            return Ok(true);
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match left {
            None | Some(Duration::ZERO) => return Ok(false),
            Some(left) => std::thread::sleep(patience.min(left)),
        }
        patience = (patience * 2).min(PATIENCE.1);
    }
}

shmframe_format::every_kind!(LeaseKind {
    Taken:
        LeaseKind::Taken { holder: "process 7".into(), own: false, wanted: Wanted::Life },
        LeaseKind::Taken { holder: "process 7".into(), own: false, wanted: Wanted::Turn },
        LeaseKind::Taken { holder: "process 7".into(), own: false, wanted: Wanted::Removal },
        LeaseKind::Taken { holder: "process 7".into(), own: true, wanted: Wanted::Life };
    InChild: LeaseKind::InChild;
    Superseded: LeaseKind::Superseded { mine: 1, found: 2 };
});
