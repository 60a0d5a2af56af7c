//! What transactions that ended leave to the next one: memory to write in, and nothing that is read. It saves allocations.

use crate::writing::staged_frame::{Contents, StagedFrame};
use crate::writing::staging::Grown;
use core::ops::Range;
use shmframe_format::Covered;
use shmframe_format::frame::State;
use std::sync::Arc;

/// Longer records leave no bytes.
const BYTES: usize = 64 << 10;
/// Vectors of more items leave room for so many.
const ITEMS: usize = 1024;

/// Vectors to be written anew.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    /// Bytes of a record.
    pub(super) draft: Vec<u8>,
    pub(super) allocated: Vec<Range<u64>>,
    pub(super) grown: Vec<Grown>,
    pub(super) discarded: Vec<Covered>,
    /// Of a frame that another one replaced.
    state: Option<State>,
}

impl Spare {
    pub(super) fn keep_draft(&mut self, draft: Vec<u8>) {
        if draft.capacity() <= BYTES {
            self.draft = draft;
        }
    }

    /// Keeps what an ended transaction leaves.
    pub(super) fn keep(&mut self, allocated: Vec<Range<u64>>, grown: Vec<Grown>, discarded: Vec<Covered>) {
        (self.allocated, self.grown, self.discarded) =
            (emptied(allocated), emptied(grown), emptied(discarded));
    }

    /// Keeps the state of a frame, if nobody else has it.
    pub(super) fn keep_frame(&mut self, frame: Arc<StagedFrame>) {
        if let Some(StagedFrame { contents: Contents::Records(_, state), .. }) = Arc::into_inner(frame) {
            self.state = Arc::into_inner(state);
        }
    }

    /// A state without chunks, of no frame.
    pub(super) fn state(&mut self) -> State {
        let none = || State {
            generation: 0,
            rows: 0,
            first_row: 0,
            chunks: Vec::new(),
            nodes: Vec::new(),
            buffers: Vec::new(),
        };
        let State { chunks, nodes, buffers, .. } = self.state.take().unwrap_or_else(none);
        State { chunks: emptied(chunks), nodes: emptied(nodes), buffers: emptied(buffers), ..none() }
    }
}

fn emptied<T>(mut items: Vec<T>) -> Vec<T> {
    items.clear();
    items.shrink_to(ITEMS);
    items
}
