//! The options of the demo.

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use std::path::PathBuf;

/// Shows shmframe at work: one process publishes dataframes, two others read them in place
///
/// A loader publishes the flights that left New York City in 2013, and the weather there, day by day: each version
/// has two frames, `flights` and `weather`, with the rows of the last 30 days, put in one transaction. A light reader
/// shows the newest day a few times a second. A heavy reader computes delay statistics over every version it can
/// take. Both read the loader's bytes where they lie, and check what they read.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo demo", after_help = EXAMPLES)]
pub struct Options {
    /// Days to publish
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = RangedU64ValueParser::<u64>::new().range(1..=365))]
    pub days: u64,
    /// Milliseconds from one day to the next
    #[arg(long, value_name = "MS", default_value_t = 30)]
    pub pace: u64,
    /// Days of rows in each version
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = RangedU64ValueParser::<u64>::new().range(1..=365))]
    pub window: u64,
    /// The folder of flights.parquet and weather.parquet, if not tests/data of the workspace
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Lines instead of bars, as where there is no terminal
    #[arg(long)]
    pub plain: bool,
}

const EXAMPLES: &str = "\
Examples:
  cargo demo                        the whole year, in about a quarter of a minute
  cargo demo -- --days 30 --pace 500
                                    a month, two days a second
  cargo demo -- --pace 0            as fast as the loader can; the readers skip versions
  cargo demo -- --window 365        versions that grow until they hold the whole year
  cargo demo --release -- --pace 0  the same with everything optimised

The last line says what went by and how many bytes the readers copied, and ends with `ok`.
The exit status is 0 only if every check held.";
