//! `shm-dump gc`: clears away what nobody can use any more.

use crate::session::Session;
use anyhow::Result;
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::record::{Cell, Record, Tone, cell, toned};
use shmframe_cli::{Exit, Place};
use shmframe_segment::{Listed, ListedKind, Removal, clean, list, remove_orphan};

/// Clear away what nobody can use any more
///
/// Temporaries of killed creations and removals, segments of another boot, and segments whose removal was cut off. Shows what
/// it would delete; --yes deletes. What somebody works on stays, and so does a segment that has no writer: it is data.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump gc                         what would go
  shm-dump gc --yes                   let it go")]
pub struct GcOptions {
    /// Delete, not only show
    #[arg(long, short)]
    yes: bool,
}

/// Something that nobody can use any more.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Garbage {
    /// Its directory.
    path: String,
    /// What it is: `leftover`, `removed` or `other_boot`.
    state: &'static str,
    /// What became of it: `found`, `deleted` or `kept`.
    outcome: &'static str,
    /// Why it was kept.
    reason: Option<String>,
}

impl Record for Garbage {
    const KIND: &'static str = "garbage";
    const HEADS: &'static [&'static str] = &["DIRECTORY", "WHAT", "OUTCOME"];

    fn cells(&self, _exact: bool) -> Vec<Cell> {
        let outcome = match (self.outcome, &self.reason) {
            ("deleted", _) => toned("deleted", Tone::Good),
            (outcome, Some(reason)) => toned(format!("{outcome}: {reason}"), Tone::Warning),
            _ => cell("would be deleted"),
        };
        let what = match self.state {
            "leftover" => "temporary that nobody works on",
            "removed" => "segment whose removal was cut off",
            _ => "segment of another boot",
        };
        vec![cell(&self.path), cell(what), outcome]
    }
}

pub fn run(session: &mut Session, options: &GcOptions) -> Result<Exit> {
    let mut garbage = list(Some(session.directory()))?.entries;
    garbage.retain(Listed::is_garbage);
    let deleted = if options.yes { clean(Some(session.directory()), &session.trust())? } else { Vec::new() };
    let mut found = Vec::new();
    for listed in garbage {
        let outcome = if !options.yes {
            Ok("found")
        } else if listed.kind == ListedKind::Leftover {
            let gone = deleted.iter().any(|deleted| deleted.path == listed.path);
            if gone {
                Ok("deleted")
            } else {
                Err("somebody works on it, or its owner is not trusted".to_owned())
            }
        } else {
            remove(session, &listed)
        };
        let (outcome, reason) =
            outcome.map_or_else(|reason| ("kept", Some(reason)), |outcome| (outcome, None));
        let state = match listed.kind {
            ListedKind::Leftover => "leftover",
            ListedKind::Removed => "removed",
            _ => "other_boot",
        };
        found.push(Garbage { path: listed.path.display().to_string(), state, outcome, reason });
    }
    session.output.records(&found, "nothing to clear away")?;
    if !options.yes && !found.is_empty() {
        session.note("nothing was deleted; --yes deletes");
    }
    let kept = found.iter().any(|garbage| garbage.outcome == "kept");
    Ok(if kept { Exit::Busy } else { Exit::Success })
}

/// Removes a segment that nobody can use any more.
fn remove(session: &Session, listed: &Listed) -> Result<&'static str, String> {
    let location =
        session.location(&Place::Named(listed.segment.clone())).map_err(|error| error.to_string())?;
    match remove_orphan(&location) {
        Ok(Removal::Removed) => Ok("deleted"),
        Ok(Removal::InUse | Removal::Read(_)) => Err("it is in use again".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
