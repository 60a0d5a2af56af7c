//! The heavy reader of the demo: computes the departure delays by carrier and route in every version that it can take.
//!
//! It looks at all flights of the version, and at those that came since the one before, each once. What it finds is checked, in a
//! thread beside it, against the same rows of the Parquet file, read and added up in another way. Now and then it holds a snapshot for a while, and checks that no byte of it changed.
#![forbid(unsafe_code)]

mod held;
mod proof;
#[path = "../../shared/reading.rs"]
mod reading;
#[path = "../../shared/mod.rs"]
mod shared;
#[path = "../../shared/source.rs"]
mod source;
mod statistics;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use clap::Parser;
use held::Held;
use proof::Rows;
use reading::placement::Placement;
use shared::program;
use shared::report::Report;
use shmframe_reader::{Position, Since, Snapshot};
use statistics::{COLUMNS, Statistics};
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// Computes delay statistics over each version of a segment that the demo's loader writes, and checks them
///
/// Ends when the segment is removed, or when the standard input ends.
#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    common: program::Common,
    #[command(flatten)]
    source: source::Source,
}

/// What was found in one version.
struct Found {
    version: u64,
    /// The numbers of its rows, and what was found in them.
    rows: Range<u64>,
    statistics: Statistics,
    miles: i64,
    /// The numbers of those that came since the version before, and what was found in them.
    new_rows: Range<u64>,
    new_statistics: Statistics,
}

fn main() -> ExitCode {
    program::run(read)
}

fn read(cli: &Cli) -> Result<()> {
    let (sender, found) = mpsc::channel();
    let path = cli.source.table("flights");
    let checker = thread::spawn(move || check(&path, &found));
    let mut placement = Placement::default();
    let mut held = Held::default();
    let mut position = None;
    let mut taken = 0;
    for snapshot in reading::follow(&cli.common.segment)? {
        let snapshot = snapshot?;
        let (edition, _) = reading::today(&snapshot, &mut placement)?;
        let found = look(&snapshot, &mut position, &mut placement)?;
        let text = found.statistics.worst();
        held.offer(&snapshot, &mut placement)?;
        let sent = sender.send(found);
        program::say(&Report::Taken { edition, text })?;
        taken += 1;
        if sent.is_err() {
            break; // The checker ended early, and says below why.
        }
    }
    drop(sender);
    let checked = checker.join().map_err(|_| anyhow!("the checking thread panicked"))??;
    // The segment is gone by now; what is held of it stays.
    held.close(&mut placement)?;
    let Placement { in_place, copied } = placement;
    ensure!(checked == taken, "of {taken} versions only {checked} were checked");
    let text = format!("all agree with the Parquet file; {} held and unchanged", held.checks);
    // If one of the two had nothing to check, then nothing was shown.
    let checks = checked.min(held.checks);
    program::say(&Report::Finished { checks, in_place, copied, text })
}

/// Computes over all flights of a version, and over those that came since `position`.
fn look(snapshot: &Snapshot, position: &mut Option<Position>, placement: &mut Placement) -> Result<Found> {
    let flights = snapshot.frame("flights")?;
    let rows = flights.first_position().row()..flights.position().row();
    let miles = reading::column(&flights, "distance", placement)?.iter().sum();
    let flights = flights.select(&COLUMNS)?;
    let statistics = Statistics::of(&reading::counted(&flights, flights.batches()?, placement))?;
    let before = position.unwrap_or_else(|| flights.first_position());
    let appended = flights.appended_since(before)?;
    let first_new = match appended.since {
        Since::Continued => before.row(),
        Since::Dropped { rows } => before.row() + rows,
        other => bail!("the flights do not go on after {before}: {other:?}"),
    };
    let new_statistics = Statistics::of(&reading::counted(&flights, appended.batches, placement))?;
    *position = Some(appended.position);
    let new_rows = first_new..appended.position.row();
    Ok(Found { version: snapshot.version(), rows, statistics, miles, new_rows, new_statistics })
}

/// Checks all that is found against the Parquet file; how many versions agree with it.
fn check(path: &Path, found: &Receiver<Found>) -> Result<u64> {
    let rows = Rows::read(path)?;
    let (mut checked, mut latest) = (0, None);
    for found in found {
        let version = found.version;
        check_version(&rows, &found).with_context(|| format!("version {version}, rows {:?}", found.rows))?;
        checked += 1;
        latest = Some(found);
    }
    if let Some(Found { version, rows, statistics, .. }) = latest {
        let expected = proof::statistics_by_arrays(path, places(&rows))?;
        proof::compare(&statistics, &expected).with_context(|| format!("version {version}, by arrays"))?;
    }
    Ok(checked)
}

fn check_version(rows: &Rows, found: &Found) -> Result<()> {
    if !found.rows.is_empty() {
        proof::compare(&found.statistics, &rows.statistics(places(&found.rows))?)?;
    }
    let miles = rows.miles(places(&found.rows))?;
    ensure!(miles == found.miles, "{} miles in the segment, {miles} in the Parquet file", found.miles);
    if !found.new_rows.is_empty() {
        proof::compare(&found.new_statistics, &rows.statistics(places(&found.new_rows))?)
            .with_context(|| format!("rows {:?}, which are new", found.new_rows))?;
    }
    Ok(())
}

/// Numbers of rows of the segment as places in the file.
fn places(rows: &Range<u64>) -> Range<usize> {
    rows.start as usize..rows.end as usize
}
