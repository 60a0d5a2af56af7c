//! Whether a machine is fit for segments: each check says what it found, and what to do about it.
//!
//! What is asked of the system stands apart from how it is judged: a judgement is a function of numbers.

mod directory;
mod leftovers;
mod limits;
mod memory;

use crate::session::Session;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::record::{Cell, Record, Tone, cell, toned};
use shmframe_segment::list;

/// How a check came out.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Good,
    /// It works, until it does not.
    Warning,
    /// It does not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, JsonSchema, PartialEq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it came out.
    pub status: Status,
    /// What was found.
    pub found: String,
    /// The number behind it, where there is one: bytes of a size, a count otherwise; null also where there is no limit.
    pub number: Option<u64>,
    /// What to do.
    pub advice: Option<String>,
}

impl Record for Check {
    const KIND: &'static str = "check";
    const HEADS: &'static [&'static str] = &["CHECK", "STATUS", "FOUND", "WHAT TO DO"];

    fn cells(&self, _exact: bool) -> Vec<Cell> {
        let status = match self.status {
            Status::Good => toned("good", Tone::Good),
            Status::Warning => toned("warning", Tone::Warning),
            Status::Bad => toned("bad", Tone::Bad),
        };
        vec![cell(self.name), status, cell(&self.found), cell(self.advice.as_deref().unwrap_or_default())]
    }
}

impl Check {
    fn new(name: &'static str, status: Status, found: impl Into<String>) -> Self {
        Self { name, status, found: found.into(), number: None, advice: None }
    }

    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, Status::Good, found)
    }

    fn warning(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(name, Status::Warning, found).advised(advice)
    }

    fn bad(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(name, Status::Bad, found).advised(advice)
    }

    /// What cannot be asked of this system.
    fn unknown(name: &'static str, error: impl core::fmt::Display) -> Self {
        Self::warning(name, format!("cannot be asked: {error}"), "see that /proc is mounted")
    }

    fn advised(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    fn numbered(self, number: u64) -> Self {
        Self { number: Some(number), ..self }
    }
}

/// All checks of this machine, for the directory that the options name.
pub fn checks(session: &Session) -> Vec<Check> {
    let mut checks = vec![limits::kernel()];
    match list(Some(session.directory())) {
        Ok(listing) => {
            checks.extend(directory::checks(&listing));
            checks.extend(memory::checks(&listing));
            checks.extend(leftovers::checks(&listing));
        }
        Err(error) => {
            let advice = "create it, let this user read it, or name another one with --dir or SHMFRAME_DIR";
            let found = format!("{}: {}", session.directory().display(), error.report().what);
            checks.push(Check::bad("directory", found, advice));
        }
    }
    checks.extend(limits::checks());
    checks
}
