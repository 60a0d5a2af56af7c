//! Looking at a segment by copying.

use crate::frame::{Frame, KnownFrame};
use crate::options::ReaderOptions;
use crate::snapshot::no_frame;
use core::time::Duration;
use shmframe_format::{Error, Result};
use shmframe_segment::{CopiedVersion, Inspection, Validation};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A segment that is looked at without trust: for tools, and for segments that cannot be attached to.
///
/// Everything is copied by `read` into private memory and checked there, contents included: nothing is mapped, nothing
/// is written, no reader slot is taken. So it works whoever owns the segment, without permission to write `readers`,
/// on a segment that was removed or cut off, whose writer is dead, or that was made before the machine was started
/// ([`Inspector::is_of_this_boot`]). It holds no version: while the writer goes on a look may have to start again.
///
/// ```no_run
/// # use shmframe_reader as shmframe;
/// # fn main() -> shmframe::Result<()> {
/// use shmframe::ReaderOptions;
///
/// let inspector = ReaderOptions::new().copy_limit(64 << 20).inspect("ticks")?;
/// let batches = inspector.newest(|version| version.frame("trades")?.select(&["price"])?.batches())?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Inspector {
    inspection: Arc<Inspection>,
}

impl Inspector {
    /// One over an inspection that is open: for tools, which look at more than frames.
    #[must_use]
    pub fn new(inspection: Arc<Inspection>) -> Self {
        Self { inspection }
    }

    /// The inspection that it looks through.
    #[must_use]
    pub fn inspection(&self) -> &Arc<Inspection> {
        &self.inspection
    }

    /// Opens the segment `name` with the default options.
    ///
    /// # Errors
    /// Those of [`ReaderOptions::inspect`].
    pub fn open(name: &str) -> Result<Self> {
        ReaderOptions::new().inspect(name)
    }

    /// The segment's directory, as it was opened.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.inspection.location().path()
    }

    /// Whether the segment was made since the machine was started; pages of an older one may be torn.
    #[must_use]
    pub fn is_of_this_boot(&self) -> bool {
        self.inspection.is_of_this_boot()
    }

    /// Whether the segment was removed by a writer or `remove_segment`; files that were deleted otherwise do not show it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Truncated`].
    pub fn is_removed(&self) -> Result<bool> {
        self.inspection.is_removed().map_err(|error| self.place(error))
    }

    /// The newest version's number.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Truncated`].
    pub fn latest(&self) -> Result<u64> {
        self.inspection.latest().map_err(|error| self.place(error))
    }

    /// The versions that are kept at the moment, oldest first, and when they were committed, by the writer's clock.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Truncated`].
    pub fn versions(&self) -> Result<Vec<(u64, SystemTime)>> {
        let versions = self.inspection.versions().map_err(|error| self.place(error))?;
        Ok(versions.into_iter().map(|live| (live.version, time(live.committed))).collect())
    }

    /// Looks at the newest version. If it goes while `look` runs, and `look` fails for it, `look` is called again with
    /// the version that is newest then.
    ///
    /// # Errors
    /// Those of `look`; [`crate::ErrorKind::Corrupt`]; [`crate::ErrorKind::VersionGone`] if no version stayed for
    /// long enough, 16 times.
    pub fn newest<R>(&self, mut look: impl FnMut(&Inspected<'_>) -> Result<R>) -> Result<R> {
        self.inspection.newest(|version| look(&Inspected { version })).map_err(|error| self.place(error))
    }

    /// Looks at a version that is kept; again, if its entry moves while `look` runs, and `look` fails for it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::VersionGone`], with the versions that are kept; or those of [`Inspector::newest`].
    pub fn at<R>(&self, version: u64, mut look: impl FnMut(&Inspected<'_>) -> Result<R>) -> Result<R> {
        self.inspection.at(version, |version| look(&Inspected { version })).map_err(|error| self.place(error))
    }

    fn place(&self, error: Error) -> Error {
        error.at(self.path().display())
    }
}

/// A version that an [`Inspector`] looks at. All that it gives is of this version, or an error.
#[derive(Debug)]
pub struct Inspected<'a> {
    version: &'a CopiedVersion,
}

impl Inspected<'_> {
    /// The version's number.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.entry().version
    }

    /// When the version was committed, by the writer's clock.
    #[must_use]
    pub fn committed(&self) -> SystemTime {
        time(self.version.entry().committed)
    }

    /// The names of all frames, sorted.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`], [`crate::ErrorKind::VersionGone`], [`crate::ErrorKind::CopyLimit`],
    /// [`crate::ErrorKind::Truncated`].
    pub fn frames(&self) -> Result<Vec<String>> {
        Ok(self.version.frames()?.into_iter().map(|frame| frame.name.to_string()).collect())
    }

    /// How many frames there are.
    #[must_use]
    pub fn num_frames(&self) -> u64 {
        self.version.frame_count()
    }

    /// The frame of this name: its schema is copied now, its rows by [`Frame::batches`], and those of the selected
    /// columns alone after [`Frame::select`].
    ///
    /// # Errors
    /// [`crate::ErrorKind::FrameMissing`], with the names that exist; or those of [`Inspected::frames`].
    pub fn frame(&self, name: &str) -> Result<Frame> {
        let place = |error: Error| error.at(format_args!("frame {name:?}"));
        let found = self.version.frame(name).map_err(place)?;
        let Some(copied) = found else { return Err(no_frame(name, self.frames()?)) };
        let known = KnownFrame::read(&copied, None, Validation::Full).map_err(place)?;
        Ok(Frame::new(copied, Arc::new(known), Validation::Full))
    }
}

fn time(nanoseconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanoseconds)
}
