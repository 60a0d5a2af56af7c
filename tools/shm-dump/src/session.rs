//! How the tool comes to a segment.

use crate::options::LookingOptions;
use crate::view::View;
use anyhow::{Context, Result};
use core::time::Duration;
use shmframe_cli::{Exit, Output, Place, Target, say};
use shmframe_format::{Error, ErrorKind};
use shmframe_reader::{Inspected, Inspector, Reader, ReaderOptions, Trust, Validation};
use shmframe_segment::{Location, RegistryView};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What this tool is called, also in the registry, as a reader.
const TOOL: &str = "shm-dump";
/// Bytes that a look by copying may take of any segment. Of a larger one it may take twice its memory: a segment of somebody else
/// may name the same bytes over and over.
const COPY_LIMIT: u64 = 1 << 30;

/// The tool's options at work, and its output.
pub struct Session {
    looking: LookingOptions,
    pub output: Output,
}

/// A segment that was opened.
pub enum Look {
    /// Read in place, through a reader slot; versions that others pin and that no new pin can hold by copying, with these options.
    Attached { reader: Reader, copying: ReaderOptions, name: String },
    /// Looked at by copying: by option, or because it cannot be attached to.
    Copied(Inspector),
}

impl Session {
    pub fn new(looking: LookingOptions, output: Output) -> Self {
        Self { looking, output }
    }

    /// One that looks in the same way, for a thread of its own, which prints nothing.
    #[cfg(feature = "tui")]
    pub fn for_thread(&self) -> Self {
        Self::new(self.looking.clone(), Output::new(&shmframe_cli::OutputOptions::default()))
    }

    /// The directory that holds segments.
    pub fn directory(&self) -> &Path {
        &self.looking.dir
    }

    /// The directory that holds a segment.
    pub fn directory_of(&self, place: &Place) -> PathBuf {
        place.directory().unwrap_or(self.directory()).to_owned()
    }

    /// Whose segments are trusted.
    pub fn trust(&self) -> Trust {
        Trust { owners: self.looking.trust_owner.clone(), any_file_system: true }
    }

    /// Where a segment stands.
    pub fn location(&self, place: &Place) -> Result<Location> {
        Ok(Location::new(Some(&self.directory_of(place)), place.name(), self.trust())?)
    }

    /// Opens a segment's registry to look at it, by copying.
    pub fn registry(&self, place: &Place) -> Result<RegistryView> {
        Ok(RegistryView::open(&self.location(place)?)?)
    }

    fn options(&self, place: &Place) -> ReaderOptions {
        ReaderOptions::new().directory(self.directory_of(place)).label(TOOL).trust(self.trust())
    }

    /// Whether nothing is said beside the answer.
    pub fn is_quiet(&self) -> bool {
        self.looking.quiet
    }

    /// Says something beside the answer.
    pub fn note(&self, text: impl core::fmt::Display) {
        if !self.looking.quiet {
            say(TOOL, text);
        }
    }

    /// Says what went wrong, where the command goes on.
    pub fn complain(&self, text: impl core::fmt::Display) {
        say(TOOL, text);
    }

    /// Opens a segment to look at its rows: attached, or by copying where that is asked for or all that is possible.
    pub fn open(&self, place: &Place) -> Result<Look> {
        self.open_with(place, Validation::Layout)
    }

    /// As [`Session::open`], and whatever rows are looked at are checked to be valid Arrow.
    pub fn open_validating(&self, place: &Place) -> Result<Look> {
        self.open_with(place, Validation::Full)
    }

    fn open_with(&self, place: &Place, validation: Validation) -> Result<Look> {
        if self.looking.no_pin {
            return Ok(Look::Copied(self.inspect(place)?));
        }
        let opened = self.options(place).validation(validation).open(place.name());
        // A slot is claimed with the first snapshot: now it is seen whether there is one.
        match opened.and_then(|reader| reader.snapshot().map(|_| reader)) {
            Ok(reader) => {
                Ok(Look::Attached { reader, copying: self.copying(place)?, name: place.name().to_owned() })
            }
            Err(error) if is_copying_possible(error.kind()) => {
                let inspector = self.inspect(place)?;
                let reason = &error.report().what;
                self.note(format_args!("{}: {reason}: looked at by copying", place.name()));
                Ok(Look::Copied(inspector))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Ends the tool with its status when it is asked to end, for commands that wait and have nothing to tidy up.
    pub fn end_on_signals(&self) -> Result<()> {
        ctrlc::set_handler(|| std::process::exit(Exit::Interrupted.number().into()))
            .context("asking for Ctrl-C")
    }

    /// Opens a segment by attaching to it, for commands that wait.
    pub fn attach(&self, place: &Place) -> Result<Reader> {
        Ok(self.options(place).open(place.name())?)
    }

    /// Opens a segment by attaching to it, waiting for somebody to create it.
    pub fn attach_within(&self, place: &Place, timeout: Duration) -> Result<Reader> {
        Ok(self.options(place).open_within(place.name(), timeout)?)
    }

    /// Opens a segment to look at it by copying.
    pub fn inspect(&self, place: &Place) -> Result<Inspector> {
        Ok(self.copying(place)?.inspect(place.name())?)
    }

    /// How a segment is looked at by copying.
    fn copying(&self, place: &Place) -> Result<ReaderOptions> {
        let data = self.location(place)?.path().join("data");
        // What cannot be asked is told when it is opened.
        let memory = std::fs::symlink_metadata(data).map_or(0, |status| status.blocks().saturating_mul(512));
        Ok(self.options(place).copy_limit(memory.saturating_mul(2).max(COPY_LIMIT)))
    }

    /// Opens the target's segment and looks at its version. `look` is called again if the version goes meanwhile and nothing
    /// holds it: so it prints nothing.
    pub fn view<R>(&self, target: &Target, look: impl FnMut(&View<'_>) -> Result<R>) -> Result<R> {
        self.open(&target.place)?.view(target.version, look)
    }
}

impl Look {
    /// Looks at a version, or the newest one.
    pub fn view<R>(&self, version: Option<u64>, mut look: impl FnMut(&View<'_>) -> Result<R>) -> Result<R> {
        let (reader, copying, name) = match self {
            Self::Copied(inspector) => return copied(inspector, version, look),
            Self::Attached { reader, copying, name } => (reader, copying, name),
        };
        let snapshot = match version {
            None => reader.snapshot()?,
            Some(number) => match reader.snapshot_at(number) {
                Err(error) if error.kind() == ErrorKind::VersionGone => {
                    return copied(&copying.inspect(name)?, version, look);
                }
                snapshot => snapshot?,
            },
        };
        look(&View::Held(&snapshot))
    }
}

/// Looks at a version, or the newest one, by copying.
fn copied<R>(
    inspector: &Inspector,
    version: Option<u64>,
    mut look: impl FnMut(&View<'_>) -> Result<R>,
) -> Result<R> {
    // The library's own errors go back to it: it knows whether the version is still there, or to look again.
    let look = |inspected: &Inspected<'_>| match look(&View::Copied(inspected)) {
        Ok(found) => Ok(Ok(found)),
        Err(error) => error.downcast::<Error>().map_or_else(|other| Ok(Err(other)), Err),
    };
    match version {
        None => inspector.newest(look)?,
        Some(version) => inspector.at(version, look)?,
    }
}

/// Whether a segment that cannot be attached to for this reason may still be looked at by copying.
fn is_copying_possible(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ForeignOwner
            | ErrorKind::RegistryPermissionDenied
            | ErrorKind::RegistryFull
            | ErrorKind::OtherBoot
            | ErrorKind::Removed
            | ErrorKind::Corrupt
            | ErrorKind::Truncated
            | ErrorKind::NotASegment
            | ErrorKind::ProcessLimit
    )
}
