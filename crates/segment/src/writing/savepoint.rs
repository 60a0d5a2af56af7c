//! Changes to one frame that are made in several steps: all of them, or none.

use crate::writing::staged_frame::StagedFrame;
use crate::writing::staging::Staging;
use std::sync::Arc;

/// Where a transaction stood before it changed a frame.
#[derive(Debug)]
pub struct Savepoint {
    frame: Arc<str>,
    change: Option<Option<Arc<StagedFrame>>>,
    allocated: usize,
    grown: usize,
    discarded: usize,
    fronts: usize,
    next_generation: u64,
}

impl Staging<'_> {
    /// Where the transaction stands now, to go back to if a change of this frame fails halfway.
    #[must_use]
    pub fn savepoint(&self, frame: &str) -> Savepoint {
        Savepoint {
            frame: frame.into(),
            change: self.changes.get(frame).cloned(),
            allocated: self.allocated.len(),
            grown: self.grown.len(),
            discarded: self.discarded.len(),
            fronts: self.fronts.len(),
            next_generation: self.next_generation,
        }
    }

    /// Takes back what was done since then; it was done to that frame alone.
    pub fn go_back(&mut self, to: Savepoint) {
        self.give_back(to.allocated);
        self.take_back(to.grown);
        self.discarded.truncate(to.discarded);
        self.fronts.truncate(to.fronts);
        self.next_generation = to.next_generation;
        match to.change {
            Some(change) => drop(self.changes.insert(to.frame, change)),
            None => drop(self.changes.remove(&to.frame)),
        }
    }
}
