//! The writer of the demo: appends the flights and the weather of a year, hour by hour, and keeps the last days.
//!
//! There are three frames. `flights` and `weather` grow, by the rows of an hour, or, in the busiest hour of a day, by one
//! flight at a time; rows that are older than the window are dropped once a day. `today` is put anew and has one row: the day,
//! how many rows it has so far in the other two, and from which row on they are kept. What belongs together is one
//! transaction. After the last day the segment stays until the standard input of the loader ends; then it is removed. If the
//! input ends earlier, so does the loader.
#![forbid(unsafe_code)]

mod plan;
mod publish;
#[path = "../../shared/mod.rs"]
mod shared;
#[path = "../../shared/source.rs"]
mod source;
mod tables;

use anyhow::Result;
use clap::Parser;
use clap::builder::RangedU64ValueParser;
use plan::Plan;
use shared::program::{self, LABEL, wait_for_end_of_input};
use shmframe_writer::WriterOptions;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// Appends the flights and the weather of a year, hour by hour, in a shared-memory segment
///
/// The segment is removed when the standard input ends.
#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    common: program::Common,
    #[command(flatten)]
    source: source::Source,
    /// Days to publish
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    days: usize,
    /// Days of rows that are kept
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    window: usize,
    /// Milliseconds from one day to the next
    #[arg(long, value_name = "MS", default_value_t = 30)]
    pace: u64,
    /// Only remove the segment, which a killed loader left
    #[arg(long)]
    remove: bool,
}

fn main() -> ExitCode {
    program::run(|cli: &Cli| if cli.remove { remove(&cli.common.segment) } else { load(cli) })
}

fn load(cli: &Cli) -> Result<()> {
    let input = end_of_input();
    let plan = Plan::read(&cli.source, cli.days, cli.window)?;
    let mut writer = WriterOptions::new().label(LABEL).create(&cli.common.segment)?;
    let published = publish::publish(&plan, &mut writer, Duration::from_millis(cli.pace), &input);
    if published.is_ok() {
        // Nothing is ever sent: this ends when the input does.
        let _ = input.recv();
    }
    // Whatever went wrong before, the segment goes.
    let removed = writer.remove_segment();
    published?;
    Ok(removed?)
}

/// Removes what a killed loader left: the segment, or what it was building or taking away.
fn remove(segment: &str) -> Result<()> {
    Ok(WriterOptions::new().open_or_create(segment)?.remove_segment()?)
}

/// A receiver whose sender is dropped when the standard input ends.
fn end_of_input() -> Receiver<()> {
    let (sender, input) = mpsc::channel();
    thread::spawn(move || {
        wait_for_end_of_input();
        drop(sender);
    });
    input
}
