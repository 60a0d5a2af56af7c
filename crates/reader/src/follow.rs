//! Following a segment: every look gives the newest version.

use crate::reader::{Reader, Wait};
use crate::snapshot::Snapshot;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use shmframe_format::{ErrorKind, Result};
use shmframe_segment::deadline;
use std::sync::Arc;
use std::time::Instant;

/// How long one wait lasts; then it is begun again.
const LONG: Duration = Duration::from_secs(3600);
/// How long one wait lasts if somebody may stop it.
const SHORT: Duration = Duration::from_millis(100);

/// An iterator over the newest versions: see [`Reader::follow`].
///
/// Versions may be skipped, and never go back within one segment. [`Follow::next_within`] waits for some time only;
/// a [`StopHandle`] ends it from another thread.
#[derive(Debug)]
pub struct Follow {
    reader: Reader,
    seen: u64,
    reopen: bool,
    ended: bool,
    stop: Option<StopHandle>,
}

/// What [`Follow::next_within`] came to.
#[derive(Clone, Debug)]
pub enum Followed {
    /// There is a newer version: this one.
    Snapshot(Snapshot),
    /// The time was up. There may be more.
    TimedOut,
    /// There will be no more: the segment was removed, or [`StopHandle::stop`] was called, or an error ended it before.
    Ended,
}

/// Ends a [`Follow`] from another thread: see [`Follow::stop_handle`].
#[derive(Clone, Debug)]
pub struct StopHandle(Arc<AtomicBool>);

impl StopHandle {
    /// Ends the following: whoever waits is told within 100 ms, and what is asked for later is not waited for.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Follow {
    pub(crate) fn new(reader: Reader) -> Self {
        Self { reader, seen: 0, reopen: false, ended: false, stop: None }
    }

    /// Goes on with the next segment of the same name after this one was removed, waiting until it is created.
    #[must_use]
    pub fn reopening(mut self) -> Self {
        self.reopen = true;
        self
    }

    /// Skips the versions up to and including this one.
    #[must_use]
    pub fn after(mut self, version: u64) -> Self {
        self.seen = version;
        self
    }

    /// The reader of the segment that is followed now.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The newest version that was given, or skipped.
    #[cfg(feature = "futures")]
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    #[cfg(feature = "futures")]
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// What ends this from another thread. All handles of one `Follow` are the same.
    #[must_use]
    pub fn stop_handle(&mut self) -> StopHandle {
        self.stop.get_or_insert_with(|| StopHandle(Arc::default())).clone()
    }

    /// The next version, waiting for `timeout` at the most.
    ///
    /// # Errors
    /// Those of [`Reader::snapshot`] and [`Reader::wait_newer`]; [`Reader::reopen`]'s if this goes on with the next
    /// segment. An error is the end, as it is for the iterator.
    pub fn next_within(&mut self, timeout: Duration) -> Result<Followed> {
        self.advance(Some(deadline(timeout)))
    }

    fn advance(&mut self, deadline: Option<Instant>) -> Result<Followed> {
        if self.ended {
            return Ok(Followed::Ended);
        }
        let next = self.wait(deadline);
        self.ended = !matches!(next, Ok(Followed::Snapshot(_) | Followed::TimedOut));
        next
    }

    fn wait(&mut self, deadline: Option<Instant>) -> Result<Followed> {
        loop {
            if self.stop.as_ref().is_some_and(StopHandle::is_stopped) {
                return Ok(Followed::Ended);
            }
            let left = deadline.map_or(LONG, |deadline| deadline.saturating_duration_since(Instant::now()));
            let nap = left.min(if self.stop.is_some() { SHORT } else { LONG });
            if let Some(next) = self.look(nap)? {
                return Ok(next);
            }
            if left.is_zero() {
                return Ok(Followed::TimedOut);
            }
        }
    }

    /// Waits once, for `nap` at the most; nothing if there is nothing to say yet.
    fn look(&mut self, nap: Duration) -> Result<Option<Followed>> {
        match self.reader.wait_newer(self.seen, nap)? {
            Wait::Newer(_) => match self.reader.snapshot() {
                Ok(snapshot) => {
                    self.seen = snapshot.version();
                    Ok(Some(Followed::Snapshot(snapshot)))
                }
                Err(error) if error.kind() == ErrorKind::Removed => Ok(None),
                Err(error) => Err(error),
            },
            Wait::Removed if !self.reopen => Ok(Some(Followed::Ended)),
            Wait::Removed => match self.reader.reopen(nap) {
                Ok(reader) => {
                    self.reader = reader;
                    self.seen = 0;
                    Ok(None)
                }
                Err(error) if error.kind() == ErrorKind::TimedOut => Ok(None),
                Err(error) => Err(error),
            },
            Wait::TimedOut | Wait::NoWriter => Ok(None),
        }
    }
}

impl Iterator for Follow {
    type Item = Result<Snapshot>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.advance(None) {
                Ok(Followed::Snapshot(snapshot)) => return Some(Ok(snapshot)),
                Ok(Followed::Ended) => return None,
                Ok(Followed::TimedOut) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
