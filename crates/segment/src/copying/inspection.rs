//! A segment as `read` shows it.

use super::entries::fault;
use super::error::CopyKind;
use super::long_record::check_allocated;
use super::version::CopiedVersion;
use crate::edges::Edge;
use crate::files::location::{ATTEMPTS, Location, SegmentDirectory, boot_id, refused};
use crate::files::status::SegmentStatus;
use crate::sync::Ordering;
use crate::sys::descriptor;
use crate::words::STATE_REMOVED;
use core::mem::offset_of;
use shmframe_format::geometry::RING_LENGTH;
use shmframe_format::header::Header;
use shmframe_format::record::check_entry;
use shmframe_format::table::{Entry, Publication};
use shmframe_format::{Error, Result};
use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

pub(super) const ENTRY_SIZE: u64 = size_of::<Entry>() as u64;
/// Bytes of entries that are read at once.
const STRETCH: u64 = 1 << 16;
/// Pieces up to this long, bytes, are read without asking what the file has pages for.
const SMALL: u64 = 1 << 16;
/// How often a look starts again when the version goes meanwhile.
pub(super) const LOOKS: usize = 16;

/// A segment that is looked at by copying: nothing is mapped, nothing written, no slot taken.
#[derive(Debug)]
pub struct Inspection {
    directory: SegmentDirectory,
    data: OwnedFd,
    header: Header,
    this_boot: bool,
    limit: u64,
}

/// A version that has an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveVersion {
    /// Its number.
    pub version: u64,
    /// When it was committed, ns since 1970, by the writer's clock.
    pub committed: u64,
    /// Where its entry stood, bytes from the start of `data`.
    place: u64,
}

impl Inspection {
    /// Opens a segment for looking, whoever owns it. One look at a version copies `limit` bytes at the most.
    ///
    /// Needs read access to the directory and to `data`, and nothing else.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Missing`], [`shmframe_format::ErrorKind::PermissionDenied`], or what the header
    /// of a segment is refused for.
    pub fn open(location: &Location, limit: u64) -> Result<Arc<Self>> {
        for _ in 0..ATTEMPTS {
            let (directory, _) = location.open_foreign_directory()?;
            if let Some((data, header)) = directory.or_again(directory.open_foreign_data())? {
                let this_boot = header.boot() == boot_id()?;
                return Ok(Arc::new(Self { directory, data, header, this_boot, limit }));
            }
        }
        Err(Error::from(CopyKind::Restless { looks: ATTEMPTS }).at(location.path().display()))
    }

    /// The segment's header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where the segment stands.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.directory.location
    }

    /// Owner, modes and sizes of the segment's directory and files, as they are now.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::System`].
    pub fn status(&self) -> Result<SegmentStatus> {
        SegmentStatus::of(&self.directory)
    }

    /// Whether the segment was made since the machine was started; pages of an older one may be torn.
    #[must_use]
    pub fn is_of_this_boot(&self) -> bool {
        self.this_boot
    }

    /// Whether the segment was removed.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Truncated`].
    pub fn is_removed(&self) -> Result<bool> {
        let at = self.header.geometry().publication_offset() + offset_of!(Publication, state) as u64;
        Ok(self.read::<4>(at)? == STATE_REMOVED.to_le_bytes())
    }

    /// The newest version's number.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Truncated`].
    pub fn latest(&self) -> Result<u64> {
        let latest =
            self.word(self.header.geometry().publication_offset() + offset_of!(Publication, latest) as u64);
        // Edge Commit, the reader's end.
        Edge::Commit.fence(Ordering::Acquire);
        latest
    }

    /// The versions that have an entry, oldest first.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Truncated`].
    pub fn versions(&self) -> Result<Vec<LiveVersion>> {
        let latest = self.latest()?;
        let mut found = BTreeMap::new();
        self.each_whole_entry(|place, entry| {
            let Entry { version, committed, .. } = *entry;
            if version <= latest {
                found.insert(version, LiveVersion { version, committed, place });
            }
        })?;
        Ok(found.into_values().collect())
    }

    /// Looks at the newest version; again, at the one that is newest then, if it went meanwhile.
    ///
    /// # Errors
    /// Those of `look`; [`shmframe_format::ErrorKind::Corrupt`]; [`shmframe_format::ErrorKind::VersionGone`] if no
    /// version stayed long enough.
    pub fn newest<R>(self: &Arc<Self>, mut look: impl FnMut(&CopiedVersion) -> Result<R>) -> Result<R> {
        for _ in 0..LOOKS {
            let latest = self.latest()?;
            let Some((offset, entry)) = self.entry_at(self.ring_offset(latest), latest)? else {
                // Edges FloorAfterLatest and EraseAfter, the reader's end: an entry goes only after a newer version came.
                Edge::FloorAfterLatest.fence(Ordering::Acquire);
                if self.latest()? == latest {
                    return Err(CopyKind::Damaged { version: latest }.into());
                }
                continue;
            };
            match self.look(offset, entry, &mut look) {
                Err(error) if self.is_unchanged(offset, &entry)? => return Err(error),
                Err(_) => {}
                Ok(found) => return Ok(found),
            }
        }
        Err(CopyKind::Restless { looks: LOOKS }.into())
    }

    /// Looks at `version`; again, if its entry was moved meanwhile.
    ///
    /// # Errors
    /// Those of `look`; [`shmframe_format::ErrorKind::VersionGone`].
    pub fn at<R>(self: &Arc<Self>, version: u64, look: impl FnMut(&CopiedVersion) -> Result<R>) -> Result<R> {
        self.at_place(version, self.ring_offset(version), look)
    }

    /// The same for a version that [`Inspection::versions`] found: without a search, as long as its entry did not move.
    pub(super) fn at_live<R>(
        self: &Arc<Self>,
        live: &LiveVersion,
        look: impl FnMut(&CopiedVersion) -> Result<R>,
    ) -> Result<R> {
        self.at_place(live.version, live.place, look)
    }

    fn at_place<R>(
        self: &Arc<Self>,
        version: u64,
        place: u64,
        mut look: impl FnMut(&CopiedVersion) -> Result<R>,
    ) -> Result<R> {
        for _ in 0..LOOKS {
            let Some((offset, entry)) = self.find(version, place)? else {
                let kept = self.versions()?.into_iter().map(|live| live.version).collect();
                return Err(CopyKind::Gone { wanted: version, kept }.into());
            };
            match self.look(offset, entry, &mut look) {
                Err(error) if self.is_unchanged(offset, &entry)? => return Err(error),
                Err(_) => {}
                Ok(found) => return Ok(found),
            }
        }
        Err(CopyKind::Restless { looks: LOOKS }.into())
    }

    fn look<R>(
        self: &Arc<Self>,
        offset: u64,
        entry: Entry,
        look: impl FnOnce(&CopiedVersion) -> Result<R>,
    ) -> Result<R> {
        look(&CopiedVersion::open(self, offset, entry, self.limit)?)
    }

    /// Where the entry of `version` stands, and the entry: at `place`, or else in the ring or in the retained table.
    fn find(&self, version: u64, place: u64) -> Result<Option<(u64, Entry)>> {
        if version > self.latest()? {
            return Ok(None);
        }
        for place in [place, self.ring_offset(version)] {
            if let Some(found) = self.entry_at(place, version)? {
                return Ok(Some(found));
            }
        }
        // Edge EraseAfter, the reader's end: who finds the ring's entry gone finds its copy in the table.
        Edge::EraseAfter.fence(Ordering::Acquire);
        let mut moved = None;
        self.each_whole_entry(|offset, entry| {
            if entry.version == version {
                moved = Some(offset);
            }
        })?;
        match moved {
            Some(offset) => self.entry_at(offset, version),
            None => Ok(None),
        }
    }

    fn ring_offset(&self, version: u64) -> u64 {
        self.header.geometry().ring_offset() + version % u64::from(RING_LENGTH) * ENTRY_SIZE
    }

    /// The entry at `offset`, if it is a whole one of `version`.
    fn entry_at(&self, offset: u64, version: u64) -> Result<Option<(u64, Entry)>> {
        let entry = self.look_at_entry(offset)?;
        let whole = entry.sequence.is_multiple_of(2) && self.is_unchanged(offset, &entry)?;
        Ok((whole && check_entry(&entry, version).is_ok()).then_some((offset, entry)))
    }

    /// What stands at `offset`: an entry, if its sequence is even and [`Inspection::is_unchanged`] afterwards.
    ///
    /// With that, three reads: one alone may take the words before the sequence, and so old words under a new sequence.
    pub(super) fn look_at_entry(&self, offset: u64) -> Result<Entry> {
        let sequence = self.word(offset)?;
        // Edge EntryClose, the reader's end.
        Edge::EntryClose.fence(Ordering::Acquire);
        let words: [u8; ENTRY_SIZE as usize] = self.read(offset)?;
        Ok(Entry { sequence, ..bytemuck::pod_read_unaligned(&words) })
    }

    /// Whether the entry at `offset` still is the one that was read there.
    ///
    /// Entries are erased before the bytes of their version are used again (edge EntryOpen): if it is unchanged, all
    /// that was copied before is of that version.
    pub(super) fn is_unchanged(&self, offset: u64, entry: &Entry) -> Result<bool> {
        // Edge EntryCheck: what was copied before is read before the sequence is compared.
        Edge::EntryCheck.fence(Ordering::Acquire);
        Ok(self.word(offset)? == entry.sequence)
    }

    /// Calls `visit` for each entry of ring and retained table that adds up at the moment.
    fn each_whole_entry(&self, mut visit: impl FnMut(u64, &Entry)) -> Result<()> {
        self.each_entry(|offset, entry| {
            if fault(self.place_of(offset), entry).is_none() {
                visit(offset, entry);
            }
        })
    }

    /// Calls `visit` for each place of ring and retained table, with what stands there, whole or not.
    pub(super) fn each_entry(&self, mut visit: impl FnMut(u64, &Entry)) -> Result<()> {
        let geometry = self.header.geometry();
        let mut at = geometry.ring_offset();
        let end = geometry.retained_offset() + geometry.retained_length() * ENTRY_SIZE;
        let mut bytes = vec![0; STRETCH as usize];
        while at < end {
            let stretch = STRETCH.min(end - at) as usize;
            self.read_into(&mut bytes[..stretch], at)?;
            for (index, entry) in (0..).zip(bytes[..stretch].chunks_exact(ENTRY_SIZE as usize)) {
                visit(at + index * ENTRY_SIZE, &bytemuck::pod_read_unaligned(entry));
            }
            at += stretch as u64;
        }
        Ok(())
    }

    pub(super) fn word(&self, offset: u64) -> Result<u64> {
        Ok(u64::from_le_bytes(self.read(offset)?))
    }

    pub(super) fn read<const N: usize>(&self, offset: u64) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read_into(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// Fills `bytes` from `data`, or fails.
    pub(super) fn read_into(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        let read = descriptor::read_into(self.data.as_fd(), bytes, offset);
        let read = read.map_err(|errno| refused("read `data`", errno))?;
        if read < bytes.len() {
            let wanted = offset.saturating_add(bytes.len() as u64);
            return Err(CopyKind::Truncated { wanted, found: offset.saturating_add(read as u64) }.into());
        }
        Ok(())
    }

    /// The descriptor of `data`, for reading.
    pub(super) fn data(&self) -> BorrowedFd<'_> {
        self.data.as_fd()
    }

    /// Refuses a piece that is longer than all that the file has pages for: most of it would be a hole.
    pub(super) fn check_allocated(&self, length: u64) -> Result<()> {
        if length <= SMALL {
            return Ok(());
        }
        check_allocated(self.data.as_fd(), length)
    }
}
