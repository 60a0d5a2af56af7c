//! `shm-dump gc`: clears away what nobody can use any more.

use crate::session::Session;
use anyhow::Result;
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::record::{Cell, Record, Tone, cell, toned};
use shmframe_cli::{Exit, Place, told};
use shmframe_format::ErrorKind;
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

/// What nobody can use any more.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GarbageState {
    /// A temporary that nobody works on.
    Leftover,
    /// A segment whose removal was cut off.
    Removed,
    /// A segment of another boot.
    OtherBoot,
}

/// What became of it.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing: it was only looked for.
    Found,
    /// It was deleted.
    Deleted,
    /// Somebody else was faster.
    Gone,
    /// It is still there.
    Kept,
}

/// Something that nobody can use any more.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Garbage {
    /// Its directory.
    path: String,
    /// What it is.
    state: GarbageState,
    /// What became of it.
    outcome: Outcome,
    /// Why it was kept.
    reason: Option<String>,
    /// The status that the tool ends with for it.
    #[serde(skip)]
    exit: Exit,
}

impl Record for Garbage {
    const KIND: &'static str = "garbage";
    const HEADS: &'static [&'static str] = &["DIRECTORY", "WHAT", "OUTCOME"];

    fn cells(&self, _exact: bool) -> Vec<Cell> {
        let what = match self.state {
            GarbageState::Leftover => "temporary that nobody works on",
            GarbageState::Removed => "segment whose removal was cut off",
            GarbageState::OtherBoot => "segment of another boot",
        };
        let reason = self.reason.as_deref().unwrap_or_default();
        let outcome = match self.outcome {
            Outcome::Found => cell("would be deleted"),
            Outcome::Deleted => toned("deleted", Tone::Good),
            Outcome::Gone => toned("gone meanwhile", Tone::Faint),
            Outcome::Kept => toned(format!("kept: {reason}"), Tone::Warning),
        };
        vec![cell(&self.path), cell(what), outcome]
    }
}

impl Garbage {
    fn new(listed: &Listed, outcome: Outcome) -> Self {
        let state = match listed.kind {
            ListedKind::Removed => GarbageState::Removed,
            ListedKind::OtherBoot => GarbageState::OtherBoot,
            _ => GarbageState::Leftover,
        };
        let path = listed.path.display().to_string();
        Self { path, state, outcome, reason: None, exit: Exit::Success }
    }

    fn kept(listed: &Listed, exit: Exit, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), exit, ..Self::new(listed, Outcome::Kept) }
    }
}

pub fn run(session: &mut Session, options: &GcOptions) -> Result<Exit> {
    let found = if options.yes { delete(session)? } else { look(session)? };
    session.output.records(&found, "nothing to clear away")?;
    if !options.yes && !found.is_empty() {
        session.note("nothing was deleted; --yes deletes");
    }
    Ok(found.iter().fold(Exit::Success, |exit, garbage| exit.or(garbage.exit)))
}

fn look(session: &Session) -> Result<Vec<Garbage>> {
    let entries = list(Some(session.directory()))?.entries;
    let garbage = entries.iter().filter(|listed| listed.is_garbage());
    Ok(garbage.map(|listed| Garbage::new(listed, Outcome::Found)).collect())
}

/// Deletes first and looks then, so that all that was deleted is told, and all that is left.
fn delete(session: &Session) -> Result<Vec<Garbage>> {
    let deleted = clean(Some(session.directory()), &session.trust())?;
    let mut found: Vec<Garbage> =
        deleted.iter().map(|listed| Garbage::new(listed, Outcome::Deleted)).collect();
    for listed in list(Some(session.directory()))?.entries.iter().filter(|listed| listed.is_garbage()) {
        found.push(match listed.kind {
            ListedKind::Leftover => {
                let reason = format!("no permission to delete what user {} left", listed.owner);
                Garbage::kept(listed, Exit::Denied, reason)
            }
            _ => remove(session, listed),
        });
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// Removes a segment that nobody can use any more.
fn remove(session: &Session, listed: &Listed) -> Garbage {
    let location = match session.location(&Place::Named(listed.segment.clone())) {
        Ok(location) => location,
        Err(error) => return Garbage::kept(listed, Exit::of(&error), told(&error)),
    };
    match remove_orphan(&location) {
        Ok(Removal::Removed) => Garbage::new(listed, Outcome::Deleted),
        Ok(Removal::InUse | Removal::Read(_)) => Garbage::kept(listed, Exit::Busy, "it is in use again"),
        Err(error) if error.kind() == ErrorKind::Missing => Garbage::new(listed, Outcome::Gone),
        Err(error) => Garbage::kept(listed, Exit::of_kind(error.kind()), error.to_string()),
    }
}
