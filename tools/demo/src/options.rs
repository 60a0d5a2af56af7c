//! The options of the demo.

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use std::env;
use std::path::PathBuf;

/// Shows shmframe at work: one process publishes dataframes, two others read them in place
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo demo", bin_name = "cargo demo", after_help = MORE)]
pub struct Options {
    /// Days to publish
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = RangedU64ValueParser::<u64>::new().range(1..=365))]
    pub days: u64,
    /// Milliseconds from one day to the next
    #[arg(long, value_name = "MS", default_value_t = 30)]
    pub pace: u64,
    /// Days of rows that are kept
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = RangedU64ValueParser::<u64>::new().range(1..=365))]
    pub window: u64,
    /// The folder of flights.parquet and weather.parquet, if not tests/data of the workspace
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Lines instead of bars, as where there is no terminal
    #[arg(long)]
    pub plain: bool,
}

const MORE: &str = "\
A loader plays the flights that left New York City in 2013, and the weather
there: it appends them to the frames `flights` and `weather` hour by hour, in
the busiest hour of a day flight by flight, and drops rows that are older than
90 days. `today` says what day it is; all three change in one transaction. A
light reader takes the rows that came since its last look, a few times a second.
A heavy reader computes delay statistics over every version that it can take,
and checks them against the Parquet file. Both read the loader's bytes where
they lie.

Examples:
  cargo demo                         the whole year, in about 12 seconds
  cargo demo --days 30 --pace 500    a month, two days a second
  cargo demo --pace 0                as fast as it goes; the readers skip versions
  cargo demo --window 365            nothing is dropped: it grows to the whole year
  cargo demo --plain | tee demo.log  lines instead of bars, kept
  cargo run --release -p shmframe-demo -- --pace 0
                                     optimised

The last line says what went by and how many bytes the readers copied, and ends
with `ok`. The exit status is 0 only if every check held.";

impl Options {
    /// Reads the arguments of this process; ends it if they are wrong, or if they ask for help.
    #[must_use]
    pub fn from_arguments() -> Self {
        // `cargo demo` is an alias that ends with `--`, so in `cargo demo -- --days 3` there is a second one.
        let mut arguments: Vec<_> = env::args_os().collect();
        if arguments.get(1).is_some_and(|first| first == "--") {
            arguments.remove(1);
        }
        Self::parse_from(arguments)
    }
}
