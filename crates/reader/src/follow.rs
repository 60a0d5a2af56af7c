//! Following a segment: every look gives the newest version.

use crate::reader::{Reader, Wait};
use crate::snapshot::Snapshot;
use core::time::Duration;
use shmframe_format::{ErrorKind, Result};

/// How long one wait lasts; then it is begun again.
const LONG: Duration = Duration::from_secs(3600);

/// An iterator over the newest versions: see [`Reader::follow`].
///
/// Versions may be skipped, and never go back within one segment.
#[derive(Debug)]
pub struct Follow {
    reader: Reader,
    seen: u64,
    reopen: bool,
    ended: bool,
}

impl Follow {
    pub(crate) fn new(reader: Reader) -> Self {
        Self { reader, seen: 0, reopen: false, ended: false }
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

    fn advance(&mut self) -> Result<Option<Snapshot>> {
        loop {
            match self.reader.wait_newer(self.seen, LONG)? {
                Wait::Newer(_) => match self.reader.snapshot() {
                    Ok(snapshot) => {
                        self.seen = snapshot.version();
                        return Ok(Some(snapshot));
                    }
                    Err(error) if error.kind() == ErrorKind::Removed => {}
                    Err(error) => return Err(error),
                },
                Wait::Removed if !self.reopen => return Ok(None),
                Wait::Removed => match self.reader.reopen(LONG) {
                    Ok(reader) => {
                        self.reader = reader;
                        self.seen = 0;
                    }
                    Err(error) if error.kind() == ErrorKind::TimedOut => {}
                    Err(error) => return Err(error),
                },
                Wait::TimedOut | Wait::NoWriter => {}
            }
        }
    }
}

impl Iterator for Follow {
    type Item = Result<Snapshot>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.advance().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}
