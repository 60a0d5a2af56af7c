//! `shm-dump map`: what stands where in a segment.

use crate::mapping::{Owner, Picture, Piece, pieces};
use crate::session::Session;
use anyhow::Result;
use clap::Args;
use core::ops::Range;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::record::{Cell, Record, Tone, cell, toned, word};
use shmframe_cli::{Exit, Target, words};
use shmframe_segment::{Allocated, Coverage, CoveredRange, What};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Letters of the picture in a line, at the most and where there is no terminal.
const WIDTH: u16 = 100;

/// Draw a segment: its regions, the memory of each frame, runs used and reserved, free pages
///
/// By copying the records of all versions that are kept; it takes no reader slot. In the picture each letter stands for the
/// same number of bytes; address space without memory is left out.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump map ticks
  shm-dump map ticks --ranges         every range, by offset
  shm-dump map ticks --json | jq 'select(.kind == \"range\" and .frame == \"trades\")'")]
pub struct MapOptions {
    /// The segment
    target: Target,
    /// List every record and extent by offset
    #[arg(long)]
    ranges: bool,
}

/// What a range holds.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RangeKind {
    /// The header.
    Header,
    /// The publication block.
    Publication,
    /// The commit ring.
    Ring,
    /// The table of retained versions.
    Retained,
    /// The record of a version.
    Root,
    /// A record of the directory of frames.
    Directory,
    /// The schema of a frame.
    Schema,
    /// The layout of a frame.
    Layout,
    /// The state of a frame.
    State,
    /// Rows, or dictionaries.
    Extent,
    /// An extent with room for more rows.
    Run,
    /// Pages that nobody uses.
    Free,
}

/// A range of `data`.
#[derive(Debug, JsonSchema, Serialize)]
pub struct MapRange {
    /// What it is.
    what: RangeKind,
    /// The frame whose it is.
    frame: Option<String>,
    /// Bytes from the start of `data`.
    offset: u64,
    /// Bytes.
    length: u64,
    /// Bytes of it that live versions use; the rest of a run is reserved.
    used_bytes: u64,
    /// The oldest version that uses it.
    first_version: Option<u64>,
    /// The newest version that uses it.
    last_version: Option<u64>,
}

impl Record for MapRange {
    const KIND: &'static str = "range";
    const HEADS: &'static [&'static str] = &["#OFFSET", "#LENGTH", "#USED", "WHAT", "FRAME", "VERSIONS"];

    fn cells(&self, exact: bool) -> Vec<Cell> {
        let versions = match (self.first_version, self.last_version) {
            (Some(first), Some(last)) if first == last => first.to_string(),
            (Some(first), Some(last)) => format!("{first} to {last}"),
            _ => String::new(),
        };
        let tone = if self.what == RangeKind::Free { Tone::Faint } else { Tone::Plain };
        vec![
            cell(self.offset),
            cell(words::bytes(self.length, exact)),
            cell(words::bytes(self.used_bytes, exact)),
            toned(word(&self.what), tone),
            cell(self.frame.as_deref().unwrap_or_default()),
            cell(versions),
        ]
    }
}

/// What a frame, or what is no frame's, has of a segment.
#[derive(Debug, JsonSchema, Serialize)]
pub struct MapShare {
    /// The sign in the picture: a letter for a frame, `=` tables, `+` directory, `.` free pages.
    sign: String,
    /// A frame's name, or `tables`, `directory`, `free`.
    name: String,
    /// Whether it is a frame.
    is_frame: bool,
    /// Bytes that live versions use; of free pages, bytes that somebody wrote to once.
    used_bytes: u64,
    /// Address space of its runs beyond what is used: no memory.
    reserved_bytes: u64,
    /// Runs: extents with room for more rows.
    runs: u64,
}

impl Record for MapShare {
    const KIND: &'static str = "share";
    const HEADS: &'static [&'static str] = &["SIGN", "WHOSE", "#USED", "#RESERVED", "#RUNS"];

    fn cells(&self, exact: bool) -> Vec<Cell> {
        let tone = if self.is_frame { Tone::Plain } else { Tone::Faint };
        vec![
            cell(&self.sign),
            toned(&self.name, tone),
            cell(words::bytes(self.used_bytes, exact)),
            cell(words::bytes(self.reserved_bytes, exact)),
            cell(self.runs),
        ]
    }
}

pub fn run(session: &mut Session, options: &MapOptions) -> Result<Exit> {
    let inspector = session.inspect(options.target.whole()?)?;
    let inspection = inspector.inspection();
    let (coverage, allocated) = (inspection.coverage()?, inspection.allocated()?);
    let geometry = *inspection.header().geometry();
    let pieces = pieces(geometry.heap_offset(), &coverage, &allocated);
    let width = session.output.width().unwrap_or(WIDTH).min(WIDTH);
    let picture = Picture::draw(&pieces, u64::from(width));
    if session.output.is_json() || options.ranges {
        session.output.records(&ranges(&geometry, &coverage, &pieces), "nothing")?;
    }
    if !options.ranges && !session.output.is_json() {
        draw(session, &picture, &allocated)?;
    }
    if session.output.is_json() || !options.ranges {
        session.output.records(&shares(&pieces, &coverage, &picture), "nothing")?;
    }
    if coverage.problems.is_empty() {
        return Ok(Exit::Success);
    }
    let findings = words::counted(coverage.problems.len() as u64, "finding");
    session.note(format_args!("{findings} of damage: shm-dump verify tells which"));
    Ok(Exit::Damaged)
}

fn draw(session: &mut Session, picture: &Picture, allocated: &Allocated) -> Result<()> {
    let (exact, bytes) = (session.output.is_exact(), allocated.bytes);
    let written: u64 = allocated.written.iter().map(|range| range.end - range.start).sum();
    let untouched = bytes.saturating_sub(written);
    session.output.text(&format!(
        "{} of memory; a letter is {}",
        words::bytes(bytes, exact),
        words::bytes(picture.scale, exact)
    ))?;
    for line in &picture.lines {
        session.output.text(line)?;
    }
    if untouched > 0 {
        let text = format!("and {} of pages that nobody has written to yet", words::bytes(untouched, exact));
        session.output.text(&text)?;
    }
    Ok(session.output.text("")?)
}

/// Regions, records, extents and free pages, by offset.
fn ranges(
    geometry: &shmframe_format::geometry::Geometry,
    coverage: &Coverage,
    pieces: &[Piece],
) -> Vec<MapRange> {
    let plain = |what, bytes: Range<u64>, used| MapRange {
        what,
        frame: None,
        offset: bytes.start,
        length: bytes.end - bytes.start,
        used_bytes: used,
        first_version: None,
        last_version: None,
    };
    let region = |what, bytes: Range<u64>| plain(what, bytes.clone(), bytes.end - bytes.start);
    let mut all = vec![
        region(RangeKind::Header, 0..geometry.publication_offset()),
        region(RangeKind::Publication, geometry.publication_offset()..geometry.ring_offset()),
        region(RangeKind::Ring, geometry.ring_offset()..geometry.retained_offset()),
        region(RangeKind::Retained, geometry.retained_offset()..geometry.heap_offset()),
    ];
    all.extend(coverage.ranges.iter().map(covered));
    let free = pieces.iter().filter(|piece| piece.owner == Owner::Free);
    all.extend(free.map(|piece| plain(RangeKind::Free, piece.bytes.clone(), 0)));
    all.sort_by_key(|range| range.offset);
    all
}

fn covered(range: &CoveredRange) -> MapRange {
    let (used, (first, last)) = (range.used(), range.live());
    MapRange {
        what: match range.what {
            What::Root => RangeKind::Root,
            What::Directory => RangeKind::Directory,
            What::Schema => RangeKind::Schema,
            What::Layout => RangeKind::Layout,
            What::State => RangeKind::State,
            What::Extent(_) if range.is_run() => RangeKind::Run,
            What::Extent(_) => RangeKind::Extent,
        },
        frame: range.frame.as_ref().map(ToString::to_string),
        offset: range.offset,
        length: range.length,
        used_bytes: used.end - used.start,
        first_version: Some(first),
        last_version: Some(last),
    }
}

/// What each frame has, the largest first; then what is no frame's.
fn shares(pieces: &[Piece], coverage: &Coverage, picture: &Picture) -> Vec<MapShare> {
    let mut used: BTreeMap<Owner, u64> = BTreeMap::new();
    for piece in pieces {
        *used.entry(piece.owner.clone()).or_default() += piece.length();
    }
    let mut runs: BTreeMap<Arc<str>, (u64, u64)> = BTreeMap::new();
    for range in coverage.ranges.iter().filter(|range| range.is_run()) {
        if let Some(frame) = &range.frame {
            let (count, reserved) = runs.entry(Arc::clone(frame)).or_default();
            *count += 1;
            *reserved += range.length - (range.used().end - range.used().start);
        }
    }
    let share = |(owner, used_bytes): (Owner, u64)| {
        let (sign, name, is_frame) = match &owner {
            Owner::Frame(frame) => {
                (picture.letters.get(frame).copied().unwrap_or('#'), frame.to_string(), true)
            }
            Owner::Tables => ('=', "tables".to_owned(), false),
            Owner::Directory => ('+', "directory".to_owned(), false),
            Owner::Free => ('.', "free".to_owned(), false),
        };
        let (runs, reserved_bytes) = match &owner {
            Owner::Frame(frame) => runs.get(frame).copied().unwrap_or_default(),
            _ => (0, 0),
        };
        MapShare { sign: sign.to_string(), name, is_frame, used_bytes, reserved_bytes, runs }
    };
    let mut shares: Vec<MapShare> = used.into_iter().map(share).collect();
    shares.sort_by_key(|share| (!share.is_frame, core::cmp::Reverse(share.used_bytes)));
    shares
}
