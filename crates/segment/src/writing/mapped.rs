//! The files of a segment as its writer has them: mapped whole, readable and writable.

use crate::copying::{LONG_RECORD, copy_long_record};
use crate::files::location::SegmentDirectory;
use crate::reading::attachment::registry_words;
use crate::sync::ReadWrite;
use crate::sys::map::Region;
use crate::words::{Control, EntryWords, Publication, Registry};
use crate::writing::lease::Lease;
use core::mem::ManuallyDrop;
use shmframe_format::Result;
use shmframe_format::geometry::{ALIGNMENT, Geometry, RING_LENGTH};
use shmframe_format::header::{Header, Role};
use shmframe_format::record::RecordSource;
use shmframe_format::table::RecordHeader;
use std::os::fd::{AsFd, OwnedFd};

/// The files of a segment as its writer has them.
#[derive(Debug)]
pub(crate) struct Mapped {
    pub(crate) directory: SegmentDirectory,
    pub(crate) header: Header,
    pub(crate) data: OwnedFd,
    /// Never unmapped in a forked child: something else may lie there.
    pub(crate) map: ManuallyDrop<Region<ReadWrite>>,
    registry: Region<ReadWrite>,
    pub(crate) lease: Lease,
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: (outside the invariants) taken out once, here, where the value ends.
        let map = unsafe { ManuallyDrop::take(&mut self.map) };
        if self.lease.in_child() {
            map.forget();
        }
    }
}

impl Mapped {
    pub(crate) fn open(directory: SegmentDirectory, lease: Lease) -> Result<Self> {
        let (data, header) = directory.open_data(Role::Writer)?;
        let registry = directory.open_registry(&header)?;
        let map = Region::read_write(data.as_fd(), header.geometry().capacity())?;
        map.keep_from_children()?;
        lease.note_mapping(map.address());
        let registry = Region::read_write(registry.as_fd(), header.geometry().registry_size())?;
        Ok(Self { directory, header, data, map: ManuallyDrop::new(map), registry, lease })
    }

    /// Fails in a forked child of the process that opened the files.
    pub(crate) fn check_process(&self) -> Result<()> {
        self.lease.check_process().map_err(|error| error.at(self.directory.location.path().display()))
    }

    pub(crate) fn geometry(&self) -> &Geometry {
        self.header.geometry()
    }

    pub(crate) fn publication(&self) -> &Publication<ReadWrite> {
        self.map.shared(self.geometry().publication_offset())
    }

    pub(crate) fn control(&self) -> Control<'_, ReadWrite> {
        let ring = self.map.shared_slice(self.geometry().ring_offset(), RING_LENGTH as usize);
        Control { publication: self.publication(), ring }
    }

    pub(crate) fn retained(&self) -> &[EntryWords<ReadWrite>] {
        self.map.shared_slice(self.geometry().retained_offset(), self.geometry().retained_length() as usize)
    }

    pub(crate) fn registry(&self) -> Registry<'_> {
        registry_words(&self.registry, self.geometry().slots())
    }
}

impl RecordSource for Mapped {
    fn copy_out(&self, offset: u64, length: u64) -> Result<Vec<u8>> {
        let bytes = self.record_bytes(offset, length)?;
        if length > LONG_RECORD {
            copy_long_record(self.data.as_fd(), offset, length)
        } else {
            Ok(bytes.to_vec())
        }
    }

    fn head(&self, offset: u64) -> Result<RecordHeader> {
        let bytes = self.record_bytes(offset, size_of::<RecordHeader>() as u64)?;
        Ok(bytemuck::pod_read_unaligned(bytes))
    }
}

impl Mapped {
    /// The bytes of a record, in place.
    fn record_bytes(&self, offset: u64, length: u64) -> Result<&[u8]> {
        if !offset.is_multiple_of(ALIGNMENT) {
            return Err(crate::reading::version::out_of_heap(offset, length));
        }
        self.frozen_bytes(offset, length)
    }

    /// Bytes of a live version, or of the transaction that the holder of the lease is in, in place.
    pub(crate) fn frozen_bytes(&self, offset: u64, length: u64) -> Result<&[u8]> {
        if !self.geometry().in_heap(offset / ALIGNMENT * ALIGNMENT, length.saturating_add(offset % ALIGNMENT))
        {
            return Err(crate::reading::version::out_of_heap(offset, length));
        }
        // A forked child has no such mapping: a look at it would be fatal.
        self.check_process()?;
        // SAFETY: (I1, I7) the range lies in the mapping; records of live versions are frozen, and only the holder
        // of the lease, which reads here, writes anything else.
        Ok(unsafe { self.map.slice(offset, length as usize) })
    }
}
