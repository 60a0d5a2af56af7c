//! Each row once: positions that are kept while frames grow, lose rows, go and come back.

use super::held::Frames;
use super::met::Met;
use super::rows::{Rows, count};
use shmframe::{Position, Since, Snapshot};
use shmframe_model::{assert_batches_in_place, assert_same_rows};
use std::collections::BTreeMap;

/// How far a frame was read.
#[derive(Clone, Debug)]
pub struct Followed {
    name: String,
    /// Which frame it was.
    identity: u64,
    position: Position,
}

impl Followed {
    /// Where a frame begins.
    pub fn begin(snapshot: &Snapshot, name: &str, rows: &Rows) -> Self {
        let position = snapshot.frame(name).unwrap().first_position();
        assert_eq!(Some(position.row()), rows.first());
        Self { name: name.to_owned(), identity: rows.identity, position }
    }

    /// Asks a snapshot of these frames what there is since then, and goes on to behind it.
    pub fn advance(&mut self, snapshot: &Snapshot, frames: &Frames, met: &mut Met) {
        // As if it had been kept in a file meanwhile.
        let position = Position::from_bytes(self.position.to_bytes());
        let appended = snapshot.appended_since(&self.name, position).unwrap();
        met.since(appended.since, count(&appended.batches));
        let Some(rows) = frames.get(&self.name) else {
            assert_eq!((appended.since, appended.position), (Since::Missing, position));
            assert!(appended.batches.is_empty());
            return;
        };
        let first = rows.first().unwrap();
        let (row, end) = (position.row(), rows.end());
        let (since, from) = if rows.identity != self.identity {
            (Since::Replaced, first)
        } else if row > end {
            (Since::Ahead { rows: row - end }, end)
        } else if row < first {
            (Since::Dropped { rows: first - row }, first)
        } else {
            (Since::Continued, row)
        };
        assert_eq!(appended.since, since, "{position} of {}: rows {first} to {end}", self.name);
        let expected = rows.since(from);
        if count(&expected) == 0 {
            assert_eq!(count(&appended.batches), 0, "rows that nobody appended");
        } else {
            assert!(appended.batches.iter().all(|batch| batch.num_rows() > 0), "batches without rows");
            assert_same_rows(&expected, &appended.batches);
        }
        let frame = snapshot.frame(&self.name).unwrap();
        assert_batches_in_place(&frame, &appended.batches);
        let behind = if matches!(since, Since::Ahead { .. }) { position } else { frame.position() };
        assert_eq!(appended.position, behind);
        if !matches!(since, Since::Ahead { .. }) {
            assert_eq!((frame.position().row(), frame.first_position().row()), (end, first));
        }
        (self.identity, self.position) = match since {
            Since::Ahead { .. } => (self.identity, position),
            _ => (rows.identity, appended.position),
        };
    }
}

/// A frame has one generation for as long as it is the same, and no other frame has it.
#[derive(Default)]
pub struct Generations(BTreeMap<u64, u64>);

impl Generations {
    pub fn check(&mut self, snapshot: &Snapshot, frames: &Frames) {
        for (name, rows) in frames {
            let generation = snapshot.frame(name).unwrap().position().generation();
            let known = *self.0.entry(rows.identity).or_insert(generation);
            assert_eq!(generation, known, "frame {name:?} has another generation");
            let others = self.0.iter().filter(|(_, other)| **other == generation);
            assert_eq!(others.count(), 1, "two frames have the generation {generation}");
        }
    }
}
