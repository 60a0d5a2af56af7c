//! A process's way into a segment.

use crate::follow::Follow;
use crate::known_frames::KnownFrames;
use crate::options::ReaderOptions;
use crate::snapshot::Snapshot;
use core::fmt;
use core::time::Duration;
use shmframe_format::Result;
use shmframe_segment::protocol::WaitOutcome;
use shmframe_segment::{Attachment, PinnedVersion, ReaderStats, deadline};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// How long a waiter sleeps before it looks whether the segment still is there, at first and at most.
const CAP: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// A way into a segment. Cheap to clone; all readers of a process and segment share one attachment.
#[derive(Clone)]
pub struct Reader {
    inner: Arc<Inner>,
}

struct Inner {
    attachment: Arc<Attachment>,
    options: ReaderOptions,
    frames: Arc<KnownFrames>,
    /// The thread that waits for the reader's streams, while there are some.
    #[cfg(feature = "futures")]
    watch: crate::watch::WatchPlace,
}

/// What a wait for a newer version came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// There is a newer version: this one.
    Newer(u64),
    /// The time was up.
    TimedOut,
    /// The segment was removed.
    Removed,
    /// No process holds the writer lease.
    NoWriter,
}

impl fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Reader {{ segment: {:?}, latest: {} }}", self.path(), self.latest())
    }
}

impl Reader {
    pub(crate) fn new(attachment: Arc<Attachment>, options: ReaderOptions) -> Self {
        let frames = Arc::new(KnownFrames::new(options.get_validation()));
        let inner = Inner {
            attachment,
            options,
            frames,
            #[cfg(feature = "futures")]
            watch: crate::watch::WatchPlace::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A share of the thread that waits for the streams of this reader and its clones.
    #[cfg(feature = "futures")]
    pub(crate) fn watched(&self) -> Result<crate::watch::Watched> {
        crate::watch::Watched::new(&self.inner.watch, self)
    }

    /// Whether this is a clone of `other`.
    #[cfg(feature = "futures")]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) fn attachment(&self) -> &Attachment {
        &self.inner.attachment
    }

    /// Opens the segment `name`, with the default options.
    ///
    /// # Errors
    /// Those of [`ReaderOptions::open`].
    pub fn open(name: &str) -> Result<Self> {
        ReaderOptions::new().open(name)
    }

    /// Opens the segment `name`, with the default options, waiting for somebody to create it.
    ///
    /// # Errors
    /// Those of [`ReaderOptions::open_within`].
    pub fn open_within(name: &str, timeout: Duration) -> Result<Self> {
        ReaderOptions::new().open_within(name, timeout)
    }

    /// Options for opening a segment.
    #[must_use]
    pub fn options() -> ReaderOptions {
        ReaderOptions::new()
    }

    /// The same segment's name, opened again: after it was removed and created again, this is another segment.
    ///
    /// # Errors
    /// Those of [`ReaderOptions::open_within`].
    pub fn reopen(&self, timeout: Duration) -> Result<Self> {
        self.inner.options.open_within(self.inner.attachment.location().name(), timeout)
    }

    /// The newest version's number. No system call; nothing is held.
    #[must_use]
    pub fn latest(&self) -> u64 {
        self.inner.attachment.latest()
    }

    /// What this process's readers of the segment use: slots, words, versions, mappings. No system call.
    ///
    /// An old version in it that should not be there is held by a snapshot or an array somewhere in this process.
    #[must_use]
    pub fn stats(&self) -> ReaderStats {
        self.inner.attachment.usage()
    }

    /// The segment's directory.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.inner.attachment.location().path()
    }

    /// Holds the newest version. No system call.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Removed`], [`crate::ErrorKind::RegistryFull`], [`crate::ErrorKind::Corrupt`],
    /// [`crate::ErrorKind::ProcessLimit`].
    pub fn snapshot(&self) -> Result<Snapshot> {
        self.take(PinnedVersion::newest(&self.inner.attachment))
    }

    fn take(&self, version: Result<PinnedVersion>) -> Result<Snapshot> {
        match version {
            Ok(version) => Ok(Snapshot::new(version, Arc::clone(&self.inner.frames))),
            Err(error) => Err(error.at(self.path().display())),
        }
    }

    /// Holds an older version, if history still keeps it (the writer's option; 1 keeps the newest alone).
    ///
    /// # Errors
    /// [`crate::ErrorKind::VersionGone`], with the versions that are kept; or those of [`Reader::snapshot`].
    pub fn snapshot_at(&self, version: u64) -> Result<Snapshot> {
        self.take(PinnedVersion::at(&self.inner.attachment, version))
    }

    /// Waits until there is a version newer than `version`, for `timeout` at the most.
    ///
    /// # Errors
    /// If the segment's directory cannot be looked at.
    pub fn wait_newer(&self, version: u64, timeout: Duration) -> Result<Wait> {
        self.wait(version, timeout, || Ok(true))
    }

    /// As [`Reader::wait_newer`], but gives up as soon as no process holds the writer lease.
    ///
    /// Where writers take turns nobody holds it between commits, so there this says little.
    ///
    /// # Errors
    /// If the segment's directory or registry cannot be looked at.
    pub fn wait_newer_while_written(&self, version: u64, timeout: Duration) -> Result<Wait> {
        self.wait(version, timeout, || self.inner.attachment.has_writer())
    }

    fn wait(&self, version: u64, timeout: Duration, written: impl Fn() -> Result<bool>) -> Result<Wait> {
        let attachment = &self.inner.attachment;
        let deadline = deadline(timeout);
        let mut cap = CAP.0;
        if !attachment.is_removed() && attachment.latest() > version {
            return Ok(Wait::Newer(attachment.latest()));
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // A writer that is gone now wrote all that it ever will before this look.
            let is_written = attachment.is_removed() || written()?;
            let nap = if is_written { cap.min(left) } else { Duration::ZERO };
            match attachment.wait_newer(version, nap) {
                WaitOutcome::Newer(version) => return Ok(Wait::Newer(version)),
                WaitOutcome::Removed => return Ok(Wait::Removed),
                WaitOutcome::Nothing if !is_written => return Ok(Wait::NoWriter),
                WaitOutcome::Nothing if left.is_zero() => return Ok(Wait::TimedOut),
                WaitOutcome::Nothing => {}
            }
            if !attachment.is_current().map_err(|error| error.at(self.path().display()))? {
                return Ok(Wait::Removed);
            }
            cap = (cap * 2).min(CAP.1);
        }
    }

    /// Snapshots of the newest versions, one after the other, each newer than the one before; waits for them.
    ///
    /// Goes on when one writer follows another; ends when the segment is removed, unless [`Follow::reopening`]. For
    /// waits that end, see [`Follow::next_within`] and [`Follow::stop_handle`].
    #[must_use]
    pub fn follow(&self) -> Follow {
        Follow::new(self.clone())
    }
}
