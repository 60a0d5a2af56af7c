//! `shm-dump rm`: removes a segment.

use crate::session::Session;
use anyhow::Result;
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::record::{Cell, Record, cell};
use shmframe_cli::{Exit, Failure, Target};
use shmframe_segment::{Removal, SlotPins, remove_segment, remove_segment_unless_read};

/// Remove a segment and all that is in it
///
/// Refused while a writer lives, and while a living process reads it. Readers that hold rows of a removed segment keep them.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump rm ticks
  shm-dump rm /mnt/segments/ticks.shmf")]
pub struct RmOptions {
    /// The segments
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<Target>,
    /// Remove it although it is read: readers keep what they hold, and are told. A writer is never removed from under
    #[arg(long, short)]
    force: bool,
}

/// A segment that was removed.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Removed {
    /// The segment's name.
    name: String,
    /// Where its directory stood.
    path: String,
}

impl Record for Removed {
    const KIND: &'static str = "removed";
    const HEADS: &'static [&'static str] = &["REMOVED"];

    fn cells(&self, _exact: bool) -> Vec<Cell> {
        vec![cell(&self.path)]
    }
}

pub fn run(session: &mut Session, options: &RmOptions) -> Result<Exit> {
    if let Some(target) = options.targets.iter().find(|target| target.whole().is_err()) {
        let text = format!("{target} is a part of a segment; only a writer removes frames and versions");
        return Err(Failure::usage(text).into());
    }
    for target in &options.targets {
        let location = session.location(&target.place)?;
        let removal = if options.force {
            remove_segment(&location)?;
            Removal::Removed
        } else {
            remove_segment_unless_read(&location)?
        };
        if let Removal::Read(slots) = removal {
            let text = format!("{target} stays: it is read by {}; end them, or use --force", listed(&slots));
            return Err(Failure::new(Exit::Busy, text).into());
        }
        let (name, path) = (target.place.name().to_owned(), location.path().display().to_string());
        session.output.records(&[Removed { name, path }], "")?;
    }
    Ok(Exit::Success)
}

fn listed(slots: &[SlotPins]) -> String {
    let one = |slot: &SlotPins| match slot.label.as_str() {
        "" => format!("process {}", slot.pid),
        label => format!("process {} ({label:?})", slot.pid),
    };
    slots.iter().map(one).collect::<Vec<_>>().join(", ")
}
