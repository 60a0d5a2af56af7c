//! How a segment is opened for reading.

use crate::error::ReadKind;
use crate::inspector::Inspector;
use crate::reader::Reader;
use crate::segment::Segment;
use core::time::Duration;
use shmframe_format::{Error, ErrorKind, Result};
use shmframe_segment::{Attachment, Inspection, Location, RegistryView, Trust, Validation, deadline};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Bytes that one look of an inspector copies at the most, unless asked otherwise: 1 GiB.
const COPY_LIMIT: u64 = 1 << 30;
/// How long an opener that waits sleeps between two looks, at first and at most.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

/// Options for opening a segment for reading.
#[derive(Clone, Debug, Default)]
pub struct ReaderOptions {
    directory: Option<PathBuf>,
    label: String,
    trust: Trust,
    validation: Validation,
    copy_limit: Option<u64>,
}

impl ReaderOptions {
    /// The defaults: `/dev/shm` (or `SHMFRAME_DIR`), no label.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The directory that holds the segment.
    #[must_use]
    pub fn directory(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// What this process's reader slots are called where they are shown, up to 64 bytes.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Whose segments are trusted besides the caller's own and root's, and on which file systems.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// How much of a column is checked before it is handed out: its layout unless asked otherwise.
    ///
    /// With [`Validation::Full`], [`crate::Frame::batches`] looks at all rows of each column that it builds, once for each
    /// state of a frame (a frame that the next version leaves alone is not looked at again), and refuses contents that
    /// are no valid Arrow. For segments of an owner that is not trusted to be right.
    #[must_use]
    pub fn validation(mut self, validation: Validation) -> Self {
        self.validation = validation;
        self
    }

    pub(crate) fn get_validation(&self) -> Validation {
        self.validation
    }

    /// How many bytes one look of an [`Inspector`] copies at the most, records included; 1 GiB unless asked otherwise.
    #[must_use]
    pub fn copy_limit(mut self, bytes: u64) -> Self {
        self.copy_limit = Some(bytes);
        self
    }

    /// Opens the segment `name` for looking by copying, whoever owns it: see [`Inspector`].
    ///
    /// # Errors
    /// [`ErrorKind::Missing`], [`ErrorKind::InvalidName`], [`ErrorKind::PermissionDenied`], or what the header of a
    /// segment is refused for.
    pub fn inspect(&self, name: &str) -> Result<Inspector> {
        let location = Location::new(self.directory.as_deref(), name, self.trust.clone())?;
        Ok(Inspector::new(Inspection::open(&location, self.copy_limit.unwrap_or(COPY_LIMIT))?))
    }

    /// Opens the segment `name`.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`], [`ErrorKind::InvalidName`], [`ErrorKind::Removed`], or what opening refuses.
    pub fn open(&self, name: &str) -> Result<Reader> {
        let location = Location::new(self.directory.as_deref(), name, self.trust.clone())?;
        Ok(Reader::new(Attachment::open(&location, &self.label)?, self.clone()))
    }

    /// Opens the registry of the segment `name` to look at it from outside, whoever owns it. No right to write it is needed.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`], [`ErrorKind::InvalidName`], [`ErrorKind::RegistryPermissionDenied`], or what the header of the
    /// registry is refused for.
    pub fn look_at(&self, name: &str) -> Result<Segment> {
        let location = Location::new(self.directory.as_deref(), name, self.trust.clone())?;
        Ok(Segment::new(RegistryView::open(&location)?))
    }

    /// Opens the segment `name`, waiting for somebody to create it, for `timeout` at the most.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`], or those of [`ReaderOptions::open`].
    pub fn open_within(&self, name: &str, timeout: Duration) -> Result<Reader> {
        let deadline = deadline(timeout);
        let mut patience = PATIENCE.0;
        loop {
            match self.open(name) {
                Err(error) if matches!(error.kind(), ErrorKind::Missing | ErrorKind::Removed) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        let timed_out = ReadKind::OpenTimedOut { name: name.to_owned() };
                        return Err(Error::from(timed_out).at(error.place()).because(error));
                    }
                    std::thread::sleep(patience.min(left));
                    patience = (patience * 2).min(PATIENCE.1);
                }
                result => return result,
            }
        }
    }
}
