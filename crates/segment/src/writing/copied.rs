//! A frame as a transaction sees it, read back by copying.

use crate::copying::PrivateBytes;
use crate::reading::frame::Frozen;
use crate::reading::frame_bytes::{FrameBytes, place};
use crate::reading::version::out_of_heap;
use crate::writing::columns::FrameRecords;
use crate::writing::mapped::Mapped;
use crate::writing::staging::Staging;
use core::ops::Range;
use shmframe_format::Result;
use shmframe_format::frame::{Layout, State};

/// A frame as a transaction sees it, whose bytes are handed out as private copies: they stay when the transaction goes on.
#[derive(Debug)]
pub struct StagedCopies<'a> {
    mapped: &'a Mapped,
    frame: &'a FrameRecords,
}

impl Staging<'_> {
    /// The bytes of a frame, for reading.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::InvalidArgument`] if the frame has changed since its records were read; [`shmframe_format::ErrorKind::Corrupt`];
    /// [`shmframe_format::ErrorKind::WriterInChild`].
    pub fn copied<'a>(&'a self, frame: &'a FrameRecords) -> Result<StagedCopies<'a>> {
        // Bytes of a frame that was replaced may have no pages any more (I9).
        self.check_current(frame)?;
        Ok(StagedCopies { mapped: &self.store.mapped, frame })
    }
}

impl FrameBytes for StagedCopies<'_> {
    fn layout(&self) -> &Layout {
        self.frame.layout()
    }

    fn state(&self) -> &State {
        self.frame.state()
    }

    /// Also [`shmframe_format::ErrorKind::WriterInChild`], and [`shmframe_format::ErrorKind::ProcessLimit`] if there is no memory for a copy.
    fn bytes(&self, buffer: usize, range: Range<u64>) -> Result<Frozen> {
        let (offset, length) = place((self.layout(), self.state()), buffer, &range)?;
        let geometry = self.mapped.geometry();
        let end = offset.checked_add(length).filter(|end| *end <= geometry.capacity());
        if offset < geometry.heap_offset() || end.is_none() || !self.mapped.map.contains(offset, length) {
            return Err(out_of_heap(offset, length));
        }
        // A forked child has no such mapping: a look at it would be fatal.
        self.mapped.check_process()?;
        // SAFETY: (I1, I7, I11) the range lies in the mapping. The store is borrowed from its transaction, which holds the
        // lease, so that nobody writes anything meanwhile.
        let bytes = unsafe { self.mapped.map.slice(offset, length as usize) };
        Ok(Frozen::private(PrivateBytes::of(bytes)?))
    }
}
