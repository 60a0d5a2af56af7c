//! The quota: how many bytes of `data` may have pages. Asked before pages are allocated; where free pages are used
//! again nothing is counted and nothing is asked.

use crate::sync::Ordering;
use crate::sys::clock::deadline;
use crate::sys::descriptor;
use crate::writing::store::Store;
use core::time::Duration;
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use std::os::fd::AsFd;
use std::time::Instant;

/// The quota word of a segment without a quota.
const UNLIMITED: u64 = u64::MAX;
/// What the quota of a new segment leaves to its heap at the least, unless asked otherwise.
const LEAST_HEAP: u64 = 1 << 20;
/// How long a wait for space sleeps between two looks, at first and at most.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

#[derive(Debug)]
enum QuotaKind {
    Exceeded { wanted: u64, quota: u64, holders: String },
}

impl Describe for QuotaKind {
    fn kind(&self) -> ErrorKind {
        ErrorKind::QuotaExceeded
    }

    fn report(&self) -> Report {
        let Self::Exceeded { wanted, quota, holders } = self;
        Report::new(
            "the segment's quota is used up; nothing was published, the last version stays",
            format!("{wanted} bytes more within a quota of {quota}"),
            format!("this segment: {holders}"),
            "remove frames, let readers drop old snapshots (wait_for_space), or raise the quota",
        )
    }
}

shmframe_format::every_kind!(QuotaKind {
    Exceeded: QuotaKind::Exceeded { wanted: 2, quota: 1, holders: "1 byte".into() };
});

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
            (Some(quota), _) => word.store(quota.max(1), Ordering::Relaxed),
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

    /// Waits until an extent of `bytes` bytes is free and has pages: until readers let go of old versions, or die, or
    /// the file system has room. Nothing is freed because time passed.
    ///
    /// # Errors
    /// [`ErrorKind::QuotaExceeded`], [`ErrorKind::DirectoryFull`] or [`ErrorKind::CapacityExceeded`], naming the
    /// holders, when `timeout` is over, or at once where nobody can let go of anything; those of [`Store::begin`].
    pub fn wait_for_space(&mut self, bytes: u64, timeout: Duration) -> Result<()> {
        let deadline = deadline(timeout);
        let mut patience = PATIENCE.0;
        loop {
            self.resume_before(self.takes_turns().then_some(deadline))?;
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
            ErrorKind::QuotaExceeded | ErrorKind::CapacityExceeded => {
                self.takes_turns() || self.space.any_dropped()
            }
            _ => false,
        }
    }
}
