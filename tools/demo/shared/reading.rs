//! What both readers do: open the segment, say what a snapshot is, end.

use crate::dates::dates;
use crate::placement::Placement;
use crate::report::{Edition, Report};
use anyhow::{Context as _, Result, ensure};
use arrow::array::RecordBatch;
use shmframe_reader::{Follow, Frame, Reader, Snapshot};
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

/// How long a reader waits for the loader to create the segment.
const PATIENCE: Duration = Duration::from_secs(60);
/// The version of a new segment: it has no frames yet.
const EMPTY: u64 = 1;

/// Follows the segment from its first frames on, until it is removed.
pub fn follow(segment: &str, label: &str) -> Result<Follow> {
    let reader = Reader::options().label(label).open_within(segment, PATIENCE)?;
    Ok(reader.follow().after(EMPTY))
}

/// The batches of a frame, whose bytes are counted.
pub fn batches(frame: &Frame, placement: &mut Placement) -> Result<Vec<RecordBatch>> {
    let batches = frame.batches()?;
    placement.add_batches(&batches, |address| frame.contains_address(address));
    Ok(batches)
}

/// What stands in a snapshot, by its frame `today`, which has one row.
pub fn edition(snapshot: &Snapshot, placement: &mut Placement) -> Result<Edition> {
    let today = batches(&snapshot.frame("today")?, placement)?;
    let days = today.iter().map(|batch| Ok(dates(batch)?.collect::<Vec<_>>())).collect::<Result<Vec<_>>>()?;
    let days = days.concat();
    ensure!(days.len() == 1, "frame \"today\" has {} rows, not one", days.len());
    let mut rows = 0;
    for name in snapshot.frames()? {
        rows += snapshot.frame(&name)?.num_rows();
    }
    Ok(Edition { version: snapshot.version(), day: days[0], rows })
}

/// Says something to the launcher.
pub fn say(report: &Report) -> Result<()> {
    writeln!(io::stdout(), "{report}").context("nobody listens any more")
}

/// How a program ends; what went wrong stands on standard error.
pub fn end(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
