//! What a run of the property test has met: a case that never comes is one that nobody tests.

use super::growth::is_flat;
use super::model::Refused;
use super::operation::{Change, Filled};
use super::rows::Rows;
use arrow::array::{Array, RecordBatch};
use shmframe::{Frame, Since};
use std::collections::BTreeMap;

/// Up to so many bytes a frame is written anew by an append.
const SMALL_FRAME: u64 = 64 << 10;

/// How often each of these came.
#[derive(Debug, Default)]
pub struct Met(BTreeMap<&'static str, u64>);

/// What comes only where writers take turns.
pub const IN_TURN: &str = "transaction that was refused in its turn";

/// All others.
const ALL: [&str; 34] = [
    "small frame that was appended to",
    "frame beyond the small ones that was appended to",
    "several batches",
    "tail behind a body with nulls",
    "rows in front",
    "rows that stay beyond those that were asked for",
    "append of another schema",
    "append within a transaction",
    "frame that was built",
    "frame that was built within a transaction",
    "frame whose building was given up",
    "rows that were filled behind those of a small frame",
    "rows that were filled in place",
    "rows that were filled elsewhere and copied",
    "rows that were filled within a transaction",
    "rows whose filling was given up",
    "compact of several batches",
    "compact after rows were dropped",
    "compact within a transaction",
    "append after a compact",
    "room that was reserved",
    "room that was reserved within a transaction",
    "room that is not there",
    "rows with new columns",
    "rows that may have new columns and have none",
    "rows with new columns within a transaction",
    "new column that may not be null",
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
        assert!(ALL.contains(&what) || what == IN_TURN, "{what:?} is none that is asked for");
        *self.0.entry(what).or_default() += 1;
    }

    pub fn note_if(&mut self, holds: bool, what: &'static str) {
        if holds {
            self.note(what);
        }
    }

    /// What is special about a change of a frame of which these are the rows before.
    pub fn change(&mut self, change: &Change, before: Option<&Rows>, done: Result<(), Refused>) {
        let is = |holds: fn(&Rows) -> bool| before.is_some_and(holds);
        match change {
            Change::Append(..) if done.is_err() => self.note("append of another schema"),
            Change::Append(..) => {
                self.note_if(is(|before| before.changes > 0), "append after a change of columns");
                self.note_if(is(|before| before.compacts > 0), "append after a compact");
            }
            Change::Columns(..) if done.is_ok() => {
                self.note_if(is(|before| before.appends > 0), "change of columns after an append");
            }
            Change::Build(_, _, Filled::Abandoned) => self.note("frame whose building was given up"),
            Change::Fill(_, _, _, Filled::Abandoned) if before.is_some() => {
                self.note("rows whose filling was given up");
            }
            Change::Widen(..) if done.is_err() => self.note("new column that may not be null"),
            _ => {}
        }
    }

    /// A change was made, as a version of its own; so stood the frame before.
    pub fn alone(
        &mut self,
        change: &Change,
        (before, after): (Option<&Rows>, Option<&Rows>),
        frame: Option<&Frame>,
    ) {
        match (change, before, frame) {
            (Change::Build(..), ..) => self.note("frame that was built"),
            (Change::Fill(..), Some(before), Some(frame)) => {
                let (large, flat) = (frame.num_bytes() > SMALL_FRAME, is_flat(&before.batches()[0]));
                self.note_if(!large, "rows that were filled behind those of a small frame");
                self.note_if(large && flat, "rows that were filled in place");
                self.note_if(large && !flat, "rows that were filled elsewhere and copied");
            }
            (Change::Compact(_), _, Some(frame)) => {
                self.note_if(frame.batches().unwrap().len() > 1, "compact of several batches");
                self.note_if(frame.first_position().row() > 0, "compact after rows were dropped");
            }
            (Change::Reserve(..), ..) => self.note("room that was reserved"),
            (Change::Widen(..), Some(before), _) => {
                let widened = after.is_some_and(|after| after.changes > before.changes);
                self.note_if(widened, "rows with new columns");
                self.note_if(!widened, "rows that may have new columns and have none");
            }
            _ => {}
        }
    }

    /// A change was made as a part of a transaction.
    pub fn within(&mut self, change: &Change) {
        match change {
            Change::Append(..) => self.note("append within a transaction"),
            Change::Build(..) => self.note("frame that was built within a transaction"),
            Change::Fill(..) => self.note("rows that were filled within a transaction"),
            Change::Compact(_) => self.note("compact within a transaction"),
            Change::Reserve(..) => self.note("room that was reserved within a transaction"),
            Change::Widen(..) => self.note("rows with new columns within a transaction"),
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

    /// Fails if one of them never came, or one of `others`.
    pub fn check(&self, others: &[&str]) {
        println!("{:#?}", self.0);
        let missing: Vec<_> = ALL.iter().chain(others).filter(|what| !self.0.contains_key(**what)).collect();
        assert!(missing.is_empty(), "never met: {missing:?}");
    }
}
