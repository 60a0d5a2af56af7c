//! The heavy reader of the demo: computes the departure delays by carrier and route in every version that it can take.
//!
//! What it finds in a version is checked, in a thread beside it, against the same flights of the Parquet file, read
//! and added up in another way. Now and then it holds a snapshot for a while, and checks that no byte of it changed.
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

use anyhow::{Context as _, Result, anyhow, ensure};
use arrow::array::RecordBatch;
use clap::Parser;
use held::Held;
use proof::Rows;
use reading::placement::Placement;
use shared::dates::dates;
use shared::program;
use shared::report::{Date, Report};
use statistics::{COLUMNS, Statistics};
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
    first: Date,
    last: Date,
    statistics: Statistics,
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
    let mut taken = 0;
    for snapshot in reading::follow(&cli.common.segment)? {
        let snapshot = snapshot?;
        let edition = reading::edition(&snapshot, &mut placement)?;
        let flights = snapshot.frame("flights")?;
        let days = reading::batches(&flights.select(&["year", "month", "day"])?, &mut placement)?;
        let (first, last) = span(&days)?.context("a version without flights")?;
        let statistics = Statistics::of(&reading::batches(&flights.select(&COLUMNS)?, &mut placement)?)?;
        let text = statistics.worst();
        held.offer(&snapshot, &mut placement)?;
        let sent = sender.send(Found { version: snapshot.version(), first, last, statistics });
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

/// The first and the last date, if there are rows.
fn span(batches: &[RecordBatch]) -> Result<Option<(Date, Date)>> {
    let mut span = None;
    for batch in batches {
        for date in dates(batch)? {
            let (first, last) = span.unwrap_or((date, date));
            span = Some((first.min(date), last.max(date)));
        }
    }
    Ok(span)
}

/// Checks all that is found against the Parquet file; how many versions agree with it.
fn check(path: &Path, found: &Receiver<Found>) -> Result<u64> {
    let rows = Rows::read(path)?;
    let (mut checked, mut latest) = (0, None);
    for found in found {
        let Found { version, first, last, statistics } = &found;
        let expected = rows.statistics(*first, *last);
        proof::compare(statistics, &expected)
            .with_context(|| format!("version {version}, {first} to {last}"))?;
        checked += 1;
        latest = Some(found);
    }
    if let Some(Found { version, first, last, statistics }) = latest {
        let expected = proof::statistics_by_arrays(path, first, last)?;
        proof::compare(&statistics, &expected).with_context(|| format!("version {version}, by arrays"))?;
    }
    Ok(checked)
}
