//! A look at the reader registry from outside: without the lease, without a slot, by copying.

use crate::files::location::{ATTEMPTS, Location, READERS, SegmentDirectory, refused};
use crate::protocol::is_claimed;
use crate::sys::{descriptor, lock};
use nix::errno::Errno;
use shmframe_format::geometry::{Geometry, PAGE_SIZE, WRITER_PRESENCE_BYTE};
use shmframe_format::header::RegistryClaims;
use shmframe_format::table::Slot;
use shmframe_format::{Error, Result};
use std::os::fd::{AsFd, OwnedFd};

/// A claimed reader slot, as it was found in the registry. All but `alive` was written by its claimer, and may be
/// anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotPins {
    /// The slot's number.
    pub slot: u32,
    /// The process that claimed it, in its own PID namespace.
    pub pid: u64,
    /// The label of its reader.
    pub label: String,
    /// When it was claimed, ns since 1970.
    pub since: u64,
    /// Whether the claimer lives, by the kernel's word: it, or a forked child of it, holds the slot's lock. A dead one's
    /// slot is cleared when its pins stand in a writer's way.
    pub alive: bool,
    /// The versions that it pins, oldest first.
    pub versions: Vec<u64>,
}

/// A look at a segment's registry from outside. It holds nothing and changes nothing, and works whoever owns the segment,
/// whatever boot it is of, and whatever became of its `data`, as long as `readers` can be read.
#[derive(Debug)]
pub struct RegistryView {
    claims: RegistryClaims,
    registry: OwnedFd,
    directory: SegmentDirectory,
}

impl RegistryView {
    /// Opens the registry of a segment, for reading only: by copying, so its owner need not be trusted.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Missing`], [`shmframe_format::ErrorKind::RegistryPermissionDenied`], or what is wrong with the
    /// header of `readers`: it is another segment's, of another layout, or none.
    pub fn open(location: &Location) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            let (directory, _) = location.open_foreign_directory()?;
            if let Some((registry, claims)) = directory.or_again(open_in(&directory))? {
                return Ok(Self { claims, registry, directory });
            }
        }
        Err(crate::reading::attachment::removed().at(location.path().display()))
    }

    /// The registry in a directory that is open, wherever its name leads by now.
    pub(crate) fn within(directory: SegmentDirectory) -> Result<Self> {
        let (registry, claims) = open_in(&directory)?;
        Ok(Self { claims, registry, directory })
    }

    /// How many slots the registry has.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.claims.slots
    }

    /// Whether a process holds the writer lease now, by the kernel's word.
    ///
    /// # Errors
    /// What asking for the lock gives.
    pub fn has_writer(&self) -> Result<bool> {
        lock::is_locked(self.registry.as_fd(), WRITER_PRESENCE_BYTE)
            .map_err(self.failed("ask for the writer"))
    }

    fn failed(&self, what: &'static str) -> impl Fn(Errno) -> Error {
        move |errno| refused(what, errno).at(self.directory.location.path().join(READERS).display())
    }

    /// The claimed slots. Asks the kernel once for each of them.
    ///
    /// # Errors
    /// What reading the registry, or asking for its locks, gives.
    pub fn pins(&self) -> Result<Vec<SlotPins>> {
        let file = self.registry.as_fd();
        // Where the file was cut off there are fewer.
        let length = self.claims.slots as usize * Geometry::slot_size() as usize;
        let bytes = descriptor::read_at(file, length, Geometry::start_of_slot(0));
        let bytes = bytes.map_err(self.failed("read the reader registry"))?;
        let mut found = Vec::new();
        for (slot, bytes) in (0..).zip(bytes.chunks_exact(Geometry::slot_size() as usize)) {
            let (head, words) = bytes.split_at(size_of::<Slot>());
            let head: Slot = bytemuck::pod_read_unaligned(head);
            if !is_claimed(head.mark) {
                continue;
            }
            let alive =
                lock::is_locked(file, u64::from(slot)).map_err(self.failed("ask for a reader's lock"))?;
            let words = words.chunks_exact(size_of::<u64>()).map(bytemuck::pod_read_unaligned::<u64>);
            let mut versions: Vec<u64> = words.filter(|word| *word != 0).collect();
            versions.sort_unstable();
            versions.dedup();
            let label = crate::words::label_of(head.label);
            found.push(SlotPins { slot, pid: head.pid, label, since: head.since, alive, versions });
        }
        Ok(found)
    }
}

/// Opens `readers`. Where `data` says which segment it is, it has to be the same one's.
fn open_in(directory: &SegmentDirectory) -> Result<(OwnedFd, RegistryClaims)> {
    let (registry, status) = directory.open_foreign_file(READERS)?;
    let length = status.st_size.cast_unsigned();
    let claims = directory.look_at_registry(registry.as_fd(), length)?;
    if let Ok((_, header)) = directory.open_foreign_data()
        && header.instance() != claims.instance
    {
        let page = descriptor::read_at(registry.as_fd(), PAGE_SIZE as usize, 0).unwrap_or_default();
        header
            .check_registry(&page, length)
            .map_err(|error| error.at(directory.location.path().join(READERS).display()))?;
    }
    Ok((registry, claims))
}
