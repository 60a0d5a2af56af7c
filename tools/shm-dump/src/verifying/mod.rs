//! How a segment is verified: from outside, record by record, row by row.

pub mod contents;
pub mod deep;
pub mod outside;

use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::Exit;
use shmframe_cli::record::{Cell, Record, Tone, cell, toned};
use shmframe_format::{Error, ErrorKind};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something is damaged.
    Error,
    /// Worth a look: it costs memory, or the next writer mends it.
    Warning,
}

/// Something that does not add up.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is: a file, an entry, a version, a frame, a column.
    #[serde(rename = "where")]
    pub place: String,
    /// What is wrong, and what to do.
    pub what: String,
    /// The status that stands for it, if not that of damage.
    #[serde(skip)]
    pub exit: Option<Exit>,
}

impl Record for Finding {
    const KIND: &'static str = "finding";
    const HEADS: &'static [&'static str] = &["FINDING", "WHERE", "WHAT"];

    fn cells(&self, _exact: bool) -> Vec<Cell> {
        let severity = match self.severity {
            Severity::Error => toned("error", Tone::Bad),
            Severity::Warning => toned("warning", Tone::Warning),
        };
        vec![severity, cell(&self.place), cell(&self.what)]
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    pub fn add(&mut self, severity: Severity, place: impl Into<String>, what: impl Into<String>) {
        self.0.push(Finding { severity, place: place.into(), what: what.into(), exit: None });
    }

    /// Adds an error of the library, with the status that stands for it.
    pub fn add_error(&mut self, place: impl Into<String>, error: &Error) {
        self.0.push(Finding {
            severity: Severity::Error,
            place: place.into(),
            what: error.to_string(),
            exit: Some(Exit::of_kind(error.kind())),
        });
    }

    pub fn into_vec(self) -> Vec<Finding> {
        self.0
    }
}

/// The status that these findings stand for: what is wrong with the segment goes before what could not be looked at.
pub fn exit_of(findings: &[Finding]) -> Exit {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let exits: Vec<Exit> = errors.map(|finding| finding.exit.unwrap_or(Exit::Damaged)).collect();
    let of_segment = exits.iter().find(|exit| **exit != Exit::Failed);
    of_segment.or(exits.first()).copied().unwrap_or(Exit::Success)
}

/// Whether an error says that a version went while it was looked at: nothing is wrong with that.
pub fn is_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Error>().is_some_and(|error| error.kind() == ErrorKind::VersionGone)
}
