//! What both readers do: follow the segment, and say what a snapshot is.

pub mod placement;

use crate::shared::dates::dates;
use crate::shared::program::{LABEL, wait_for_end_of_input};
use crate::shared::report::Edition;
use anyhow::{Result, ensure};
use arrow::array::RecordBatch;
use placement::Placement;
use shmframe_reader::{Follow, Frame, Reader, Snapshot};
use std::process;
use std::thread;
use std::time::Duration;

/// How long a reader waits for the loader to create the segment.
const PATIENCE: Duration = Duration::from_secs(60);
/// The version of a new segment: it has no frames yet.
const EMPTY: u64 = 1;

/// Follows the segment from its first frames on, until it is removed. From here on the end of the standard input ends
/// the whole process, whatever it is at.
pub fn follow(segment: &str) -> Result<Follow> {
    // A reader has nothing to put in order: what it holds in the segment goes with it.
    thread::spawn(|| {
        wait_for_end_of_input();
        process::exit(1);
    });
    let reader = Reader::options().label(LABEL).open_within(segment, PATIENCE)?;
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
