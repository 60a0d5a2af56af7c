//! A look at the reader registry from outside: without the lease, without a slot, by copying.

use crate::files::location::{ATTEMPTS, Location, READERS, SegmentDirectory, refused};
use crate::protocol::is_claimed;
use crate::sys::{descriptor, lock};
use nix::errno::Errno;
use shmframe_format::Result;
use shmframe_format::geometry::Geometry;
use shmframe_format::header::Role;
use shmframe_format::table::Slot;
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

/// A look at a segment from outside. It holds nothing and changes nothing.
#[derive(Debug)]
pub struct RegistryView {
    geometry: Geometry,
    registry: OwnedFd,
    directory: SegmentDirectory,
}

impl RegistryView {
    /// Opens the registry of a segment, for reading only.
    ///
    /// # Errors
    /// What opening a segment refuses; the right to write the registry is not needed.
    pub fn open(location: &Location) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            let directory = location.open_directory()?;
            let opened = directory.open_data(Role::Reader).and_then(|(_, header)| {
                let registry = directory.open_registry_to_look(&header)?;
                Ok((registry, *header.geometry()))
            });
            if let Some((registry, geometry)) = directory.or_again(opened)? {
                return Ok(Self { geometry, registry, directory });
            }
        }
        Err(crate::reading::attachment::removed().at(location.path().display()))
    }

    /// The claimed slots. Asks the kernel once for each of them.
    ///
    /// # Errors
    /// What reading the registry, or asking for its locks, gives.
    pub fn pins(&self) -> Result<Vec<SlotPins>> {
        let file = self.registry.as_fd();
        let place = |what| {
            move |errno: Errno| {
                refused(what, errno).at(self.directory.location.path().join(READERS).display())
            }
        };
        let length = self.geometry.slots() as usize * Geometry::slot_size() as usize;
        let bytes = descriptor::read_at(file, length, self.geometry.slot_offset(0));
        let bytes = bytes.map_err(place("read the reader registry"))?;
        let mut found = Vec::new();
        for (slot, bytes) in (0..).zip(bytes.chunks_exact(Geometry::slot_size() as usize)) {
            let (head, words) = bytes.split_at(size_of::<Slot>());
            let head: Slot = bytemuck::pod_read_unaligned(head);
            if !is_claimed(head.mark) {
                continue;
            }
            let alive = lock::is_locked(file, u64::from(slot)).map_err(place("ask for a reader's lock"))?;
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
