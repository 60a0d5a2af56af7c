//! The command line.

use crate::access::Mode;
use crate::format::Format;
use crate::quantities::{bytes, delimiter, span};
use crate::types::ColumnTypes;
use clap::{Args, Parser};
use clap_complete::Shell;
use core::num::{NonZeroU64, NonZeroUsize};
use core::time::Duration;
use shmframe_cli::{Exit, OutputOptions, Target};
use std::path::PathBuf;

/// Options that print something and end: they need neither a frame nor files.
const PRINTED: [&str; 3] = ["completions", "man", "json_schema"];

/// Fills a frame of a shmframe segment from files: CSV, TSV, JSON lines, Parquet, Arrow IPC.
///
/// The frame is replaced in one version, when everything was read: readers see the old rows or all of the new ones. Segment
/// and frame are created if there are none.
#[derive(Debug, Parser)]
#[command(name = "shm-load", version, max_term_width = 100, after_help = EXAMPLES, after_long_help = ending())]
pub struct Options {
    /// The segment and the frame to fill; instead of the segment's name its path, as /dev/shm/NAME.shmf
    #[arg(value_name = "SEGMENT/FRAME", required_unless_present_any = PRINTED)]
    pub target: Option<Target>,
    /// The files, one behind the other; - is standard input
    #[arg(value_name = "FILE", required_unless_present_any = PRINTED)]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub reading: ReadingOptions,
    #[command(flatten)]
    pub publishing: PublishingOptions,
    #[command(flatten)]
    pub segment: SegmentOptions,
    #[command(flatten)]
    pub output: OutputOptions,
    /// Say nothing but errors and the closing line: no notes, no progress
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
    /// Print completions for a shell
    #[arg(long, value_name = "SHELL", exclusive = true, help_heading = "About this tool")]
    pub completions: Option<Shell>,
    /// Print the manual page
    #[arg(long, exclusive = true, help_heading = "About this tool")]
    pub man: bool,
    /// Print the JSON schema of what --json prints
    #[arg(long, exclusive = true, help_heading = "About this tool")]
    pub json_schema: bool,
}

/// How files are read.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Reading")]
pub struct ReadingOptions {
    /// The format of all files, whatever their names say
    #[arg(long = "as", value_enum, value_name = "FORMAT")]
    pub input_format: Option<Format>,
    /// Types of columns, as 'price:float64,symbol:utf8': easy names, or Arrow's own
    ///
    /// Easy names: bool, int8 to int64, uint8 to uint64, float32, float64, string, date, timestamp, time, binary. Arrow's
    /// own, as shm-dump schema prints them: Int32, LargeUtf8, Decimal128(10, 2), Timestamp(ns, "UTC"),
    /// Dictionary(Int32, Utf8), List(Int64). `price:non-null float64` refuses nulls. A name with a colon or comma is quoted:
    /// '"a:b":int64'. Columns that are not named have the types of their file; in CSV, TSV and JSON lines, which have none, those
    /// of the frame with --append and --follow, else those that are inferred.
    #[arg(long, value_name = "COLUMN:TYPE,...")]
    pub schema: Option<ColumnTypes>,
    /// Rows from which types are inferred (CSV, TSV, JSON lines)
    #[arg(long, value_name = "ROWS", default_value = "10000")]
    pub infer_rows: NonZeroUsize,
    /// Values that stand for nothing, besides empty fields (CSV, TSV)
    #[arg(long, value_name = "VALUE,...", value_delimiter = ',')]
    pub null_values: Vec<String>,
    /// What stands between fields: one ASCII character, or \t (CSV, TSV)
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    pub delimiter: Option<u8>,
    /// The first line holds values and no names; columns are called column_1, column_2, ... (CSV, TSV)
    #[arg(long)]
    pub no_header: bool,
    /// Rows that are read, and stored, at a time
    #[arg(long, value_name = "ROWS", default_value = "65536")]
    pub batch_rows: NonZeroUsize,
}

/// How rows are published.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Publishing")]
pub struct PublishingOptions {
    /// Add rows to the frame, each batch in a version of its own
    ///
    /// The frame is created if there is none. After an error what was published stays, and the error says up to which line.
    #[arg(long)]
    pub append: bool,
    /// Add all rows in one version, or after an error none
    #[arg(long, requires = "append")]
    pub one_version: bool,
    /// Go on with a growing file or an endless stream: add rows as their lines become complete
    ///
    /// Ends with status 0 at the end of standard input, and on Ctrl-C; what is complete by then is published. A file that was
    /// truncated, or replaced by another one, is read from its beginning again.
    #[arg(long, conflicts_with = "one_version")]
    pub follow: bool,
    /// With --follow: rows are visible after this time at the latest, as 100ms, 2s
    #[arg(long, value_name = "TIME", default_value = "100ms", requires = "follow", value_parser = span)]
    pub every: Duration,
    /// Keep the last rows only, as many as this, or up to 63 more
    #[arg(long, value_name = "ROWS")]
    pub retain: Option<NonZeroU64>,
}

/// The segment, and how it is created.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Segment")]
pub struct SegmentOptions {
    /// The directory that holds segments
    #[arg(long, env = "SHMFRAME_DIR", default_value = "/dev/shm")]
    pub dir: PathBuf,
    /// Wait for another writer to end, so many seconds; else its segment is refused with status 8
    #[arg(long, value_name = "SECONDS")]
    pub wait_writer: Option<u64>,
    /// Memory that the segment may take, as 512M, 4GiB; for a new one half of the file system unless given
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub quota: Option<u64>,
    /// A new segment's address space, as 64GiB; 1 TiB unless given. It costs no memory
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub capacity: Option<u64>,
    /// A new segment's mode, as that of a file: 600, 640 (a group reads), 660 (a group writes), 644, ...
    #[arg(long, value_name = "MODE")]
    pub mode: Option<Mode>,
    /// A new segment's group, by name or number; it may read unless --mode says otherwise
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
}

const EXAMPLES: &str = "Examples:
  shm-load ticks/trades trades.parquet                    replace the frame, in one version
  shm-load ticks/trades monday.csv tuesday.csv            two files, one behind the other
  shm-load ticks/trades trades.csv --schema 'price:float64,symbol:utf8' --null-values NA
  shm-load --append ticks/trades more.jsonl               add rows
  shm-load --follow --retain 1000000 ticks/trades live.csv
  zcat trades.csv.gz | shm-load ticks/trades --as csv -";

fn ending() -> String {
    let mut text = EXAMPLES.to_owned() + "\n\nExit statuses:";
    for (_, number, meaning) in Exit::ALL {
        text += &format!("\n  {number:<3}  {meaning}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_is_sound() {
        Options::command().debug_assert();
    }

    #[test]
    fn frame_and_files_are_asked_for_unless_something_is_only_printed() {
        assert!(Options::try_parse_from(["shm-load"]).is_err());
        assert!(Options::try_parse_from(["shm-load", "a/b"]).is_err());
        assert!(Options::try_parse_from(["shm-load", "--man"]).is_ok());
        assert!(Options::try_parse_from(["shm-load", "a/b", "-"]).is_ok());
    }
}
