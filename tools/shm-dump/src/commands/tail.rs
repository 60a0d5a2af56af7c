//! `shm-dump tail`: the last rows of a frame, and those that come.

use crate::frames;
use crate::rows::{FrameRows, RowOptions, RowWriter};
use crate::session::Session;
use crate::view::View;
use anyhow::{Context, Result};
use arrow::datatypes::SchemaRef;
use clap::Args;
use core::sync::atomic::{AtomicBool, Ordering};
use shmframe_cli::{Exit, Failure, words};
use shmframe_reader::{Position, Since, Snapshot};
use std::sync::Arc;

/// Show the last rows of a frame, and with --follow those that come
///
/// Only what is shown is read, however large the frame is (with --no-pin or from a segment that cannot be attached to, the
/// columns are copied whole).
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump tail ticks/trades
  shm-dump tail -f ticks/trades                   until the segment is removed, or Ctrl-C
  shm-dump tail -f -n 0 ticks/trades --where 'price > 100' | jq .values")]
pub struct TailOptions {
    #[command(flatten)]
    rows: RowOptions,
    /// How many rows
    #[arg(long = "rows", short = 'n', value_name = "ROWS", default_value_t = 10)]
    count: u64,
    /// Leave out so many rows at the end
    #[arg(long, value_name = "ROWS", default_value_t = 0)]
    offset: u64,
    /// Go on with the rows that are appended, until the segment is removed
    #[arg(long, short, conflicts_with_all = ["no_pin", "offset"])]
    follow: bool,
}

pub fn run(session: &mut Session, options: &TailOptions) -> Result<Exit> {
    if options.follow {
        return follow(session, options);
    }
    let rows = options.rows.read(session)?;
    let mut writer = options.rows.writer(session, &rows);
    rows.last_wanted(options.offset, options.count, &mut |part| writer.write(&mut session.output, part))?;
    writer.finish(&mut session.output)?;
    Ok(Exit::Success)
}

fn follow(session: &mut Session, options: &TailOptions) -> Result<Exit> {
    let target = &options.rows.target;
    if target.version.is_some() {
        let text = format!("{target} is one version, which does not change; leave out the @ to follow");
        return Err(Failure::usage(text).into());
    }
    let reader = session.attach(&target.place)?;
    let mut following = reader.follow();
    let (stop, interrupted) = (following.stop_handle(), Arc::new(AtomicBool::new(false)));
    let noted = Arc::clone(&interrupted);
    ctrlc::set_handler(move || {
        noted.store(true, Ordering::Relaxed);
        stop.stop();
    })
    .context("asking for Ctrl-C")?;
    let mut followed: Option<Followed> = None;
    for snapshot in following {
        let snapshot = snapshot?;
        match &mut followed {
            None => followed = Some(Followed::begin(session, options, &snapshot)?),
            Some(followed) => followed.go_on(session, options, &snapshot)?,
        }
    }
    if let Some(followed) = followed {
        followed.writer.finish(&mut session.output)?;
    }
    if interrupted.load(Ordering::Relaxed) {
        return Ok(Exit::Interrupted);
    }
    session.note(format_args!("{target}: the segment was removed"));
    Ok(Exit::Success)
}

/// A frame of which everything up to a position was shown.
struct Followed {
    frame: String,
    position: Position,
    schema: SchemaRef,
    writer: RowWriter,
    is_missing: bool,
}

impl Followed {
    /// Shows the last rows.
    fn begin(session: &mut Session, options: &TailOptions, snapshot: &Snapshot) -> Result<Self> {
        let frame = frames::one(&options.rows.target, &View::Held(snapshot))?;
        let rows = FrameRows::read(&frame, &options.rows.selection())?;
        let mut writer = options.rows.writer(session, &rows);
        rows.last_wanted(0, options.count, &mut |part| writer.write(&mut session.output, part))?;
        session.output.raw().flush()?;
        let (frame, position) = (rows.frame.clone(), frame.position());
        Ok(Self { frame, position, schema: rows.schema(), writer, is_missing: false })
    }

    /// Shows what came since.
    fn go_on(&mut self, session: &mut Session, options: &TailOptions, snapshot: &Snapshot) -> Result<()> {
        let Some(frame) = snapshot.find(&self.frame)? else {
            if !self.is_missing {
                session
                    .note(format_args!("{}: the frame was removed; waiting for it to come back", self.frame));
            }
            self.is_missing = true;
            return Ok(());
        };
        self.is_missing = false;
        let (frame, shape) = options.rows.selection().of(&frame)?;
        let appended = frame.appended_since(self.position)?;
        match appended.since {
            Since::Continued | Since::Missing | Since::Ahead { .. } => {}
            Since::Dropped { rows } => {
                let rows = words::counted(rows, "row");
                session.note(format_args!("{}: {rows} dropped before they were seen", self.frame));
            }
            Since::Replaced => {
                session.note(format_args!("{}: the frame was replaced; from its first row", self.frame));
            }
        }
        self.position = appended.position;
        let rows: u64 = appended.batches.iter().map(|batch| batch.num_rows() as u64).sum();
        let first = appended.position.row().saturating_sub(rows);
        let rows = FrameRows::new(&frame, first, appended.batches, shape);
        if rows.schema() != self.schema {
            // Other columns: another table.
            self.schema = rows.schema();
            self.writer = options.rows.writer(session, &rows);
        }
        rows.first_wanted(0, u64::MAX, &mut |part| self.writer.write(&mut session.output, part))?;
        Ok(session.output.raw().flush()?)
    }
}
