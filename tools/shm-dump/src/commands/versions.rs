//! `shm-dump versions`: which versions a segment keeps.

use crate::session::Session;
use anyhow::Result;
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::record::{Cell, Record, Tone, cell, toned};
use shmframe_cli::{Exit, Target, words};
use shmframe_reader::ErrorKind;
use std::time::SystemTime;

/// Show which versions a segment keeps, when each was committed, and who pins it
///
/// Those of the writer's history, and those that readers pin. It takes no reader slot.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump versions ticks
  shm-dump head ticks/trades@12       rows of one of them")]
pub struct VersionsOptions {
    /// The segment
    target: Target,
}

/// What a look at a version came to.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionState {
    /// It is kept.
    Kept,
    /// It went meanwhile.
    Gone,
    /// It cannot be read: standard error says why.
    Unreadable,
}

/// A version that is kept.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Version {
    /// Its number.
    version: u64,
    /// Whether it could be read.
    state: VersionState,
    /// When it was committed, by the writer's clock, in UTC.
    committed: String,
    #[serde(skip)]
    time: Option<SystemTime>,
    /// How many frames it has; none if it is gone or unreadable.
    frames: Option<u64>,
    /// Rows of all its frames.
    rows: Option<u64>,
    /// The numbers of the reader slots that pin it.
    pinned_by: Vec<u32>,
}

impl Record for Version {
    const KIND: &'static str = "version";
    const HEADS: &'static [&'static str] = &["#VERSION", "COMMITTED", "AGO", "#FRAMES", "#ROWS", "PINNED BY"];

    fn cells(&self, exact: bool) -> Vec<Cell> {
        let count = |count: Option<u64>| match (self.state, count) {
            (_, Some(count)) => cell(words::count(count, exact)),
            (VersionState::Gone, None) => toned("gone", Tone::Faint),
            (_, None) => toned("unreadable", Tone::Bad),
        };
        let slots = self.pinned_by.iter().map(|slot| format!("slot {slot}"));
        vec![
            cell(self.version),
            cell(self.time.map(words::clock).unwrap_or_default()),
            cell(self.time.map(words::age).unwrap_or_default()),
            count(self.frames),
            count(self.rows),
            cell(slots.collect::<Vec<_>>().join(", ")),
        ]
    }
}

pub fn run(session: &mut Session, options: &VersionsOptions) -> Result<Exit> {
    let place = options.target.whole()?;
    let inspector = session.inspect(place)?;
    // Where the registry cannot be read there are still the versions.
    let pins = session.registry(place).and_then(|registry| Ok(registry.pins()?));
    let pins = pins.inspect_err(|error| session.note(error)).unwrap_or_default();
    let (mut versions, mut exit) = (Vec::new(), Exit::Success);
    for (version, committed) in inspector.versions()? {
        let counts = inspector.at(version, |version| {
            let mut rows = 0u64;
            for name in version.frames()? {
                // Frames without columns may claim any number.
                rows = rows.saturating_add(version.frame(&name)?.num_rows());
            }
            Ok((version.num_frames(), rows))
        });
        let state = match &counts {
            Ok(_) => VersionState::Kept,
            Err(error) if error.kind() == ErrorKind::VersionGone => VersionState::Gone,
            Err(error) => {
                session.complain(format_args!("version {version}: {error}"));
                exit = exit.or(Exit::of_kind(error.kind()));
                VersionState::Unreadable
            }
        };
        let (frames, rows) = counts.ok().unzip();
        versions.push(Version {
            version,
            state,
            committed: words::instant(committed),
            time: Some(committed),
            frames,
            rows,
            pinned_by: pins
                .iter()
                .filter(|slot| slot.versions.contains(&version))
                .map(|slot| slot.slot)
                .collect(),
        });
    }
    session.output.records(&versions, "no version is kept")?;
    Ok(exit)
}
