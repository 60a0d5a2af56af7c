//! The segment that is filled: opened, or created.

use crate::access::access;
use crate::interrupt;
use crate::options::SegmentOptions;
use anyhow::Result;
use core::time::Duration;
use shmframe_cli::{Exit, Failure, Place};
use shmframe_writer::{Error, ErrorKind, Writer, WriterOptions};
use std::time::Instant;

/// What the writer is called where it is shown.
const LABEL: &str = "shm-load";

/// An open segment.
pub struct Segment {
    pub writer: Writer,
    /// The tool created it.
    is_new: bool,
}

impl Segment {
    /// Opens a segment, or creates it where there is none. Waits for another writer as long as the options say, or until Ctrl-C.
    pub fn open(options: &SegmentOptions, place: &Place) -> Result<Self> {
        let writer_options = writer_options(options, place)?;
        let begin = Instant::now();
        let patience = options.wait_writer.map(Duration::from_secs).unwrap_or_default();
        loop {
            if interrupt::is_asked_for() {
                return Err(interrupt::interrupted().into());
            }
            let left = patience.saturating_sub(begin.elapsed());
            match writer_options.clone().lease_timeout(left.min(interrupt::LOOK)).open(place.name()) {
                Ok(writer) => return Ok(Self { writer, is_new: false }),
                Err(error) if error.kind() == ErrorKind::Missing => {}
                Err(error) if error.kind() == ErrorKind::LeaseTaken && !left.is_zero() => continue,
                Err(error) if error.kind() == ErrorKind::LeaseTaken => {
                    return Err(taken(&error, patience).into());
                }
                Err(error) => return Err(error.into()),
            }
            match writer_options.create(place.name()) {
                Ok(writer) => return Ok(Self { writer, is_new: true }),
                // Somebody else was faster.
                Err(error) if error.kind() == ErrorKind::Exists => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Options that do nothing to a segment that was there.
    pub fn idle_options(&self, options: &SegmentOptions) -> Vec<&'static str> {
        let given = [
            ("--capacity", options.capacity.is_some()),
            ("--mode", options.mode.is_some()),
            ("--group", options.group.is_some()),
        ];
        given.into_iter().filter(|(_, given)| *given && !self.is_new).map(|(name, _)| name).collect()
    }

    /// Leaves no segment behind in which nothing was published, if there was none before.
    pub fn give_up(self) -> Result<()> {
        let is_empty = self.is_new && self.writer.version() == 1;
        if is_empty {
            self.writer.remove_segment()?;
        }
        Ok(())
    }
}

/// Says who writes the segment, and which option waits for its end.
fn taken(error: &Error, waited: Duration) -> Failure {
    let (report, place) = (error.report(), error.place());
    let wait = if waited.is_zero() { "wait for its end" } else { "wait for longer" };
    let text = format!(
        "{}: expected {}, found {} (at {place}); stop that writer, or {wait} (--wait-writer SECONDS)",
        report.what, report.expected, report.found
    );
    Failure::new(Exit::of_kind(error.kind()), text)
}

fn writer_options(options: &SegmentOptions, place: &Place) -> Result<WriterOptions> {
    let directory = place.directory().unwrap_or(&options.dir);
    let mut writer = WriterOptions::new().directory(directory).label(LABEL);
    if let Some(bytes) = options.quota {
        writer = writer.quota(bytes);
    }
    if let Some(bytes) = options.capacity {
        writer = writer.capacity(bytes);
    }
    if let Some(access) = access(options.mode, options.group.as_deref())? {
        writer = writer.access(access);
    }
    Ok(writer)
}
