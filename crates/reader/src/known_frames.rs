//! What a reader keeps in mind of the frames that it read last: private copies, no pins.
//!
//! What is of a version that is held stands beside its pin; here the next version finds what it shares with the one before.

use crate::frame::{Frame, KnownFrame};
use shmframe_format::Result;
use shmframe_segment::{CheckedFrame, PinnedFrame, Validation};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Frames by name. A lock that another thread held at a fork stays held in the child: then nothing is known.
pub(crate) struct KnownFrames {
    validation: Validation,
    records: Mutex<HashMap<String, Arc<CheckedFrame>>>,
    /// With [`Validation::Full`] alone.
    looked_at: Mutex<HashMap<String, LookedAt>>,
}

/// A frame, and which of its columns this reader has looked at: other readers of the process may have asked for less.
#[derive(Clone)]
struct LookedAt {
    records: Arc<CheckedFrame>,
    known: Arc<KnownFrame>,
}

impl KnownFrames {
    pub(crate) fn new(validation: Validation) -> Self {
        Self { validation, records: Mutex::default(), looked_at: Mutex::default() }
    }

    /// The records of the frame of this name that was read last.
    pub(crate) fn records(&self, name: &str) -> Option<Arc<CheckedFrame>> {
        self.records.try_lock().ok()?.get(name).cloned()
    }

    /// A frame as it was decoded before, or decoded now and kept in mind; `before` is its like in an earlier version.
    pub(crate) fn frame(&self, pinned: PinnedFrame, before: Option<&CheckedFrame>) -> Result<Frame> {
        let shared = KnownFrame::of(pinned.checked());
        let known = match (self.validation, shared) {
            (Validation::Layout, Some(known)) => known,
            (Validation::Layout, None) => self.decode(&pinned, before)?,
            (Validation::Full, shared) => self.look_at(&pinned, shared)?,
        };
        Ok(Frame::new(pinned, known, self.validation))
    }

    fn decode(&self, pinned: &PinnedFrame, before: Option<&CheckedFrame>) -> Result<Arc<KnownFrame>> {
        let before = before.and_then(KnownFrame::of);
        let fresh = KnownFrame::read(pinned, before.as_deref(), Validation::Layout)?;
        self.keep(pinned.checked());
        Ok(fresh.keep(pinned.checked()))
    }

    fn look_at(&self, pinned: &PinnedFrame, shared: Option<Arc<KnownFrame>>) -> Result<Arc<KnownFrame>> {
        let records = pinned.checked();
        let before = self.looked_at.try_lock().ok().and_then(|kept| kept.get(records.name()).cloned());
        if let Some(before) = before.as_ref().filter(|before| before.records.is_same(records)) {
            return Ok(Arc::clone(&before.known));
        }
        let before = shared.or(before.map(|before| before.known));
        let known = Arc::new(KnownFrame::read(pinned, before.as_deref(), Validation::Full)?);
        if let Ok(mut looked_at) = self.looked_at.try_lock() {
            let fresh = LookedAt { records: Arc::clone(records), known: Arc::clone(&known) };
            looked_at.insert(records.name().to_owned(), fresh);
        }
        self.keep(records);
        Ok(known)
    }

    fn keep(&self, records: &Arc<CheckedFrame>) {
        if let Ok(mut kept) = self.records.try_lock() {
            match kept.get_mut(records.name()) {
                Some(before) => *before = Arc::clone(records),
                None => _ = kept.insert(records.name().to_owned(), Arc::clone(records)),
            }
        }
    }
}
