//! What both readers do: follow the segment, and say what a snapshot is.

pub mod placement;

use crate::shared::program::{LABEL, wait_for_end_of_input};
use crate::shared::report::{Date, Edition};
use anyhow::{Result, ensure};
use arrow::array::RecordBatch;
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::Int64Type;
use placement::Placement;
use shmframe_reader::{Follow, Frame, Reader, Snapshot};
use std::process;
use std::thread;
use std::time::Duration;

/// How long a reader waits for the loader to create the segment.
const PATIENCE: Duration = Duration::from_secs(60);
/// The version of a new segment: it has no frames yet.
const EMPTY: u64 = 1;
/// The frames that grow.
const GROWING: [&str; 2] = ["flights", "weather"];
/// How many rows more than asked for retention keeps at the most.
const WORD: u64 = 63;

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

/// Batches of a frame, whose bytes are counted.
pub fn counted(frame: &Frame, batches: Vec<RecordBatch>, placement: &mut Placement) -> Vec<RecordBatch> {
    placement.add_batches(&batches, |address| frame.contains_address(address));
    batches
}

/// A whole column as one slice, whose bytes are counted.
pub fn column(frame: &Frame, name: &str, placement: &mut Placement) -> Result<ScalarBuffer<i64>> {
    let column = frame.column::<Int64Type>(name)?;
    placement.add_buffer(column.inner(), |address| frame.contains_address(address));
    Ok(column)
}

/// What stands in a snapshot, by its frame `today`, which has one row. The other two must have the rows that it says.
pub fn today(snapshot: &Snapshot, placement: &mut Placement) -> Result<(Edition, Frame)> {
    let today = snapshot.frame("today")?;
    let mut value = |name: &str| {
        let column = column(&today, name, placement)?;
        ensure!(column.len() == 1, "frame \"today\" has {} rows, not one", column.len());
        Ok(column[0])
    };
    let day = Date { year: value("year")?, month: value("month")?, day: value("day")? };
    let mut rows = 0;
    for name in GROWING {
        let frame = snapshot.frame(name)?;
        let (oldest, wanted) = (frame.first_position().row(), value(&format!("{name}_kept_from"))? as u64);
        ensure!(
            (wanted.saturating_sub(WORD)..=wanted).contains(&oldest),
            "frame {name:?} of {day} has rows from {oldest} on, not from {wanted} or up to {WORD} fewer"
        );
        rows += frame.position().row();
    }
    Ok((Edition { version: snapshot.version(), day, rows }, today))
}
