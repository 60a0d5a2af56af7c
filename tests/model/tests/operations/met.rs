//! What a run of the property test has met: a case that never comes is one that nobody tests.

use super::model::Refused;
use super::operation::Change;
use super::rows::Rows;
use arrow::array::{Array, RecordBatch};
use shmframe::{Frame, Since};
use std::collections::BTreeMap;

/// Up to so many bytes a frame is written anew by an append.
const SMALL_FRAME: u64 = 64 << 10;

/// How often each of these came.
#[derive(Debug, Default)]
pub struct Met(BTreeMap<&'static str, u64>);

/// All of them.
const ALL: [&str; 15] = [
    "small frame that was appended to",
    "frame beyond the small ones that was appended to",
    "several batches",
    "tail behind a body with nulls",
    "rows in front",
    "rows that stay beyond those that were asked for",
    "append of another schema",
    "append within a transaction",
    "change of columns after an append",
    "append after a change of columns",
    "continued",
    "dropped",
    "replaced",
    "ahead",
    "missing",
];

impl Met {
    pub fn note(&mut self, what: &'static str) {
        assert!(ALL.contains(&what), "{what:?} is none that is asked for");
        *self.0.entry(what).or_default() += 1;
    }

    pub fn note_if(&mut self, holds: bool, what: &'static str) {
        if holds {
            self.note(what);
        }
    }

    /// What is special about a change of a frame of which these are the rows before.
    pub fn change(&mut self, change: &Change, before: Option<&Rows>, done: Result<(), Refused>) {
        let grown = |before: &Rows| before.appends > 0;
        match change {
            Change::Append(..) if done.is_err() => self.note("append of another schema"),
            Change::Append(..) => {
                let changed = before.is_some_and(|before| before.changes > 0);
                self.note_if(changed, "append after a change of columns");
            }
            Change::Columns(..) if done.is_ok() => {
                self.note_if(before.is_some_and(grown), "change of columns after an append");
            }
            _ => {}
        }
    }

    /// What is special about a frame that somebody took.
    pub fn frame(&mut self, rows: &Rows, frame: &Frame, received: &[RecordBatch]) {
        let (grown, large) = (rows.appends > 0, frame.num_bytes() > SMALL_FRAME);
        self.note_if(grown && !large, "small frame that was appended to");
        self.note_if(grown && large, "frame beyond the small ones that was appended to");
        self.note_if(received.len() > 1, "several batches");
        let tails = received.windows(2).filter(|pair| {
            let nulls = |batch: &RecordBatch| batch.columns().iter().any(|column| column.null_count() > 0);
            pair[0].num_rows() % 64 == 0 && pair[1].num_rows() < 64 && nulls(&pair[0]) && nulls(&pair[1])
        });
        self.note_if(tails.count() > 0, "tail behind a body with nulls");
        self.note_if(frame.first_position().row() > 0, "rows in front");
    }

    pub fn since(&mut self, since: Since, rows: usize) {
        match since {
            Since::Continued if rows == 0 => {}
            Since::Continued => self.note("continued"),
            Since::Dropped { .. } => self.note("dropped"),
            Since::Replaced => self.note("replaced"),
            Since::Ahead { .. } => self.note("ahead"),
            Since::Missing => self.note("missing"),
        }
    }

    pub fn add(&mut self, other: Self) {
        other.0.into_iter().for_each(|(what, count)| *self.0.entry(what).or_default() += count);
    }

    /// Fails if something never came.
    pub fn check(&self) {
        println!("{:#?}", self.0);
        let missing: Vec<_> = ALL.iter().filter(|what| !self.0.contains_key(**what)).collect();
        assert!(missing.is_empty(), "never met: {missing:?}");
    }
}
