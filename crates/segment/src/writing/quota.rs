//! The quota: how many bytes of `data` may have pages. Asked before pages are allocated; where free pages are used
//! again nothing is counted and nothing is asked.

use crate::sync::Ordering;
use crate::sys::clock::deadline;
use crate::sys::descriptor;
use crate::writing::reserve::reserve_pages;
use crate::writing::store::Store;
use core::time::Duration;
use shmframe_format::geometry::{Geometry, PAGE_SIZE};
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use std::os::fd::AsFd;
use std::time::Instant;

/// The quota word of a segment without a quota.
const UNLIMITED: u64 = u64::MAX;
/// What the quota of a new segment leaves to its heap at the least, unless asked otherwise.
const LEAST_HEAP: u64 = 1 << 20;
/// What a wait for space asks for besides a frame's bytes: padding, records, and the way to it in the directory. Enough
/// for some 50 columns.
const BESIDES: u64 = 64 << 10;
/// How long a wait for space sleeps between two looks, at first and at most.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

#[derive(Debug)]
enum QuotaKind {
    Exceeded { wanted: u64, quota: u64, holders: String },
    TooSmall { found: u64, least: u64 },
}

impl Describe for QuotaKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Exceeded { .. } => ErrorKind::QuotaExceeded,
            Self::TooSmall { .. } => ErrorKind::InvalidArgument,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::Exceeded { wanted, quota, holders } => Report::new(
                "the segment's quota is used up; nothing was published, the last version stays",
                format!(
                    "{wanted} bytes in a row within a quota of {quota} (a change may need more than one such piece)"
                ),
                format!("this segment: {holders}"),
                "remove frames, let readers drop old snapshots (wait_for_space), or raise the quota",
            ),
            Self::TooSmall { found, least } => Report::new(
                "invalid quota",
                format!("at least {least} bytes, which the segment takes without any frame"),
                format!("{found}"),
                "choose a larger quota, or create the segment with fewer reader slots",
            ),
        }
    }
}

shmframe_format::every_kind!(QuotaKind {
    Exceeded: QuotaKind::Exceeded { wanted: 2, quota: 1, holders: "1 byte".into() };
    TooSmall: QuotaKind::TooSmall { found: 1, least: 2 };
});

/// Refuses a quota that no segment of this geometry keeps to: one below its header and tables, the reserve, and a page
/// for the root. One below what a segment takes now is none of these: it can be emptied.
pub(crate) fn check_quota_option(quota: Option<u64>, geometry: &Geometry) -> Result<()> {
    let least = geometry.heap_offset() + (reserve_pages(geometry) + 1) * PAGE_SIZE;
    match quota {
        Some(found) if found < least => Err(QuotaKind::TooSmall { found, least }.into()),
        _ => Ok(()),
    }
}

impl Store {
    /// Bytes of `data` that may have pages, header and tables included; none: as many as there are.
    #[must_use]
    pub fn quota(&self) -> Option<u64> {
        (self.quota != UNLIMITED).then_some(self.quota)
    }

    /// What a new holder of the lease does: sets the quota, if asked to, and counts the pages that there are.
    pub(crate) fn settle_quota(&mut self) {
        let word = &self.mapped.publication().quota;
        // Once: where writers take turns, another one may have set it since. 0 says that there is none yet.
        match (self.options.quota.take(), word.load(Ordering::Relaxed)) {
            (Some(quota), _) => word.store(quota, Ordering::Relaxed),
            (None, 0) => word.store(self.usual_quota(), Ordering::Relaxed),
            (None, _) => {}
        }
        self.quota = self.mapped.publication().quota.load(Ordering::Relaxed);
        self.pages = self.allocated_bytes();
    }

    /// Half of the file system, but room for a small heap in any case; no quota where the file system has no size.
    fn usual_quota(&self) -> u64 {
        match descriptor::space(self.mapped.data.as_fd()) {
            Ok((size, _)) if size > 0 => (size / 2).max(self.mapped.geometry().heap_offset() + LEAST_HEAP),
            _ => UNLIMITED,
        }
    }

    /// Fails if pages for `more` bytes would exceed the quota; they are wanted for an extent of `wanted` bytes.
    pub(crate) fn check_quota(&mut self, more: u64, wanted: u64) -> Result<()> {
        let Some(quota) = self.quota() else { return Ok(()) };
        let fits = |pages: u64| pages.saturating_add(more) <= quota;
        if fits(self.pages) {
            return Ok(());
        }
        // The count takes for new what had pages already, so it may be too high: the file knows.
        self.pages = self.allocated_bytes();
        if fits(self.pages) {
            return Ok(());
        }
        Err(QuotaKind::Exceeded { wanted, quota, holders: self.describe_holders() }.into())
    }

    /// Waits until `bytes` bytes and 64 KiB are free in a row and have pages: until readers let go of old versions, or die,
    /// or the file system has room. Nothing is freed because time passed.
    ///
    /// # Errors
    /// [`ErrorKind::QuotaExceeded`], [`ErrorKind::DirectoryFull`] or [`ErrorKind::CapacityExceeded`], naming the
    /// holders, when `timeout` is over, or at once where nobody can let go of anything; those of [`Store::begin`].
    pub fn wait_for_space(&mut self, bytes: u64, timeout: Duration) -> Result<()> {
        let deadline = deadline(timeout);
        let mut patience = PATIENCE.0;
        // In one piece: whatever a put takes first is cut off its front, and the rest stays in a row.
        let bytes = bytes.saturating_add(BESIDES);
        loop {
            self.resume_before(self.takes_turns().then_some(deadline))?;
            // First, also where there is enough: what a later reclaim puts in reserve must not come out of it.
            self.reclaim();
            let found = self.find_or_allocate(bytes).map(|range| self.space.give_warm(range));
            self.pause();
            let Err(error) = found else { return Ok(()) };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.may_pass(&error) {
                return Err(self.refused(bytes, error));
            }
            std::thread::sleep(patience.min(left));
            patience = (patience * 2).min(PATIENCE.1);
        }
    }

    /// Whether somebody else could do something about it.
    fn may_pass(&self, error: &Error) -> bool {
        match error.kind() {
            ErrorKind::DirectoryFull => true,
            // What history keeps goes with the next commits: this writer's own, unless there are others.
            ErrorKind::QuotaExceeded | ErrorKind::CapacityExceeded => {
                self.takes_turns() || self.any_kept_by_readers()
            }
            _ => false,
        }
    }
}
