//! `shm-dump wait`: until something comes.

use crate::frames;
use crate::session::Session;
use anyhow::Result;
use clap::Args;
use core::time::Duration;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::record::{Cell, Record, cell, word};
use shmframe_cli::{Exit, Failure, Target, words};
use shmframe_reader::{Error, ErrorKind, Reader, Wait};
use shmframe_segment::deadline;
use std::time::Instant;

/// A wait without a timeout.
const FOREVER: Duration = Duration::MAX;

/// Wait until a newer version comes, or a certain one, or so many rows, or the segment itself
///
/// It sleeps until the writer wakes it, and ends with status 0 when it came, 5 when the time was up, 3 when there is no
/// such segment or it is removed meanwhile. The version is told on standard output.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump wait ticks                             until the next version
  shm-dump wait ticks/trades --rows 1000          until the frame has 1000 rows
  shm-dump wait ticks --created --timeout 30 && ./reader")]
pub struct WaitOptions {
    /// The segment, or a frame of it
    target: Target,
    /// Until there is a version newer than now, or, of a frame, until the frame changes (this is the default)
    #[arg(long, conflicts_with_all = ["wanted_version", "rows"])]
    change: bool,
    /// Until there is this version, or a newer one
    #[arg(id = "wanted_version", long = "version", value_name = "N", conflicts_with = "rows")]
    version: Option<u64>,
    /// Until the frame has this many rows
    #[arg(long, value_name = "N")]
    rows: Option<u64>,
    /// Until the segment exists; then for what else is asked for
    #[arg(long)]
    created: bool,
    /// Give up after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
}

/// What was waited for.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// A newer version, or another state of the frame.
    Change,
    /// A certain version.
    Version,
    /// So many rows.
    Rows,
    /// The segment.
    Created,
}

/// What came.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Waited {
    /// What was waited for.
    came: Came,
    /// The segment's name.
    segment: String,
    /// The frame, if one was named.
    frame: Option<String>,
    /// The version with which it came.
    version: u64,
    /// The frame's rows; none where no frame was named, or it was removed.
    rows: Option<u64>,
}

impl Record for Waited {
    const KIND: &'static str = "waited";
    const HEADS: &'static [&'static str] = &["CAME", "SEGMENT", "FRAME", "#VERSION", "#ROWS"];

    fn cells(&self, exact: bool) -> Vec<Cell> {
        vec![
            cell(word(&self.came)),
            cell(&self.segment),
            cell(self.frame.as_deref().unwrap_or("-")),
            cell(self.version),
            cell(self.rows.map_or("-".to_owned(), |rows| words::count(rows, exact))),
        ]
    }
}

/// A span of time, given in seconds.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = |_| format!("seconds, such as 0.5 or 10, and not {text:?}");
    let seconds: f64 = text.parse().map_err(|error: core::num::ParseFloatError| wrong(error.to_string()))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| wrong(error.to_string()))
}

/// What is known of the frame that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FrameState {
    rows: u64,
    /// Generation, and the number of the row behind the last and of the first one: they differ if its rows do.
    position: (u64, u64, u64),
}

pub fn run(session: &mut Session, options: &WaitOptions) -> Result<Exit> {
    if options.target.version.is_some() {
        let text =
            format!("{} is one version, which does not change; --version waits for one", options.target);
        return Err(Failure::usage(text).into());
    }
    session.end_on_signals()?;
    let end = deadline(options.timeout.unwrap_or(FOREVER));
    let reader = open(session, options, end)?;
    let only_created =
        options.created && !options.change && options.version.is_none() && options.rows.is_none();
    let waited = if only_created {
        Some(came(options, Came::Created, reader.latest(), None))
    } else if let Some(version) = options.version {
        let version = wait(options, &reader, version.saturating_sub(1), end)?;
        version.map(|version| came(options, Came::Version, version, None))
    } else if options.target.frame.is_some() || options.rows.is_some() {
        of_frame(session, options, &reader, end)?
    } else {
        wait(options, &reader, reader.latest(), end)?
            .map(|version| came(options, Came::Change, version, None))
    };
    let Some(waited) = waited else {
        let missing =
            options.target.frame.as_ref().filter(|_| matches!(look(session, options), Ok((_, None))));
        let missing = missing.map(|frame| format!(", which has no frame {frame:?}")).unwrap_or_default();
        session.note(format_args!("the time was up; the newest version is {}{missing}", reader.latest()));
        return Ok(Exit::NotMet);
    };
    session.output.record(&waited)?;
    Ok(Exit::Success)
}

fn came(options: &WaitOptions, came: Came, version: u64, rows: Option<u64>) -> Waited {
    let segment = options.target.place.name().to_owned();
    Waited { came, segment, frame: options.target.frame.clone(), version, rows }
}

/// The segment, once it exists if that is waited for, too.
fn open(session: &Session, options: &WaitOptions, end: Instant) -> Result<Reader> {
    if options.created {
        session.attach_within(&options.target.place, end.saturating_duration_since(Instant::now()))
    } else {
        session.attach(&options.target.place)
    }
}

/// The version that came after `version`; nothing if the time was up.
fn wait(options: &WaitOptions, reader: &Reader, version: u64, end: Instant) -> Result<Option<u64>> {
    match reader.wait_newer(version, end.saturating_duration_since(Instant::now()))? {
        Wait::Newer(version) => Ok(Some(version)),
        Wait::TimedOut | Wait::NoWriter => Ok(None),
        Wait::Removed => {
            let text = format!("segment {:?} was removed meanwhile", options.target.place.name());
            Err(Failure::new(Exit::NotFound, text).into())
        }
    }
}

/// Waits for rows of a frame, or for a change of it.
fn of_frame(
    session: &Session,
    options: &WaitOptions,
    reader: &Reader,
    end: Instant,
) -> Result<Option<Waited>> {
    let (mut version, first) = look(session, options)?;
    loop {
        let (now, state) = look(session, options)?;
        version = version.max(now);
        let rows = state.map(|state| state.rows);
        match options.rows {
            Some(wanted) if rows.is_some_and(|rows| rows >= wanted) => {
                return Ok(Some(came(options, Came::Rows, now, rows)));
            }
            None if state != first => return Ok(Some(came(options, Came::Change, now, rows))),
            _ => {}
        }
        if wait(options, reader, version, end)?.is_none() {
            return Ok(None);
        }
    }
}

/// The newest version, and the frame in it, if it is there.
fn look(session: &Session, options: &WaitOptions) -> Result<(u64, Option<FrameState>)> {
    let inspector = session.inspect(&options.target.place)?;
    inspector.newest(|version| {
        let name = match frames::one_named(&options.target, version.frames()?) {
            Ok(name) => name,
            Err(error) if Exit::of(&error) == Exit::NotFound => return Ok(Ok((version.version(), None))),
            Err(error) => return Ok(Err(error)),
        };
        let frame = match version.frame(&name) {
            Err(error) if error.kind() == ErrorKind::FrameMissing => {
                return Ok(Ok((version.version(), None)));
            }
            frame => frame?,
        };
        let (start, end) = (frame.first_position(), frame.position());
        let position = (end.generation(), start.row(), end.row());
        Ok::<_, Error>(Ok((version.version(), Some(FrameState { rows: frame.num_rows(), position }))))
    })?
}
