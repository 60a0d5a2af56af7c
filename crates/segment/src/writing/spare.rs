//! What transactions that ended leave to the next one: memory to write in, and nothing that is read. It saves allocations.

use crate::writing::growth::Found;
use crate::writing::staged_frame::{Contents, StagedFrame};
use crate::writing::staging::Grown;
use core::ops::Range;
use shmframe_format::Covered;
use shmframe_format::directory::Root;
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
    pub(super) found: Vec<Found>,
    /// A frame that another one replaced, and its state.
    frame: Option<Arc<StagedFrame>>,
    state: Option<Arc<State>>,
    root: Option<Arc<Root>>,
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

    pub(super) fn keep_found(&mut self, found: Vec<Found>) {
        self.found = emptied(found);
    }

    /// Keeps the place of a frame that another one replaced, and of its state.
    pub(super) fn keep_frame(&mut self, mut frame: Arc<StagedFrame>) {
        let Some(replaced) = Arc::get_mut(&mut frame) else { return };
        let nothing = Contents::Extents(Vec::new());
        if let Contents::Records(_, state) = core::mem::replace(&mut replaced.contents, nothing) {
            self.state = Some(state);
        }
        self.frame = Some(frame);
    }

    pub(super) fn keep_root(&mut self, root: Arc<Root>) {
        self.root = Some(root);
    }

    pub(super) fn frame(&mut self, frame: StagedFrame) -> Arc<StagedFrame> {
        in_place_of(self.frame.take(), frame)
    }

    pub(super) fn root(&mut self, root: Root) -> Arc<Root> {
        in_place_of(self.root.take(), root)
    }

    /// A state without chunks, of no frame, which nobody else has.
    pub(super) fn state(&mut self) -> Arc<State> {
        let mut spare = self.state.take().unwrap_or_default();
        if let Some(state) = Arc::get_mut(&mut spare) {
            let State { chunks, nodes, buffers, .. } = core::mem::take(state);
            (state.chunks, state.nodes, state.buffers) = (emptied(chunks), emptied(nodes), emptied(buffers));
            return spare;
        }
        Arc::default()
    }
}

/// The value, in a place that nobody else has, if there is one.
fn in_place_of<T>(spare: Option<Arc<T>>, value: T) -> Arc<T> {
    if let Some(mut place) = spare
        && let Some(before) = Arc::get_mut(&mut place)
    {
        *before = value;
        return place;
    }
    Arc::new(value)
}

fn emptied<T>(mut items: Vec<T>) -> Vec<T> {
    items.clear();
    items.shrink_to(ITEMS);
    items
}
