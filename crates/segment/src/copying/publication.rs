//! The words of the publication block, as they stand at the moment.

use super::inspection::Inspection;
use crate::words::{STATE_OPEN, STATE_REMOVED, label_of};
use core::ops::Range;
use shmframe_format::Result;
use shmframe_format::geometry::{ALIGNMENT, PAGE_SIZE};
use shmframe_format::table;

/// What the state word of a segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentState {
    /// It has no name yet.
    Unnamed,
    /// It is open.
    Open,
    /// It was removed.
    Removed,
    /// What no writer stores.
    Unknown(u32),
}

/// The words of the publication block. They change while they are read: each is whole, together they may be of different
/// moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicationWords {
    /// The newest version.
    pub latest: u64,
    /// No version below this one may be pinned any more.
    pub floor: u64,
    /// The word that waiters sleep on: how often they were woken; wraps.
    pub wake: u32,
    /// Whether the segment is open.
    pub state: SegmentState,
    /// How often a writer gained the lease and recovered.
    pub epoch: u64,
    /// Versions that the floor leaves alone, the newest included.
    pub history: u64,
    /// How often pages were given back; wraps.
    pub trims: u64,
    /// Process id of the last holder of the lease, in its own PID namespace. It may be dead.
    pub writer_pid: u64,
    /// When it gained the lease, ns since 1970, by its clock.
    pub writer_since: u64,
    /// Its label; may be torn.
    pub writer_label: String,
    /// Bytes of `data` that may have pages; none: no quota.
    pub quota: Option<u64>,
    /// Where free pages are kept in reserve, bytes from the start of `data`; none: nowhere.
    pub reserve: Option<Range<u64>>,
}

impl Inspection {
    /// The words of the publication block.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Truncated`].
    pub fn publication(&self) -> Result<PublicationWords> {
        let words =
            self.read::<{ size_of::<table::Publication>() }>(self.header().geometry().publication_offset())?;
        Ok(PublicationWords::of(&bytemuck::pod_read_unaligned(&words)))
    }
}

impl PublicationWords {
    fn of(words: &table::Publication) -> Self {
        let pages = words.reserve % ALIGNMENT;
        let start = words.reserve - pages;
        Self {
            latest: words.latest,
            floor: words.floor,
            wake: words.wake,
            state: match words.state {
                0 => SegmentState::Unnamed,
                STATE_OPEN => SegmentState::Open,
                STATE_REMOVED => SegmentState::Removed,
                other => SegmentState::Unknown(other),
            },
            epoch: words.epoch,
            history: words.history,
            trims: words.trims,
            writer_pid: words.writer_pid,
            writer_since: words.writer_since,
            writer_label: label_of(words.writer_label),
            quota: (words.quota != u64::MAX).then_some(words.quota),
            reserve: (pages > 0).then(|| start..start.saturating_add(pages * PAGE_SIZE)),
        }
    }
}
