//! `shm-dump readers`: who reads a segment, and which memory each holds.

use crate::live::{FrameFacts, time};
use crate::session::Session;
use anyhow::Result;
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::record::{Cell, Record, Tone, cell, toned};
use shmframe_cli::{Exit, Target, told, words};
use shmframe_reader::Inspector;
use shmframe_segment::{Coverage, LiveVersion, SlotPins, reap};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Show who reads a segment: which versions each pins, and the memory that only this pin keeps
///
/// Whether a reader lives is the kernel's word: it holds the lock of its slot. Process ids are those of the reader's own PID
/// namespace. The slots of the dead are cleared by the writer when they stand in its way, or by --reap.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump readers ticks
  shm-dump readers ticks --json | jq 'select(.held_alone_bytes > 1e9) | .pid'
  shm-dump readers ticks --reap       clear the slots of the dead")]
pub struct ReadersOptions {
    /// The segment
    target: Target,
    /// Only slots of dead readers
    #[arg(long)]
    dead: bool,
    /// Clear the slots of dead readers; those of the living stay
    #[arg(long)]
    reap: bool,
}

/// A version that a slot pins.
#[derive(Debug, JsonSchema, Serialize)]
pub struct PinnedVersion {
    /// Its number.
    version: u64,
    /// Whether it still has an entry: a pin of a version without one is late, and holds nothing.
    live: bool,
    /// How long ago the next version took its place, seconds; null: it is the newest, or the next one is kept no longer.
    superseded_seconds: Option<f64>,
    /// How long ago that was at the most, seconds: since it was committed itself; null: it is the newest, or has no entry.
    superseded_at_most_seconds: Option<f64>,
}

impl PinnedVersion {
    /// How long ago it was superseded, for people.
    fn superseded(&self) -> Option<String> {
        let span = |seconds| words::span(Duration::from_secs_f64(seconds));
        let exact = self.superseded_seconds.map(|seconds| format!("{} ago", span(seconds)));
        exact.or(self.superseded_at_most_seconds.map(|seconds| format!("up to {} ago", span(seconds))))
    }
}

/// A claimed reader slot.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Slot {
    /// Its number.
    slot: u32,
    /// The process that claimed it, in its own PID namespace.
    pid: u64,
    /// The command of the process with this id, where one is seen from here; it may be another process.
    command: Option<String>,
    /// What the reader calls itself.
    label: String,
    /// Whether the claimer lives, by the kernel's word.
    alive: bool,
    /// When it was claimed, by the clock of that process, in UTC.
    since: String,
    /// The versions that it pins, oldest first.
    versions: Vec<PinnedVersion>,
    /// How many versions the oldest of them is behind the newest, 0 if it pins none; null: `data` cannot be read.
    lag_versions: Option<u64>,
    /// How many rows, of all frames, were added or put since then; null: one of the two versions cannot be read.
    lag_rows: Option<u64>,
    /// Bytes that only this slot keeps in use; null: the newest version cannot be read, or went while it was.
    held_alone_bytes: Option<u64>,
}

impl Record for Slot {
    const KIND: &'static str = "reader";
    const HEADS: &'static [&'static str] = &[
        "#SLOT",
        "#PID",
        "COMMAND",
        "LABEL",
        "ALIVE",
        "PINNED",
        "SUPERSEDED",
        "#BEHIND",
        "#ROWS BEHIND",
        "#HOLDS ALONE",
    ];
    const SPARED: &'static [&'static str] = &["COMMAND", "#ROWS BEHIND", "SUPERSEDED"];

    fn cells(&self, exact: bool) -> Vec<Cell> {
        let pins: Vec<String> = self.versions.iter().map(|pin| pin.version.to_string()).collect();
        let age = self.versions.iter().find_map(PinnedVersion::superseded);
        let count =
            |count: Option<u64>| cell(count.map_or("?".to_owned(), |count| words::count(count, exact)));
        let held = self.held_alone_bytes;
        let held_tone = if held.is_some_and(|bytes| bytes > 0) { Tone::Warning } else { Tone::Plain };
        vec![
            cell(self.slot),
            cell(self.pid),
            self.command.as_ref().map_or(toned("?", Tone::Faint), cell),
            cell(&self.label),
            if self.alive { toned("yes", Tone::Good) } else { toned("dead", Tone::Bad) },
            cell(pins.join(", ")),
            cell(age.unwrap_or_default()),
            count(self.lag_versions),
            count(self.lag_rows),
            toned(held.map_or("?".to_owned(), |bytes| words::bytes(bytes, exact)), held_tone),
        ]
    }
}

/// Slots of dead readers that were cleared.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Reaped {
    /// Their numbers.
    slots: Vec<u32>,
}

impl Record for Reaped {
    const KIND: &'static str = "reaped";
    const HEADS: &'static [&'static str] = &["REAPED"];

    fn cells(&self, _exact: bool) -> Vec<Cell> {
        let slots: Vec<String> = self.slots.iter().map(u32::to_string).collect();
        vec![cell(if slots.is_empty() {
            "no slot".to_owned()
        } else {
            format!("slots {}", slots.join(", "))
        })]
    }
}

pub fn run(session: &mut Session, options: &ReadersOptions) -> Result<Exit> {
    let place = options.target.whole()?;
    if options.reap {
        let slots = reap(&session.location(place)?)?;
        session.output.record(&Reaped { slots })?;
        return Ok(Exit::Success);
    }
    let mut slots = session.registry(place)?.pins()?;
    let whole = slots.clone();
    slots.retain(|slot| !options.dead || !slot.alive);
    // Where `data` cannot be read there is still the registry.
    let (held, exit) = match session.inspect(place).and_then(|inspector| Held::of(&inspector, &whole)) {
        Ok(held) => (held, Exit::Success),
        Err(error) => {
            session.note(told(&error));
            (Held::default(), Exit::of(&error))
        }
    };
    let shown: Vec<Slot> = slots.into_iter().map(|slot| held.slot(slot)).collect();
    session.output.records(&shown, "no readers")?;
    Ok(exit)
}

/// What the versions of a segment say about its slots.
#[derive(Default)]
struct Held {
    coverage: Option<Coverage>,
    alone: Option<BTreeMap<u32, u64>>,
    /// The frames of the newest version, and of the oldest that each slot pins.
    frames: HashMap<u64, Vec<FrameFacts>>,
}

impl Held {
    fn of(inspector: &Inspector, slots: &[SlotPins]) -> Result<Self> {
        let coverage = inspector.inspection().coverage()?;
        let alone = coverage.held_alone(slots);
        let oldest = slots.iter().filter_map(|slot| slot.versions.first().copied());
        let mut frames = HashMap::new();
        for version in oldest.chain([coverage.latest]) {
            if !frames.contains_key(&version)
                && let Ok(found) = inspector.inspection().at(version, FrameFacts::all)
            {
                frames.insert(version, found);
            }
        }
        Ok(Self { coverage: Some(coverage), alone, frames })
    }

    fn slot(&self, slot: SlotPins) -> Slot {
        let latest = self.coverage.as_ref().map(|coverage| coverage.latest);
        let oldest = slot.versions.first().copied();
        Slot {
            slot: slot.slot,
            pid: slot.pid,
            command: command(slot.pid).filter(|_| slot.alive),
            alive: slot.alive,
            since: words::instant(time(slot.since)),
            versions: slot.versions.iter().map(|version| self.pin(*version)).collect(),
            lag_versions: latest.map(|latest| oldest.map_or(0, |oldest| latest.saturating_sub(oldest))),
            lag_rows: latest
                .and_then(|latest| oldest.map_or(Some(0), |oldest| self.lag_rows(oldest, latest))),
            held_alone_bytes: self.alone.as_ref().map(|alone| alone.get(&slot.slot).copied().unwrap_or(0)),
            label: slot.label,
        }
    }

    fn pin(&self, version: u64) -> PinnedVersion {
        let versions = self.coverage.as_ref().map_or(&[][..], |coverage| &coverage.versions);
        let at = versions.binary_search_by_key(&version, |live| live.version).ok();
        let age = |live: &LiveVersion| time(live.committed).elapsed().ok().map(|age| age.as_secs_f64());
        let later = at.and_then(|at| versions.get(at + 1));
        // Known only if the version that came next is still kept.
        let next = later.filter(|later| version.checked_add(1) == Some(later.version));
        PinnedVersion {
            version,
            live: at.is_some(),
            superseded_seconds: next.and_then(age),
            superseded_at_most_seconds: later.and(at).and_then(|at| age(versions.get(at)?)),
        }
    }

    /// Rows of all frames that came between two versions; a frame that was put anew counts whole.
    fn lag_rows(&self, old: u64, new: u64) -> Option<u64> {
        let (old, new) = (self.frames.get(&old)?, self.frames.get(&new)?);
        Some(new.iter().map(|frame| frame.new_rows(old)).fold(0, u64::saturating_add))
    }
}

/// The command of the process with this id, as it is seen from here.
fn command(pid: u64) -> Option<String> {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}
