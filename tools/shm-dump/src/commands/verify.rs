//! `shm-dump verify`: whether all of a segment adds up.

use crate::session::Session;
use crate::verifying::deep::Kept;
use crate::verifying::{Finding, Findings, Severity, contents, deep, exit_of, outside};
use anyhow::Result;
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::record::{Cell, Record, Tone, cell, toned};
use shmframe_cli::{Exit, Target, words};
use std::time::Instant;

/// Check a segment: header, registry, entries, checksums of all records, and every row
///
/// Rows are checked to be valid Arrow: offsets within their data, UTF-8, keys of dictionaries. With --deep those of all versions
/// that are kept, that no two of them overlap, and that the memory is what they need. Ends with status 4 if something is damaged.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump verify ticks
  shm-dump verify --deep ticks
  shm-dump verify --quick ticks       records only, no rows
  shm-dump verify ticks --json | jq 'select(.kind == \"finding\")'")]
pub struct VerifyOptions {
    /// Segment, frame, or pattern of frames
    target: Target,
    /// Check the records, not the rows
    #[arg(long, conflicts_with = "deep")]
    quick: bool,
    /// Check the rows of all versions, overlaps, and the memory that is allocated
    #[arg(long)]
    deep: bool,
    /// Take memory beyond what a trimmed segment may have for damage: the writer has trimmed it
    #[arg(long, requires = "deep")]
    trimmed: bool,
}

/// What was checked.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Verified {
    /// The segment's name.
    name: String,
    /// Versions whose records were read.
    versions: usize,
    /// Frames whose rows were checked, those of each version.
    frames: u64,
    /// Rows that were checked.
    rows: u64,
    /// Bytes of buffers that were checked.
    bytes: u64,
    /// Findings of damage.
    errors: usize,
    /// Findings that are worth a look.
    warnings: usize,
    /// How long it took, seconds.
    seconds: f64,
}

impl Record for Verified {
    const KIND: &'static str = "verified";
    const HEADS: &'static [&'static str] = &["segment", "checked", "found", "took"];

    fn cells(&self, exact: bool) -> Vec<Cell> {
        let found = match (self.errors, self.warnings) {
            (0, 0) => toned("nothing wrong", Tone::Good),
            (0, warnings) => toned(words::counted(warnings as u64, "warning"), Tone::Warning),
            (errors, 0) => toned(words::counted(errors as u64, "error"), Tone::Bad),
            (errors, warnings) => {
                let (errors, warnings) = (errors as u64, warnings as u64);
                toned(
                    format!("{}, {}", words::counted(errors, "error"), words::counted(warnings, "warning")),
                    Tone::Bad,
                )
            }
        };
        vec![
            cell(&self.name),
            cell(format!(
                "{}, {}, {}, {}",
                words::counted(self.versions as u64, "version"),
                words::counted(self.frames, "frame"),
                words::counted(self.rows, "row"),
                words::bytes(self.bytes, exact)
            )),
            found,
            cell(format!("{:.2} s", self.seconds)),
        ]
    }
}

pub fn run(session: &mut Session, options: &VerifyOptions) -> Result<Exit> {
    let begun = Instant::now();
    let mut findings = Findings::default();
    let place = &options.target.place;
    let is_readable = outside::check(session, place, &mut findings)?;
    let mut versions = 0;
    let mut checked = Ok(contents::Checked::default());
    if is_readable {
        let inspector = session.inspect(place)?;
        let coverage = deep::records(&inspector, &mut findings)?;
        versions = coverage.versions.len();
        if options.deep {
            let kept = if options.trimmed { Kept::Nothing } else { Kept::ForNextFrames };
            deep::memory(&inspector, &coverage, kept, &mut findings)?;
        }
        if !options.quick {
            let kept = coverage.versions.iter().map(|live| live.version);
            let wanted: Vec<u64> = match options.target.version {
                Some(version) => vec![version],
                None if options.deep => kept.collect(),
                None => Vec::new(),
            };
            checked = contents::check(session, &options.target, &wanted, &mut findings);
        }
    }
    let found: Vec<Finding> = findings.into_vec();
    if !found.is_empty() {
        session.output.records(&found, "")?;
        session.output.text("")?;
    }
    let checked = checked?;
    let count = |severity| found.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    session.output.record(&Verified {
        name: place.name().to_owned(),
        versions,
        frames: checked.frames,
        rows: checked.rows,
        bytes: checked.bytes,
        errors,
        warnings,
        seconds: begun.elapsed().as_secs_f64(),
    })?;
    Ok(exit_of(&found))
}
