//! `shm-dump ls`: which segments there are.

use crate::session::Session;
use anyhow::Result;
use clap::Args;
use glob::Pattern;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::record::{Cell, Record, Tone, cell, toned, word};
use shmframe_cli::{Exit, Failure, Place, words};
use shmframe_segment::{Listed, ListedKind, Presence, list};
use std::time::SystemTime;

/// List the segments of the directory
///
/// With their newest version, their memory, and whether a writer and readers live, by the kernel's word. Temporaries of
/// creations and removals are shown with --all. It takes no reader slot.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump ls
  shm-dump ls 'ticks*' --json | jq -r .name
  shm-dump ls --dir /mnt/segments --all")]
pub struct LsOptions {
    /// Only segments whose name fits this pattern
    #[arg(value_name = "PATTERN", default_value = "*")]
    pattern: Pattern,
    /// Show temporaries, too
    #[arg(long, short)]
    all: bool,
}

/// What stands in the directory.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ListedState {
    /// A segment.
    Segment,
    /// A segment of another boot: pages may be torn.
    OtherBoot,
    /// A segment whose removal was cut off.
    Removed,
    /// A segment that cannot be read.
    Unreadable,
    /// A temporary that somebody works on.
    WorkedOn,
    /// A temporary that nobody works on.
    Leftover,
    /// A temporary of which nobody can tell.
    Unclear,
}

impl From<ListedKind> for ListedState {
    fn from(kind: ListedKind) -> Self {
        match kind {
            ListedKind::Segment => Self::Segment,
            ListedKind::OtherBoot => Self::OtherBoot,
            ListedKind::Removed => Self::Removed,
            ListedKind::Unreadable => Self::Unreadable,
            ListedKind::WorkedOn => Self::WorkedOn,
            ListedKind::Leftover => Self::Leftover,
            ListedKind::Unclear => Self::Unclear,
        }
    }
}

/// A segment of the directory, or a temporary.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Segment {
    /// The segment's name; of a temporary, the name that it was to have or had.
    name: String,
    /// Its directory.
    path: String,
    /// What it is.
    state: ListedState,
    /// User id of its owner.
    owner: u32,
    /// The newest version; none: it cannot be read.
    version: Option<u64>,
    /// When that was committed, by the writer's clock, in UTC.
    committed: Option<String>,
    #[serde(skip)]
    time: Option<SystemTime>,
    /// Frames of the newest version.
    frames: Option<u64>,
    /// Bytes of memory that the segment takes.
    allocated_bytes: Option<u64>,
    /// Whether a process holds the writer lease; none: nobody can tell.
    writer_alive: Option<bool>,
    /// Process id of the last writer, in its own PID namespace.
    writer_pid: Option<u64>,
    /// Reader slots that living processes hold; none: the registry cannot be read.
    readers_alive: Option<usize>,
    /// Reader slots of dead processes, which the writer clears when they stand in its way.
    readers_dead: Option<usize>,
}

impl Record for Segment {
    const KIND: &'static str = "segment";
    const HEADS: &'static [&'static str] =
        &["NAME", "STATE", "#VERSION", "AGE", "#FRAMES", "#MEMORY", "WRITER", "READERS"];

    fn cells(&self, exact: bool) -> Vec<Cell> {
        let or_unknown = |known: Option<String>| known.map_or(toned("?", Tone::Faint), cell);
        let tone = if self.state == ListedState::Segment { Tone::Plain } else { Tone::Warning };
        vec![
            cell(&self.name),
            toned(word(&self.state), tone),
            or_unknown(self.version.map(|version| version.to_string())),
            or_unknown(self.time.map(words::age)),
            or_unknown(self.frames.map(|frames| words::count(frames, exact))),
            or_unknown(self.allocated_bytes.map(|bytes| words::bytes(bytes, exact))),
            self.writer_cell(),
            self.readers_cell(),
        ]
    }
}

impl Segment {
    fn writer_cell(&self) -> Cell {
        match (self.writer_alive, self.writer_pid) {
            (Some(true), Some(pid)) => toned(format!("pid {pid}"), Tone::Good),
            (Some(true), None) => toned("alive", Tone::Good),
            (Some(false), _) => toned("none", Tone::Faint),
            (None, _) => toned("?", Tone::Faint),
        }
    }

    fn readers_cell(&self) -> Cell {
        match (self.readers_alive, self.readers_dead) {
            (Some(alive), Some(0)) => cell(alive),
            (Some(alive), Some(dead)) => toned(format!("{alive}, {dead} dead"), Tone::Warning),
            _ => toned("?", Tone::Faint),
        }
    }

    /// What can be told of it; what cannot be read is left out.
    fn of(session: &Session, listed: Listed) -> Self {
        let (readers_alive, readers_dead) = listed.readers.unzip();
        let mut found = Self {
            name: listed.segment,
            path: listed.path.display().to_string(),
            state: listed.kind.into(),
            owner: listed.owner,
            version: None,
            committed: None,
            time: None,
            frames: None,
            allocated_bytes: None,
            writer_alive: match listed.writer {
                Presence::Lives => Some(true),
                Presence::None => Some(false),
                Presence::Unknown => None,
            },
            writer_pid: None,
            readers_alive,
            readers_dead,
        };
        if matches!(listed.kind, ListedKind::Segment | ListedKind::OtherBoot | ListedKind::Removed) {
            found.look_inside(session);
        }
        found
    }

    fn look_inside(&mut self, session: &Session) {
        let Ok(inspector) = session.inspect(&Place::Named(self.name.clone())) else { return };
        let inspection = inspector.inspection();
        if let Ok(words) = inspection.publication() {
            self.version = Some(words.latest);
            self.writer_pid = (words.writer_pid != 0).then_some(words.writer_pid);
        }
        self.allocated_bytes = inspection.allocated_bytes().ok();
        let newest = inspector.newest(|version| Ok((version.num_frames(), version.committed())));
        if let Ok((frames, committed)) = newest {
            self.frames = Some(frames);
            self.committed = Some(words::instant(committed));
            self.time = Some(committed);
        }
    }
}

fn is_temporary(kind: ListedKind) -> bool {
    matches!(kind, ListedKind::WorkedOn | ListedKind::Leftover | ListedKind::Unclear)
}

pub fn run(session: &mut Session, options: &LsOptions) -> Result<Exit> {
    let listing = list(Some(session.directory()))?;
    if !listing.is_checked {
        session.note(format_args!(
            "{} is on {}, a file system that segments are not checked on",
            listing.directory.display(),
            listing.file_system
        ));
    }
    let (temporaries, segments): (Vec<_>, Vec<_>) = listing
        .entries
        .into_iter()
        .filter(|listed| options.pattern.matches(&listed.segment))
        .partition(|listed| is_temporary(listed.kind));
    let hidden = if options.all { 0 } else { temporaries.len() };
    let shown = segments.into_iter().chain(temporaries.into_iter().filter(|_| options.all));
    let shown: Vec<Segment> = shown.map(|listed| Segment::of(session, listed)).collect();
    let any = options.pattern.as_str() == "*";
    if shown.is_empty() && !any {
        let text =
            format!("no segment fits {:?} in {}", options.pattern.as_str(), session.directory().display());
        return Err(Failure::new(Exit::NotFound, text).into());
    }
    let none = format!("no segments in {}", session.directory().display());
    session.output.records(&shown, &none)?;
    if hidden > 0 {
        session.note(format_args!(
            "{} hidden; --all shows them",
            words::counted_as(hidden as u64, "temporary directory", "temporary directories")
        ));
    }
    Ok(Exit::Success)
}
