//! `shm-dump info`: what is in a segment.

mod header;

pub use header::HeaderField;

use crate::frames;
use crate::live::time;
use crate::session::{Look, Session};
use anyhow::{Error, Result};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::record::{Cell, Record, Tone, cell, toned, word};
use shmframe_cli::{Exit, Target, told, words};
use shmframe_format::table;
use shmframe_reader::{Frame, Inspector};
use shmframe_segment::{SegmentState, SegmentStatus, look_at_header};
use std::time::SystemTime;

/// Show what is in a segment: its header, its writer, its memory, its frames
///
/// Of a segment that is damaged or of another format version it shows what can be read, says what is wrong, and ends with the
/// status for it. `shm-dump NAME` is the same.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump ticks
  shm-dump info ticks/trades
  shm-dump info ticks --header        the fields of the header, with their places
  shm-dump info ticks --json | jq 'select(.kind == \"frame\") | {name, rows}'")]
pub struct InfoOptions {
    /// Segment, frame, or pattern of frames
    target: Target,
    /// Show the fields of the header as they stand in the file, and nothing else
    #[arg(long)]
    header: bool,
}

/// What a segment says of its end.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InfoState {
    /// Writers and readers may come.
    Open,
    /// It was removed.
    Removed,
    /// It has no name yet: its creation was cut off, or goes on.
    Unnamed,
    /// A state that this release does not know.
    Unknown,
}

impl From<SegmentState> for InfoState {
    fn from(state: SegmentState) -> Self {
        match state {
            SegmentState::Open => Self::Open,
            SegmentState::Removed => Self::Removed,
            SegmentState::Unnamed => Self::Unnamed,
            SegmentState::Unknown(_) => Self::Unknown,
        }
    }
}

/// What a segment says of itself.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Info {
    /// The segment's name.
    name: String,
    /// Its directory.
    path: String,
    /// Its format version, `major.minor`.
    format: String,
    /// Its random id, in hexadecimal digits.
    instance: String,
    /// When it was created, by the creator's clock, in UTC.
    created: String,
    #[serde(skip)]
    created_time: SystemTime,
    /// User id of its owner.
    owner: u32,
    /// Permission bits of the directory, octal.
    mode: String,
    /// Whether it was made since the machine was started: pages of an older one may be torn.
    this_boot: bool,
    /// Whether it was removed.
    state: InfoState,
    /// The newest version.
    version: u64,
    /// The version that is looked at.
    shown_version: u64,
    /// When that was committed, by the writer's clock, in UTC; none: its entry cannot be read.
    committed: Option<String>,
    #[serde(skip)]
    committed_time: Option<SystemTime>,
    /// Its frames; none: they cannot be read.
    frames: Option<u64>,
    /// Versions that have an entry.
    kept_versions: usize,
    /// Versions that the writer keeps at least, the newest included.
    history: u64,
    /// Virtual bytes of `data`.
    capacity_bytes: u64,
    /// Bytes of memory that `data` takes.
    allocated_bytes: u64,
    /// Bytes that it may take; none: no quota.
    quota_bytes: Option<u64>,
    /// Whether a process holds the writer lease; none: nobody can tell.
    writer_alive: Option<bool>,
    /// Process id of the last writer, in its own PID namespace.
    writer_pid: u64,
    /// What the last writer calls itself.
    writer_label: String,
    /// When it took the lease, by its clock, in UTC.
    writer_since: String,
    #[serde(skip)]
    writer_time: SystemTime,
    /// How often a writer took the lease and recovered the segment.
    epoch: u64,
    /// Reader slots in all; none: the registry cannot be read.
    slots: Option<u32>,
    /// Reader slots that living processes hold.
    readers_alive: Option<usize>,
    /// Reader slots of dead processes.
    readers_dead: Option<usize>,
}

impl Record for Info {
    const KIND: &'static str = "info";
    const HEADS: &'static [&'static str] = &[
        "segment", "format", "created", "owner", "state", "version", "history", "memory", "writer", "readers",
    ];

    fn cells(&self, exact: bool) -> Vec<Cell> {
        let bytes = |count| words::bytes(count, exact);
        let quota =
            self.quota_bytes.map_or("no quota".to_owned(), |quota| format!("of a quota of {}", bytes(quota)));
        let shown = if self.shown_version == self.version {
            String::new()
        } else {
            format!("; shown: {}", self.shown_version)
        };
        let boot = if self.this_boot { "" } else { ", of another boot: pages may be torn" };
        vec![
            cell(&self.path),
            cell(format!("{}, id {}", self.format, self.instance)),
            cell(format!("{} ({} ago)", words::clock(self.created_time), words::age(self.created_time))),
            cell(format!("user {}, mode {}", self.owner, self.mode)),
            toned(
                word(&self.state) + boot,
                if self.state == InfoState::Open && self.this_boot { Tone::Good } else { Tone::Warning },
            ),
            cell(match self.committed_time {
                Some(time) => format!("{}, committed {} ago{shown}", self.version, words::age(time)),
                None => format!("{}, committed ?{shown}", self.version),
            }),
            cell(format!(
                "{} kept, at least the newest {}",
                words::counted(self.kept_versions as u64, "version"),
                self.history
            )),
            cell(format!("{} {quota}; {} virtual", bytes(self.allocated_bytes), bytes(self.capacity_bytes))),
            self.writer_cell(),
            self.readers_cell(),
        ]
    }
}

impl Info {
    fn writer_cell(&self) -> Cell {
        let label =
            if self.writer_label.is_empty() { String::new() } else { format!(" {:?}", self.writer_label) };
        let who = format!("process {}{label}", self.writer_pid);
        match self.writer_alive {
            Some(true) => toned(format!("{who}, since {}", words::clock(self.writer_time)), Tone::Good),
            Some(false) => toned(format!("none; the last one was {who}"), Tone::Faint),
            None => cell(format!("cannot be told; the last one was {who}")),
        }
    }

    fn readers_cell(&self) -> Cell {
        match (self.slots, self.readers_alive, self.readers_dead) {
            (Some(slots), Some(alive), Some(0)) => cell(format!("{alive} of {slots} slots")),
            (Some(slots), Some(alive), Some(dead)) => {
                toned(format!("{alive} alive and {dead} dead of {slots} slots"), Tone::Warning)
            }
            _ => cell("cannot be told"),
        }
    }
}

/// A frame of a version.
#[derive(Debug, JsonSchema, Serialize)]
pub struct FrameInfo {
    /// Its name.
    name: String,
    /// Rows.
    rows: u64,
    /// The number of its first row: more than 0 where rows were dropped from the front.
    first_row: u64,
    /// What makes it another frame than one that had the name before, in hexadecimal digits.
    generation: String,
    /// Columns.
    columns: usize,
    /// Bytes of its buffers.
    bytes: u64,
}

impl FrameInfo {
    fn of(frame: &Frame) -> Self {
        let first = frame.first_position();
        Self {
            name: frame.name().to_owned(),
            rows: frame.num_rows(),
            first_row: first.row(),
            generation: format!("{:016x}", first.generation()),
            columns: frame.schema().fields().len(),
            bytes: frame.num_bytes(),
        }
    }
}

impl Record for FrameInfo {
    const KIND: &'static str = "frame";
    const HEADS: &'static [&'static str] = &["FRAME", "#ROWS", "#FIRST ROW", "#COLUMNS", "#BYTES"];

    fn cells(&self, exact: bool) -> Vec<Cell> {
        vec![
            cell(&self.name),
            cell(words::count(self.rows, exact)),
            cell(words::count(self.first_row, exact)),
            cell(self.columns),
            cell(words::bytes(self.bytes, exact)),
        ]
    }
}

pub fn run(session: &mut Session, options: &InfoOptions) -> Result<Exit> {
    let look = look_at_header(&session.location(&options.target.place)?)?;
    let fields = match look.fields {
        Some(fields) if look.faults.is_empty() && !options.header => fields,
        _ => return header::show(session, &look),
    };
    let target = &options.target;
    let inspector = session.inspect(&target.place)?;
    let shown = Shown::of(target, &inspector)?;
    if target.frame.is_none() {
        session.output.record(&info(session, target, (&look.status, &fields), &inspector, &shown)?)?;
        session.output.text("")?;
    }
    if !shown.frames.is_empty() || shown.errors.is_empty() {
        session.output.records(&shown.frames, "no frames yet")?;
    }
    let mut exit = Exit::Success;
    for error in &shown.errors {
        session.complain(told(error));
        exit = exit.or(Exit::of(error));
    }
    Ok(exit)
}

/// What can be read of a version.
struct Shown {
    version: u64,
    committed: Option<SystemTime>,
    /// How many frames there are, whichever are asked for.
    count: Option<u64>,
    frames: Vec<FrameInfo>,
    /// What cannot be read.
    errors: Vec<Error>,
}

impl Shown {
    /// The target's version. What is damaged is left out, and told in `errors`.
    ///
    /// # Errors
    /// If there is no such version or frame.
    fn of(target: &Target, inspector: &Inspector) -> Result<Self> {
        let look = Look::Copied(inspector.clone());
        let whole = look.view(target.version, |view| {
            let names = view.frames()?;
            let count = Some(names.len() as u64);
            let names = frames::named(target, names)?;
            let frames = names.iter().map(|name| Ok(FrameInfo::of(&view.frame(name)?)));
            let (frames, errors) = (frames.collect::<Result<_>>()?, Vec::new());
            Ok(Self { version: view.version(), committed: Some(view.committed()), count, frames, errors })
        });
        match whole {
            Err(error) if matches!(Exit::of(&error), Exit::NotFound | Exit::Usage) => Err(error),
            // One thing after the other: a look that fails is taken again as long as the version goes meanwhile.
            Err(_) => Self::in_parts(target, inspector, &look),
            whole => whole,
        }
    }

    fn in_parts(target: &Target, inspector: &Inspector, look: &Look) -> Result<Self> {
        let version = target.version.map_or_else(|| inspector.latest(), Ok)?;
        let entries = inspector.versions()?;
        let committed = entries.iter().find(|(kept, _)| *kept == version).map(|(_, time)| *time);
        let mut shown = Self { version, committed, count: None, frames: Vec::new(), errors: Vec::new() };
        let names = match look.view(Some(version), |view| Ok(view.frames()?)) {
            Ok(names) => names,
            Err(error) => {
                shown.errors.push(error);
                return Ok(shown);
            }
        };
        shown.count = Some(names.len() as u64);
        for name in frames::named(target, names)? {
            match look.view(Some(version), |view| Ok(FrameInfo::of(&view.frame(&name)?))) {
                Ok(frame) => shown.frames.push(frame),
                Err(error) => shown.errors.push(error),
            }
        }
        Ok(shown)
    }
}

fn info(
    session: &Session,
    target: &Target,
    (status, fields): (&SegmentStatus, &table::Header),
    inspector: &Inspector,
    shown: &Shown,
) -> Result<Info> {
    let inspection = inspector.inspection();
    let words = inspection.publication()?;
    let registry = session.registry(&target.place);
    let pins = registry.as_ref().ok().and_then(|registry| registry.pins().ok());
    let (created_time, writer_time) = (time(fields.created), time(words.writer_since));
    let alive =
        |alive: bool| pins.as_ref().map(|pins| pins.iter().filter(|slot| slot.alive == alive).count());
    Ok(Info {
        name: target.place.name().to_owned(),
        path: inspector.path().display().to_string(),
        format: format!("{}.{}", fields.major, fields.minor),
        instance: fields.instance.iter().map(|byte| format!("{byte:02x}")).collect(),
        created: words::instant(created_time),
        created_time,
        owner: status.directory.uid,
        mode: format!("{:o}", status.directory.mode),
        this_boot: inspector.is_of_this_boot(),
        state: words.state.into(),
        version: words.latest,
        shown_version: shown.version,
        committed: shown.committed.map(words::instant),
        committed_time: shown.committed,
        frames: shown.count,
        kept_versions: inspector.versions()?.len(),
        history: words.history,
        capacity_bytes: fields.capacity,
        allocated_bytes: inspection.allocated_bytes()?,
        quota_bytes: words.quota,
        writer_alive: registry.as_ref().ok().and_then(|registry| registry.has_writer().ok()),
        writer_pid: words.writer_pid,
        writer_label: words.writer_label,
        writer_since: words::instant(writer_time),
        writer_time,
        epoch: words.epoch,
        slots: registry.as_ref().ok().map(shmframe_segment::RegistryView::slots),
        readers_alive: alive(true),
        readers_dead: alive(false),
    })
}
