//! One version, copied out piece by piece while its entry stands.

use super::error::CopyKind;
use super::inspection::Inspection;
use super::private::PrivateBytes;
use crate::reading::frame::PinnedFrame;
use crate::reading::version::{out_of_heap, sorted_frames};
use core::sync::atomic::{AtomicU64, Ordering};
use shmframe_format::directory::{FrameEntry, Root};
use shmframe_format::header::Header;
use shmframe_format::record::{RecordSource, check_entry};
use shmframe_format::table::Entry;
use shmframe_format::{Content, Covered, Result, walk_contents};
use std::sync::Arc;

/// Copies records and buffers of one version, up to a limit.
#[derive(Debug)]
pub(crate) struct Copying {
    inspection: Arc<Inspection>,
    /// Where the version's entry stands.
    offset: u64,
    entry: Entry,
    limit: u64,
    copied: AtomicU64,
}

/// A version that is looked at by copying. Nothing holds it: when it goes, what was copied stays, and the rest fails.
#[derive(Debug)]
pub struct CopiedVersion {
    copying: Arc<Copying>,
    root: Root,
}

impl CopiedVersion {
    pub(super) fn open(inspection: &Arc<Inspection>, offset: u64, entry: Entry, limit: u64) -> Result<Self> {
        let inspection = Arc::clone(inspection);
        let copying = Arc::new(Copying { inspection, offset, entry, limit, copied: AtomicU64::new(0) });
        let root = Root::read(&*copying, &check_entry(&entry, entry.version)?)?;
        Ok(Self { copying, root })
    }

    /// The version's entry.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.copying.entry
    }

    /// All frames, sorted by name.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Corrupt`], or those of [`PinnedFrame`]'s [`crate::FrameBytes`].
    pub fn frames(&self) -> Result<Vec<FrameEntry>> {
        sorted_frames(&self.root, &*self.copying)
    }

    /// Calls `visit` for every range that the version covers. Every record is read and checked.
    pub(super) fn walk(&self, visit: impl FnMut(Covered, Content<'_>)) -> Result<()> {
        let root = check_entry(self.entry(), self.entry().version)?;
        walk_contents(&*self.copying, self.copying.header().geometry(), &root, visit).map(drop)
    }

    /// How many frames the version has.
    #[must_use]
    pub fn frame_count(&self) -> u64 {
        self.root.frames
    }

    /// The frame of this name, if the version has it.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Corrupt`], or those of [`PinnedFrame`]'s [`crate::FrameBytes`].
    pub fn frame(&self, name: &str) -> Result<Option<PinnedFrame>> {
        let found = self.root.find(&*self.copying, name)?;
        found.map(|entry| PinnedFrame::copied(&self.copying, entry)).transpose()
    }
}

impl Copying {
    pub(crate) fn version(&self) -> u64 {
        self.entry.version
    }

    pub(crate) fn header(&self) -> &Header {
        self.inspection.header()
    }

    /// A private copy of a buffer.
    pub(crate) fn buffer(&self, offset: u64, length: u64) -> Result<PrivateBytes> {
        self.charge(offset, length)?;
        let mut bytes = PrivateBytes::zeros(length)?;
        self.copy(bytes.as_mut(), offset)?;
        Ok(bytes)
    }

    /// Counts a piece, before any memory is taken for it.
    fn charge(&self, offset: u64, length: u64) -> Result<()> {
        // Buffers may begin anywhere; records are asked for only where they may begin.
        let geometry = self.header().geometry();
        let end = offset.checked_add(length).filter(|end| *end <= geometry.capacity());
        if offset < geometry.heap_offset() || end.is_none() {
            return Err(out_of_heap(offset, length));
        }
        self.inspection.check_allocated(length)?;
        // Saturates: each piece is shorter than the largest capacity.
        let wanted = self.copied.fetch_add(length, Ordering::Relaxed).saturating_add(length);
        if wanted > self.limit {
            self.copied.fetch_sub(length, Ordering::Relaxed);
            return Err(CopyKind::Limit { wanted, limit: self.limit }.into());
        }
        Ok(())
    }

    /// Copies, and asks afterwards whether the version still was there.
    fn copy(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        self.inspection.read_into(bytes, offset)?;
        if self.inspection.is_unchanged(self.offset, &self.entry)? {
            return Ok(());
        }
        Err(CopyKind::Changed { version: self.entry.version }.into())
    }
}

impl RecordSource for Copying {
    fn copy_out(&self, offset: u64, length: u64) -> Result<Vec<u8>> {
        self.charge(offset, length)?;
        let mut bytes = vec![0; length as usize];
        self.copy(&mut bytes, offset)?;
        Ok(bytes)
    }
}
